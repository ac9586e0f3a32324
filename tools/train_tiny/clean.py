"""Keeps the good stories of generate.py's output and splits off a held-out part.

    python clean.py OUT --raw FILE.jsonl... --style STYLE.txt

A raw file that ends in .txt holds stories that an earlier run kept.
Writes OUT/train.txt and OUT/heldout.txt, stories apart by lines with <|endoftext|>.
"""
import argparse
import collections
import json
import multiprocessing
import random
import re
from pathlib import Path

from prompts import BOYS, GIRLS
from style import plain

SPEECH = r"(?:said|asked|replied|answered|shouted|cried)"
BAD = re.compile(
    r"\b(?!had |that )(\w+) \1\b|\b([A-Z]\w+) and \2\b|\b([A-Z]\w+)[,.!?]+\" " + SPEECH + r" \3\b"
    r"|\b(\w+) \w+ \w+,? and \4 \w+ \w+,? and \4\b|[^\w\s.,!?'\":;-]|\d\d|_|--"
    r"|\b(?:AI|language model|paragraph|moral|sex\w*|kill\w*|blood|murder\w*|naked|gun|"
    r"guns|drunk|beer|whisky|suicide|bomb|God|Jesus|Allah|Hitler|died|dead|stupid|damn)\b")
END = re.compile(r"(?:\s+\"?(?:The end|The moral of th[^\n]*?)[.!]*\"?)+$", re.I)
WORD = re.compile(r"[A-Za-z']+")


def repetitive(text: str, words: list[str]) -> bool:
    """Says the same again: repeated sentences, triples of words, or one word all the time."""
    sentences = [s.strip().lower() for s in re.split(r"[.!?\"\n]+", text)]
    long = [s for s in sentences if s.count(" ") >= 3]
    if len(set(long)) < len(long):
        return True
    starts = collections.Counter(" ".join(s.split()[:4]) for s in long)
    if starts and max(starts.values()) > max(2, len(long) // 6):
        return True
    triples = list(zip(words, words[1:], words[2:]))
    if len(set(triples)) < 0.91 * len(triples):
        return True
    fives = list(zip(words, words[1:], words[2:], words[3:], words[4:]))
    if len(set(fives)) < 0.975 * len(fives):
        return True
    counts = collections.Counter(w for w in words if len(w) > 3)
    return max(counts.values()) > max(5, 0.065 * len(words))


def tidy(text: str) -> str:
    """The story in plain form, or nothing when its form is wrong."""
    text = END.sub("", plain(text))
    text = re.sub(r"\n+", "\n\n", text)
    words = WORD.findall(text.lower())
    if not 45 <= len(words) <= 260 or not text.isascii() or BAD.search(text):
        return ""
    if text[0] not in "\"" and not text[0].isupper() or text[-1] not in ".!?\"":
        return ""
    if any(part.count('"') % 2 for part in text.split("\n\n")) or text.count("\n\n") > 12:
        return ""
    return "" if repetitive(text, words) else text


def rename(text: str, common: set[str], rng: random.Random) -> str:
    """Gives the names that come up all the time another one, the same all through a story."""
    for names in (GIRLS, BOYS):
        for name in sorted(common & set(names)):
            if re.search(rf"\b{name}\b", text) and rng.random() < 0.93:
                new = rng.choice([n for n in names if n not in text])
                text = re.sub(rf"\b{name}\b", new, text)
    return text


def grams(words: list[str], n: int) -> list[int]:
    return [hash(tuple(words[i:i + n])) for i in range(len(words) - n + 1)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--raw", type=Path, nargs="+")
    parser.add_argument("--style", type=Path)
    parser.add_argument("--held", type=int, default=400)
    args = parser.parse_args()
    rng = random.Random(1)
    raw = [json.loads(line)["text"] for path in args.raw if path.suffix == ".jsonl"
           for line in path.read_text().splitlines()]
    raw += [text for path in args.raw if path.suffix == ".txt"
            for text in path.read_text().split("\n<|endoftext|>\n")]
    with multiprocessing.Pool() as pool:
        stories = [text for text in pool.imap(tidy, raw, 500) if text]
    print(len(raw), "written,", len(stories), "in good form and not repetitive")

    lower = collections.Counter(w for s in stories for w in set(WORD.findall(s)) if w.islower())
    stories = [s for s in stories
               if all(lower[w] >= 6 for w in WORD.findall(s) if w.islower())]
    print(len(stories), "without rare words")

    names = collections.Counter(w for s in stories for w in set(WORD.findall(s)) if w[0].isupper())
    limit = 2 * sorted(names[n] for n in GIRLS + BOYS)[len(GIRLS + BOYS) // 2]
    common = {n for n in GIRLS + BOYS if names[n] > limit}
    print("renamed:", " ".join(sorted(common)))
    stories = [rename(s, common, rng) for s in stories]

    rng.shuffle(stories)
    style = {g for s in args.style.read_text().split("\n<|endoftext|>\n")
             for g in grams(WORD.findall(s.lower()), 14)}
    seen, kept = collections.Counter(), []
    for story in stories:
        words = WORD.findall(story.lower())
        twelve, opening = grams(words, 12), hash(tuple(words[:8]))
        if style.intersection(grams(words, 14)) or any(seen[g] >= 4 for g in twelve):
            continue
        if seen[opening, 0] >= 12:
            continue
        seen.update(set(twelve))
        seen[opening, 0] += 1
        kept.append(story)
    print(len(kept), "after leaving out those that share phrases with others or the examples")

    args.out.mkdir(parents=True, exist_ok=True)
    for name, part in (("heldout", kept[:args.held]), ("train", kept[args.held:])):
        (args.out / f"{name}.txt").write_text("\n<|endoftext|>\n".join(part) + "\n")
        print(name, len(part), "stories,", sum(map(len, part)), "characters")


if __name__ == "__main__":
    main()
