"""Puts the example stories for finetune.py into one file.

    python style.py OUT.txt --tiny FILE... --asp FOLDER

--tiny: excerpts of the TinyStories data set (CDLA-Sharing-1.0), --asp: the English folder of the
African Storybook texts (only those whose licence line says CC-BY); seeds.txt beside this file is
always taken, several times.
"""
import argparse
import random
import re
from pathlib import Path

SEED_COPIES = 6
# Between stories: one line end alone, or a paragraph that begins as stories do.
START = re.compile(r"(?<!\n)\n(?!\n)|\n+(?=Once upon a time|One day, a |Once there was|There once was)")


def plain(text: str) -> str:
    """ASCII quotes and dashes, single spaces, paragraphs apart by one empty line."""
    for old, new in (("“", '"'), ("”", '"'), ("’", "'"), ("‘", "'"), ("—", " - "), ("…", "..."), ("â€™", "'"), ("â€œ", '"'), ("â€\x9d", '"'), ("â€", '"')):
        text = text.replace(old, new)
    parts = [" ".join(p.split()) for p in re.split(r"\n\s*\n", text)]
    return "\n\n".join(p for p in parts if p)


def tiny_stories(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8", errors="ignore")
    stories = [s for block in text.split("<|endoftext|>") for s in START.split(block)]
    return [plain(s) for s in stories]


def storybook(path: Path) -> str:
    """One book: the pages' lines joined; empty when its licence is not plain CC-BY."""
    text = path.read_text(encoding="utf-8", errors="ignore")
    if not re.search(r"License: \[CC-BY\]\s", text):
        return ""
    pages = re.split(r"^##.*$", text.split("* License:")[0], flags=re.M)[1:]
    return "\n\n".join(" ".join(p.split()) for p in pages if p.strip())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tiny", type=Path, nargs="*", default=[])
    parser.add_argument("--asp", type=Path)
    args = parser.parse_args()
    stories = [s for path in args.tiny for s in tiny_stories(path)]
    if args.asp:
        stories += [plain(storybook(path)) for path in sorted(args.asp.glob("*.md"))]
    stories = sorted({s for s in stories if 250 < len(s) < 1700 and s.isascii()
                      and s[0].isalpha() and s[-1] in ".!?\"" and "/" not in s})
    seeds = (Path(__file__).parent / "seeds.txt").read_text(encoding="utf-8").split("---\n")
    stories += [s.strip().split("\n", 1)[1] for s in seeds] * SEED_COPIES
    random.Random(1).shuffle(stories)
    args.out.write_text("\n<|endoftext|>\n".join(stories), encoding="utf-8")
    print(len(stories), "stories,", sum(map(len, stories)), "characters")


if __name__ == "__main__":
    main()
