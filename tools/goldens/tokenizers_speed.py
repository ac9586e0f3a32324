"""Encoding and loading speed of the tokenizer plugins beside HF tokenizers, on one thread.

    tools/fetch_parity_data.sh
    .parity/venv/bin/python tools/goldens/tokenizers_speed.py BUILD [NAME …]

Same texts in the same run, turn and turn about; the best of several rounds of each. A round encodes
one kind of text in chunks of about 2,000 bytes cut at line ends: prose (the bundled models' training
sample), code (this repository's C++ and Python) and scripts (mixed writing systems, from
tokenizers_lines.py). Every chunk is another: words repeat as they do in text. HF's figure is the
better of encode and encode_batch_fast. SentencePiece models are timed against that library, too.
"""
import os
import sys
import time
from pathlib import Path

os.environ["RAYON_NUM_THREADS"] = "1"

import tokenizer_references as references
from tokenizer_plugin import PARSE_SPECIAL
from tokenizers_lines import Maker
from tokenizers_parity import open_plugin

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 3.0  # for each text and tokenizer, both sides together


def chunks(text):
    out, rows = [], []
    for row in text.splitlines(keepends=True):
        rows.append(row)
        if sum(map(len, rows)) >= 2000:
            out.append("".join(rows))
            rows = []
    return out + ["".join(rows)]


def texts():
    code = [path.read_text() for folder, end in (("core", "*.[ch]pp"), ("host", "*.[ch]pp"), ("tools", "*.py"))
            for path in sorted((ROOT / folder).rglob(end))]
    maker = Maker(1)
    scripts = "".join(maker.script().replace("\n", " ") + "\n" for _ in range(6000))
    return {"prose": chunks((ROOT / "weights/train-sample.txt").read_text()),
            "code": chunks("".join(code)[:600000]), "scripts": chunks(scripts)}


def race(runs):
    """Best time of each run, taken in turns."""
    best = dict.fromkeys(runs, float("inf"))
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end or float("inf") in best.values():
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def main():
    build, *names = sys.argv[1:]
    slower = 0
    for name in names or ["dolma2", "llama3", "smollm2", "mistral", "gpt2"]:
        plugin, reference = open_plugin(build, name), references.ALL[name]()
        loads = [open_plugin(build, name).load_ms for _ in range(5)]
        print(f"{name}: {plugin.info.summary.decode()}; loads in {min(loads):.1f} ms")
        for kind, items in texts().items():
            raw = [item.encode() for item in items]
            n_bytes = sum(map(len, raw))
            runs = {"plugin": lambda: [plugin.encode_only(item, PARSE_SPECIAL) for item in raw],
                    "encode": lambda: [reference.tokenizer.encode(item) for item in items],
                    "batch": lambda: reference.tokenizer.encode_batch_fast(items)}
            if name == "mistral":
                library = references.Library(references.DATA / "mistral/tokenizer.model").processor
                runs["library"] = lambda: [library.encode(item) for item in items]
            best = race(runs)
            speed = {who: n_bytes / seconds / 1e6 for who, seconds in best.items()}
            hf = max(speed["encode"], speed["batch"])
            slower += speed["plugin"] < hf
            more = f", SentencePiece {speed['library']:5.2f}" if "library" in speed else ""
            print(f"  {kind:8}{n_bytes:8} bytes: plugin {speed['plugin']:6.2f} MB/s, HF {hf:5.2f}{more}: "
                  f"{speed['plugin'] / hf:.1f} times HF")
    sys.exit(1 if slower else 0)


if __name__ == "__main__":
    main()
