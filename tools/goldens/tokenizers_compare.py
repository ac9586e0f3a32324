"""Compares a built tokenizer plugin with HF tokenizers, line by line, and times both on one thread.

    python tokenizers_compare.py PLUGIN.so TOKENIZER.json [--source FOLDER] [--lines 20000] [--speed FILE]

--source: what the plugin loads where it is not the same file (a folder with vocab.json, say).
Exit code 1 where any line differs.
"""
import argparse
import ctypes as c
import os
import sys
import time
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import tokenizers  # noqa: E402

from tokenizers_text import lines  # noqa: E402

ADD_SPECIAL, PARSE_SPECIAL = 1, 2


class Error(c.Structure):
    _fields_ = [("size", c.c_uint32), ("code", c.c_int32), ("native", c.c_int64),
                ("where", c.c_char * 112), ("message", c.c_char * 896)]


class Descriptor(c.Structure):
    _fields_ = [("size", c.c_uint32), ("major", c.c_uint16), ("minor", c.c_uint16)] + [
        (name, c.c_void_p) for name in ("kind", "name", "version", "licence", "build", "domain",
                                        "provides", "probe", "open", "table", "close")]


class OpenArgs(c.Structure):
    _fields_ = [("size", c.c_uint32), ("device", c.c_uint32), ("rank", c.c_uint32),
                ("world", c.c_uint32), ("host", c.c_void_p), ("n_options", c.c_uint32),
                ("reserved", c.c_uint32), ("keys", c.c_void_p), ("values", c.c_void_p)]


class Source(c.Structure):
    _fields_ = [("size", c.c_uint32), ("reserved", c.c_uint32), ("path", c.c_char_p)]


class Info(c.Structure):
    _fields_ = [("size", c.c_uint32), ("n_vocab", c.c_uint32), ("bos", c.c_int32),
                ("eos", c.c_int32), ("pad", c.c_int32), ("adds_bos", c.c_int32),
                ("summary", c.c_char * 240)]


class Table(c.Structure):
    _fields_ = [("size", c.c_uint32), ("reserved", c.c_uint32)] + [
        (name, c.c_void_p) for name in ("score", "load", "encode", "decode", "token")]


class Plugin:
    """A loaded tokenizer plugin."""

    def __init__(self, library, source):
        self.library = c.CDLL(str(library))
        descriptor = Descriptor.in_dll(self.library, "afs_plugin_v0")
        open_ = c.CFUNCTYPE(c.c_int32, c.c_void_p, c.c_void_p, c.c_void_p)(descriptor.open)
        table = c.CFUNCTYPE(c.c_void_p, c.c_char_p)(descriptor.table)(b"afs.tokenizer/1")
        table = Table.from_address(table)
        self.error = Error(c.sizeof(Error))
        self.instance = c.c_void_p()
        args = OpenArgs(c.sizeof(OpenArgs), 0, 0, 1)
        self.check(open_(c.byref(args), c.byref(self.instance), c.byref(self.error)))
        load = c.CFUNCTYPE(c.c_int32, c.c_void_p, c.c_void_p, c.c_void_p, c.c_void_p)(table.load)
        self.info = Info(c.sizeof(Info))
        source = Source(c.sizeof(Source), 0, str(source).encode())
        start = time.perf_counter()
        self.check(load(self.instance, c.byref(source), c.byref(self.info), c.byref(self.error)))
        self.load_ms = (time.perf_counter() - start) * 1e3
        self.encode_ = c.CFUNCTYPE(c.c_int32, c.c_void_p, c.c_char_p, c.c_uint64, c.c_uint32,
                                   c.c_void_p, c.c_void_p, c.c_void_p)(table.encode)
        self.decode_ = c.CFUNCTYPE(c.c_int32, c.c_void_p, c.c_void_p, c.c_uint64, c.c_uint32,
                                   c.c_void_p, c.c_void_p, c.c_void_p)(table.decode)

    def check(self, status):
        if status:
            raise RuntimeError(f"{self.error.where.decode()}: {self.error.message.decode()}")

    def encode(self, text, flags):
        ids, n = c.POINTER(c.c_int32)(), c.c_uint64()
        self.check(self.encode_(self.instance, text, len(text), flags, c.byref(ids), c.byref(n),
                                c.byref(self.error)))
        return ids[:n.value]

    def decode(self, ids):
        array = (c.c_int32 * len(ids))(*ids)
        text, n = c.POINTER(c.c_char)(), c.c_uint64()
        self.check(self.decode_(self.instance, array, len(ids), 0, c.byref(text), c.byref(n),
                                c.byref(self.error)))
        return text[:n.value]


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
