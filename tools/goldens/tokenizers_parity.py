"""What real tokenizers make of the lines of tokenizers_lines.py, as a digest a line.

    tools/fetch_parity_data.sh                                  makes .parity/venv, too
    .parity/venv/bin/python tools/goldens/tokenizers_parity.py
        files                  .parity/NAME.gguf, vocabularies as GGUF files hold them
        write [NAME …]         tests/golden/parity/NAME.fnv
        check BUILD [NAME …]   ids through the plugins of a build folder, in full

A digest is three bytes of an FNV-1a over the ids with special tokens parsed, a mark, and the ids with
special tokens left as text; what the tokenizer adds by itself is included.
"""
import json
import sys
from pathlib import Path

import gguf
import tiktoken

import tokenizer_references as references
from tokenizer_plugin import (ADD_SPECIAL, CONTROL, NORMAL, PARSE_SPECIAL, Plugin, Vocabulary)
from tokenizer_references import ALL, DATA

GOLDEN = Path(__file__).resolve().parents[2] / "tests/golden/parity"


def texts():
    return [json.loads(line) for line in (DATA / "lines.jsonl").read_text().splitlines()]


def digest(parsed, plain):
    state = 0xcbf29ce484222325
    for value in [*parsed, 0xffffffff, *plain]:
        state = ((state ^ value) * 0x100000001b3) & 0xffffffffffffffff
    return ((state >> 32) ^ state) & 0xffffff


def write_gguf(name, model, tokens, types, scores=None, merges=None, pre=None, bos=None):
    """A file of metadata alone."""
    writer = gguf.GGUFWriter(str(DATA / f"{name}.gguf"), "llama")
    writer.add_tokenizer_model(model)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    if scores:
        writer.add_token_scores(scores)
    if merges:
        writer.add_token_merges(merges)
        writer.add_tokenizer_pre(pre)
    if bos is not None:
        writer.add_bos_token_id(bos)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def write_ranks(name, pre, ranks, special, offset=0, bos=None):
    tokens = {rank + offset: references.spelled(token) for token, rank in ranks.items()}
    tokens.update({id_: token for token, id_ in special.items()})
    merges = [" ".join(map(references.spelled, cut)) for cut in references.merges_of(ranks)]
    order = sorted(tokens)
    assert order == list(range(len(order)))
    write_gguf(name, "gpt2", [tokens[id_] for id_ in order],
               [CONTROL if tokens[id_] in special else NORMAL for id_ in order], merges=merges, pre=pre,
               bos=bos)


def write_files():
    ranks = references.tiktoken_ranks
    write_ranks("llama3", "llama-bpe", ranks(DATA / "llama3/tokenizer.model"),
                references.llama3_special(), bos=128000)
    write_ranks("llama4", "llama4", ranks(DATA / "llama4/tokenizer.model"),
                {"<|begin_of_text|>": 200000})
    write_ranks("tekken", "tekken", references.tekken_ranks(), references.tekken_special(),
                offset=1000, bos=1)
    rows = references.pieces("mistral")
    write_gguf("mistral", "llama", [row[0] for row in rows], [row[2] for row in rows],
               scores=[row[1] for row in rows])


def second_opinion(name):
    """The same ids from a library that shares no code with the first, where there is one."""
    if name == "mistral":
        return references.Library(DATA / "mistral/tokenizer.model").encode
    file, pattern, offset, bos = {
        "llama3": ("llama3/tokenizer.model", references.CL100K, 0, [128000]),
        "llama4": ("llama4/tokenizer.model", references.O200K, 0, []),
        "tekken": (None, references.TEKKEN, 1000, [1])}[name]
    ranks = references.tiktoken_ranks(DATA / file) if file else references.tekken_ranks()
    encoding = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    return lambda text: bos + [id_ + offset for id_ in encoding.encode_ordinary(text)]


def write(names):
    GOLDEN.mkdir(parents=True, exist_ok=True)
    file, state = (DATA / "lines.jsonl").read_bytes(), 0xcbf29ce484222325
    for byte in file:
        state = ((state ^ byte) * 0x100000001b3) & 0xffffffffffffffff
    (GOLDEN / "lines.txt").write_text(f"{len(texts())} lines, FNV-1a {state:x}\n")
    for name in names:
        reference, digests = ALL[name](), []
        other = second_opinion(name) if name in ("mistral", "llama3", "llama4", "tekken") else None
        differences = 0
        for text in texts():
            plain = reference.encode(text, parse=False)
            digests.append(digest(reference.encode(text, parse=True), plain))
            if other and len(text) < 5000 and other(text) != plain:
                differences += 1
                if differences <= 3:
                    print(f"  {name}: two libraries differ on {text[:60]!r}")
        (GOLDEN / f"{name}.fnv").write_bytes(b"".join(d.to_bytes(3, "little") for d in digests))
        print(f"{name}: {len(digests)} lines" +
              (f", {differences} differ between two libraries" if other else ""))


def open_plugin(build, name):
    plugins = {kind: f"{build}/plugins/afs-tokenizer-{kind}.so" for kind in ("bpe", "sentencepiece")}
    if name in ("dolma2", "llama3", "gpt2"):
        return Plugin(plugins["bpe"], DATA / name)
    if name in ("mistral", "unigram"):
        return Plugin(plugins["sentencepiece"], DATA / name)
    path = {"smollm2": "SmolLM2-135M-Instruct.Q4_1.gguf"}.get(name, f"{name}.gguf")
    tokens, types, merges = references.gguf_arrays(DATA / path)
    pre = {"smollm2": "smollm"}.get(name, name)
    return Plugin(plugins["bpe"], path, Vocabulary(
        "gpt2", tokens, types, merges=merges, pre=pre, bos_id=1 if pre == "tekken" else -1))


def check(build, names):
    bad = 0
    for name in names:
        reference, plugin = ALL[name](), open_plugin(build, name)
        wrong = 0
        for number, text in enumerate(texts()):
            raw = text.encode()
            for parse in (True, False):
                flags = ADD_SPECIAL | (PARSE_SPECIAL if parse and name != "unigram" else 0)
                want, got = reference.encode(text, parse), plugin.encode(raw, flags)
                if want == got:
                    continue
                wrong += 1
                at = next((i for i, (a, b) in enumerate(zip(want, got)) if a != b),
                          min(len(want), len(got)))
                if wrong <= 5:
                    print(f"{name} line {number + 1} parse={parse}: id {at}: want {want[at:at + 6]} "
                          f"got {got[at:at + 6]}: {text[:60]!r}")
        print(f"{name}: {plugin.info.summary.decode()}: {number + 1} lines, {wrong} differences")
        bad += wrong
    return bad


def main():
    verb, *rest = sys.argv[1:]
    if verb == "files":
        write_files()
    elif verb == "write":
        write(rest or list(ALL))
    elif verb == "check":
        sys.exit(1 if check(rest[0], rest[1:] or list(ALL)) else 0)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
