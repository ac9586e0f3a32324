"""Compares a built tokenizer plugin with HF tokenizers, line by line, and times both on one thread.

    python tokenizers_compare.py PLUGIN.so TOKENIZER.json [--source FOLDER] [--lines 20000] [--speed FILE]

--source: what the plugin loads where it is not the same file (a folder with vocab.json, say).
Exit code 1 where any line differs.
"""
import argparse
import os
import sys
import time
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import tokenizers  # noqa: E402

from tokenizer_plugin import ADD_SPECIAL, PARSE_SPECIAL, Plugin  # noqa: E402
from tokenizers_text import lines  # noqa: E402

def compare(plugin, reference, texts):
    """Number of lines that differ; prints the first few."""
    bad = 0
    for number, text in enumerate(texts):
        raw = text.encode()
        for parse in (True, False):
            reference.encode_special_tokens = not parse
            want = reference.encode(text, add_special_tokens=True).ids
            got = plugin.encode(raw, ADD_SPECIAL | (PARSE_SPECIAL if parse else 0))
            if want != got:
                bad += 1
                if bad <= 10:
                    at = next((i for i, (a, b) in enumerate(zip(want, got)) if a != b),
                              min(len(want), len(got)))
                    print(f"line {number} parse={parse} differs at id {at}: want "
                          f"{want[at:at + 6]} got {got[at:at + 6]} text {text[:60]!r}")
        if plugin.decode(plugin.encode(raw, PARSE_SPECIAL)) != raw:
            bad += 1
            print(f"line {number}: decode(encode(x)) != x: {text[:60]!r}")
    reference.encode_special_tokens = False
    return bad


def speed(plugin, reference, path):
    rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
    n_bytes = sum(len(row.encode()) for row in rows)
    encoded = [row.encode() for row in rows]
    for name, run, items in (("plugin", lambda row: plugin.encode(row, PARSE_SPECIAL), encoded),
                             ("HF", lambda row: reference.encode(row).ids, rows)):
        best = 1e9
        for _ in range(3):
            start = time.perf_counter()
            for item in items:
                run(item)
            best = min(best, time.perf_counter() - start)
        print(f"{name}: {n_bytes / best / 1e6:.2f} MB/s over {len(rows)} lines, {n_bytes} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plugin", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("--source", type=Path)
    parser.add_argument("--lines", type=int, default=20000)
    parser.add_argument("--speed", type=Path)
    args = parser.parse_args()
    reference = tokenizers.Tokenizer.from_file(str(args.tokenizer))
    plugin = Plugin(args.plugin, args.source or args.tokenizer)
    print(f"{plugin.info.summary.decode()}: loaded in {plugin.load_ms:.1f} ms, "
          f"HF tokenizers {tokenizers.__version__}")
    added = [token.content for token in reference.get_added_tokens_decoder().values()]
    texts = lines(args.lines, added)
    bad = compare(plugin, reference, texts)
    print(f"{len(texts)} lines, {bad} differences")
    if args.speed:
        speed(plugin, reference, args.speed)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
