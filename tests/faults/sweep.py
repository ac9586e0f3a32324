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
import resource
import struct
import subprocess
import sys
import tempfile

COMMANDS = {
    "generate": ["-p", "The", "-n", "2", "-q", "--kernels", "reference"],
    "bench": ["bench", "--pp", "2", "--tg", "1", "-r", "1", "--check", "none", "--kernels", "cpu"],
}


KEPT_TOKENS = 280  # the bytes and 24 merges


def cut_tokenizer(source, target):
    """The first KEPT_TOKENS of the vocabulary; the special ids follow them. Returns their shift."""
    tokenizer = json.loads((source / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    shift = len(vocabulary) - KEPT_TOKENS
    kept = {token: id for token, id in vocabulary.items() if id < KEPT_TOKENS}
    tokenizer["model"]["vocab"] = kept
    tokenizer["model"]["merges"] = [
        pair for pair in tokenizer["model"]["merges"] if "".join(pair) in kept]
    for token in tokenizer["added_tokens"]:
        token["id"] -= shift
    for processor in tokenizer["post_processor"]["processors"]:
        for token in processor.get("special_tokens", {}).values():
            token["ids"] = [id - shift for id in token["ids"]]
    (target / "tokenizer.json").write_text(json.dumps(tokenizer))
    config = json.loads((source / "tokenizer_config.json").read_text())
    config["added_tokens_decoder"] = {
        str(int(id) - shift): token for id, token in config["added_tokens_decoder"].items()}
    (target / "tokenizer_config.json").write_text(json.dumps(config))
    return shift


def cut_model(source, target):
    """The bundled model with its first layer and few tokens: every kind of step, and of what is
    read, a tenth of the allocations and of the time."""
    shift = cut_tokenizer(source, target)
    for name in ("config.json", "generation_config.json"):
        config = json.loads((source / name).read_text())
        for key in ("bos_token_id", "eos_token_id"):
            config[key] -= shift
        if name == "config.json":
            config["num_hidden_layers"] = 1
            config["vocab_size"] -= shift
        (target / name).write_text(json.dumps(config))
    data = (source / "model.safetensors").read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header, body, kept = json.loads(data[8 : 8 + size]), b"", {}
    for name, tensor in header.items():
        if name == "__metadata__" or (".layers." in name and ".layers.0." not in name):
            continue
        begin, end = tensor["data_offsets"]
        values = data[8 + size + begin : 8 + size + end]
        if name == "model.embed_tokens.weight":
            row = len(values) // tensor["shape"][0]
            values = values[: KEPT_TOKENS * row] + values[(KEPT_TOKENS + shift) * row :]
            tensor["shape"][0] -= shift
        kept[name] = {**tensor, "data_offsets": [len(body), len(body) + len(values)]}
        body += values
    text = json.dumps(kept).encode()
    (target / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + body)


def limit_memory():
    """Half a GiB of addresses: bench cannot have what it measures the read ceiling with, which is
    nine tenths of its time, and goes on without."""
    resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))


def run(build, command, model, fault, folder):
    environment = {"PATH": os.environ["PATH"], "HOME": "/tmp", "TMPDIR": str(folder), **fault,
                   "LD_PRELOAD": str(build / "tests/afs-test-inject.so")}
    args = [build / "bin/afs-host", *COMMANDS[command], *model, "--threads", "2"]
    try:
        done = subprocess.run(args, env=environment, cwd=folder, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=60, preexec_fn=limit_memory)
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
    parser.add_argument("--whole", action="store_true", help="the bundled model as it is")
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
