#!/usr/bin/env python3
"""Every n of tests/faults: sweep.py BUILD [--jobs N] [--kind alloc|read] [--command generate|bench]
[--from N] [--to N] [--step N]
[--whole]. Prints what the runs ended with, how often, and the first n of each; exit 1
where one ended by a signal, hung, left a file, said nothing, or printed another text."""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

COMMANDS = {
    "generate": ["-p", "The", "-n", "2", "-q", "--kernels", "reference"],
    "bench": ["bench", "--pp", "2", "--tg", "1", "-r", "1", "--check", "none", "--kernels", "cpu"],
}


def cut_model(source, target):
    """The bundled model with its first layer alone: every kind of step, a fifth of the time."""
    for name in ("generation_config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(source / name, target / name)
    config = json.loads((source / "config.json").read_text())
    config["num_hidden_layers"] = 1
    (target / "config.json").write_text(json.dumps(config))
    data = (source / "model.safetensors").read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header, body, kept = json.loads(data[8 : 8 + size]), b"", {}
    for name, tensor in header.items():
        if name == "__metadata__" or (".layers." in name and ".layers.0." not in name):
            continue
        begin, end = tensor["data_offsets"]
        kept[name] = {**tensor, "data_offsets": [len(body), len(body) + end - begin]}
        body += data[8 + size + begin : 8 + size + end]
    text = json.dumps(kept).encode()
    (target / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + body)


def run(build, command, model, fault, folder):
    environment = {"PATH": os.environ["PATH"], "HOME": "/tmp", "TMPDIR": str(folder), **fault,
                   "LD_PRELOAD": str(build / "tests/afs-test-inject.so")}
    args = [build / "bin/afs-host", *COMMANDS[command], *model, "--threads", "2"]
    try:
        done = subprocess.run(args, env=environment, cwd=folder, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        return "hung", b"", ""
    return done.returncode, done.stdout, done.stderr.decode(errors="replace").strip()


def sweep(build, command, kind, model, options):
    with tempfile.TemporaryDirectory() as folder:
        counts = pathlib.Path(folder) / "counts"
        code, text, said = run(build, command, model, {"AFS_FAULT_COUNTS": str(counts)}, folder)
        if code != 0:
            sys.exit(f"{command} fails without a fault: {said}")
        words = counts.read_text().split()
    n = dict(zip(words[::2], map(int, words[1::2])))[kind]

    def one(i):
        with tempfile.TemporaryDirectory() as folder:
            code, out, said = run(build, command, model, {"AFS_FAULT": f"{kind}:{i}"}, folder)
            bad = None
            if code not in (0, 1, 3):
                bad = f"ended with {code}"
            elif code != 0 and "afs-host: " not in said:
                bad = "said nothing"
            elif code == 0 and command == "generate" and out != text:
                bad = "another text"
            elif os.listdir(folder):
                bad = f"left {os.listdir(folder)}"
            return i, code, said, bad

    endings, first, faults = collections.Counter(), {}, []
    numbers = range(options.first, min(n, options.last or n) + 1, options.step)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for i, code, said, bad in pool.map(one, numbers):
            line = said.splitlines()[-1] if said else ""
            key = (code, re.sub(r"\d+", "N", line)[:160])
            endings[key] += 1
            first.setdefault(key, i)
            if bad:
                faults.append((i, bad, line))
                print(f"  {kind} {i}: {bad}: {line}", flush=True)
    codes = collections.Counter()
    for (code, _), times in endings.items():
        codes[code] += times
    print(f"{command}, {kind}: {n} in a run, {len(numbers)} tried: "
          + ", ".join(f"{times} ended with {code}" for code, times in sorted(codes.items(), key=str))
          + f"; {len(faults)} badly")
    if options.verbose:
        for key, times in endings.most_common():
            print(f"  {times:7} x {key[0]}, first at {first[key]}: {key[1]}")
    return not faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--kind", choices=["alloc", "read"])
    parser.add_argument("--command", choices=list(COMMANDS))
    parser.add_argument("--whole", action="store_true", help="all layers of the bundled model")
    parser.add_argument("--from", dest="first", type=int, default=1)
    parser.add_argument("--to", dest="last", type=int)
    parser.add_argument("--step", type=int, default=1, help="only every STEP-th")
    parser.add_argument("-v", dest="verbose", action="store_true")
    options = parser.parse_args()
    build = options.build.resolve()
    good = True
    source = pathlib.Path(__file__).resolve().parents[2] / "weights/llama3-tiny"
    cut = tempfile.TemporaryDirectory()
    if not options.whole:
        cut_model(source, pathlib.Path(cut.name))
    model = ["--model", str(source if options.whole else cut.name)]
    for command in [options.command] if options.command else COMMANDS:
        for kind in [options.kind] if options.kind else ["read", "alloc"]:
            good &= sweep(build, command, kind, model, options)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
