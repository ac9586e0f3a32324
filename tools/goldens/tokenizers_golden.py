"""Trains four small byte-level tokenizers and writes what HF tokenizers makes of awkward text.

    python tokenizers_golden.py ../../tests/golden/tokenizer

inputs.jsonl: one text a line, or [[piece, times], …] for long runs. NAME.json: the tokenizer.
NAME.ids: a line for each text, "with special tokens parsed | not parsed" ("=": the same), "7*3" is
7 7 7; "#N H" stands for N ids with the FNV-1a hash H, where they would fill the file. What the
tokenizer adds by itself is included.
"""
import itertools
import json
import os
import sys
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import tokenizers  # noqa: E402
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers,  # noqa: E402
                        processors, trainers)
from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence, Split  # noqa: E402

from tokenizers_text import SENTENCES, lines  # noqa: E402

CL100K = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
          r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
ADDED = [
    AddedToken("<|begin|>", special=True, normalized=False),
    AddedToken("<|end|>", special=True, normalized=False),
    AddedToken("<|end|><|begin|>", special=True, normalized=False),
    AddedToken("<|pad|>", special=True, normalized=False),
    AddedToken("|||PHONE|||", special=False, normalized=False),
    AddedToken("[left]", special=True, normalized=False, lstrip=True),
    AddedToken("[both]", special=False, normalized=False, lstrip=True, rstrip=True),
    AddedToken("[right]", special=False, normalized=True, rstrip=True),
    AddedToken("word", special=False, normalized=True, single_word=True),
    AddedToken("\u00e9tat \u2581", special=False, normalized=False),
]
FAMILIES = {
    "removed": Sequence([Split(Regex(CL100K), "removed", invert=True),
                         ByteLevel(add_prefix_space=False, use_regex=False)]),
    "isolated": Sequence([Split(Regex(CL100K), "isolated"),
                          ByteLevel(add_prefix_space=False, use_regex=False)]),
    "gpt2": ByteLevel(add_prefix_space=False, use_regex=True),
    "digits": Sequence([Digits(individual_digits=True),
                        Split("::", "merged_with_previous"), Split(Regex(r"[-_]+"), "merged_with_next"),
                        Split(Regex(r"\p{Lu}"), "contiguous"),
                        ByteLevel(add_prefix_space=True, use_regex=True)]),
}


def train(name):
    ignore = name == "isolated"
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore))
    tokenizer.pre_tokenizer = FAMILIES[name]
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(lines(4000, seed=7, runs=False) + SENTENCES * 30,
                                  trainers.BpeTrainer(vocab_size=760, show_progress=False,
                                                      initial_alphabet=ByteLevel.alphabet()))
    if ignore:  # tokens that only the look-up of whole pre-tokens finds
        state = json.loads(tokenizer.to_str())
        for word in ("\u0120zebra", "\u0120once", "quiz"):
            state["model"]["vocab"][word] = len(state["model"]["vocab"])
        tokenizer = Tokenizer.from_str(json.dumps(state))
    for token in ADDED:
        (tokenizer.add_special_tokens if token.special else tokenizer.add_tokens)([token])
    if name == "isolated":
        begin = tokenizer.token_to_id("<|begin|>")
        tokenizer.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single="<|begin|> $A", special_tokens=[("<|begin|>", begin)])])
    if name == "digits":
        end = tokenizer.token_to_id("<|end|>")
        tokenizer.post_processor = processors.TemplateProcessing(
            single="$A <|end|>", special_tokens=[("<|end|>", end)])
    return tokenizer


def inputs():
    """(what the file holds, text) pairs."""
    words = [" a zebra once quiz  zebra", "std::vector<int>::iterator a_-b--c__D ABCdefGHI x::::y",
             "sword word words word. _word word", "a [left]b  [both]  c [right]  d[right]",
             "caf\u00e9 \u00e9tat \u2581 \u00e9tat\u2581", "<|end|><|begin|><|end|>", "<|end|", "", " "]
    texts = words + lines(330, [token.content for token in ADDED], runs=False)
    out = [(text, text) for text in dict.fromkeys(texts) if len(text) <= 150]
    for piece in ["a", " ", "\n", "7", "!", "\u4e00", "\u3000", "ab", " a", "'s", "\U0001f600", "<|end|>"]:
        runs = [["x", 1], [piece, 10000], ["y", 1]]
        out.append((runs, "x" + piece * 10000 + "y"))
    return out


def packed(ids):
    runs = [(key, len(list(group))) for key, group in itertools.groupby(ids)]
    return " ".join(f"{key}*{n}" if n > 1 else str(key) for key, n in runs)


def written(ids):
    """The ids as the file holds them; the hash takes each id as one 32-bit unit."""
    text = packed(ids)
    if len(text) < 2000:
        return text
    state = 0xcbf29ce484222325
    for value in ids:
        state = ((state ^ value) * 0x100000001b3) & 0xffffffffffffffff
    return f"#{len(ids)} {state:x}"


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    texts = inputs()
    (out / "inputs.jsonl").write_text(
        "".join(json.dumps(held, ensure_ascii=True) + "\n" for held, _ in texts))
    (out / "version.txt").write_text(f"HF tokenizers {tokenizers.__version__}\n")
    for name in FAMILIES:
        tokenizer = train(name)
        tokenizer.save(str(out / f"{name}.json"), pretty=False)
        rows = []
        for _, text in texts:
            tokenizer.encode_special_tokens = False
            parsed = written(tokenizer.encode(text).ids)
            tokenizer.encode_special_tokens = True
            plain = written(tokenizer.encode(text).ids)
            rows.append(f"{parsed} | {'=' if plain == parsed else plain}\n")
        (out / f"{name}.ids").write_text("".join(rows))


if __name__ == "__main__":
    main()
