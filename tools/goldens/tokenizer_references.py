"""Real tokenizers and the libraries that define their ids, from what tools/fetch_parity_data.sh fetched."""
import base64
import functools
import json
import os
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"  # sentencepiece 0.1.99 needs that

import gguf  # noqa: E402
import sentencepiece  # noqa: E402
from sentencepiece import sentencepiece_model_pb2  # noqa: E402
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, processors  # noqa: E402
from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence, Split  # noqa: E402

DATA = Path(__file__).resolve().parents[2] / ".parity"
CL100K = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
          r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
HEAD, ENDS = r"[^\r\n\p{L}\p{N}]?", "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
REST = r" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
TEKKEN = f"{HEAD}{UPPER}*{LOWER}+|{HEAD}{UPPER}+{LOWER}*|" + r"\p{N}|" + REST
O200K = f"{HEAD}{UPPER}*{LOWER}+{ENDS}|{HEAD}{UPPER}+{LOWER}*{ENDS}|" + r"\p{N}{1,3}|" + REST


def alphabet():
    """GPT-2's printable character for each byte."""
    printable = [*range(0x21, 0x7f), *range(0xa1, 0xad), *range(0xae, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {**{b: chr(b) for b in printable}, **{b: chr(0x100 + i) for i, b in enumerate(others)}}


def spelled(token, table=alphabet()):
    return "".join(table[byte] for byte in token)


def tiktoken_ranks(path):
    rows = (line.split() for line in Path(path).read_bytes().splitlines() if line)
    return {base64.b64decode(token): int(rank) for token, rank in rows}


def merges_of(ranks):
    """Every way to put a token together from two others, as HF's converter orders them."""
    merges = []
    for token in sorted(ranks, key=ranks.get):
        cuts = ((token[:i], token[i:]) for i in range(1, len(token)))
        cuts = [(a, b) for a, b in cuts if a in ranks and b in ranks]
        merges += sorted(cuts, key=lambda cut: (ranks[cut[0]], ranks[cut[1]]))
    return merges


class HuggingFace:
    """Ids of HF tokenizers; special tokens in the text are parsed or not."""

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer

    def encode(self, text, parse=True):
        self.tokenizer.encode_special_tokens = not parse
        return self.tokenizer.encode(text, add_special_tokens=True).ids


class Library:
    """Ids of the SentencePiece library, which knows no special tokens in text."""

    def __init__(self, path):
        self.processor = sentencepiece.SentencePieceProcessor(model_file=str(path))

    def encode(self, text, parse=False):
        return [self.processor.bos_id()] + self.processor.encode(text)


def byte_level(vocab, merges, steps, special, ignore_merges=False, bos=None):
    """vocab and merges in the byte-level alphabet; special: content to id."""
    tokenizer = Tokenizer(models.BPE(vocab={**vocab, **special}, merges=merges,
                                     ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = steps
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False)
                                  for token in special])
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", special_tokens=[(bos, tokenizer.token_to_id(bos))])
    return HuggingFace(tokenizer)


def from_ranks(ranks, pattern, special, offset=0, bos=None):
    vocab = {spelled(token): rank + offset for token, rank in ranks.items()}
    merges = [(spelled(a), spelled(b)) for a, b in merges_of(ranks)]
    steps = Sequence([Split(Regex(pattern), "isolated"), ByteLevel(False, use_regex=False)])
    return byte_level(vocab, merges, steps, special, ignore_merges=True, bos=bos)


def dolma2():
    return HuggingFace(Tokenizer.from_file(str(DATA / "dolma2/tokenizer.json")))


@functools.cache
def llama3_special():
    named = ["begin_of_text", "end_of_text", "reserved_special_token_0", "reserved_special_token_1",
             "finetune_right_pad_id", "step_id", "start_header_id", "end_header_id", "eom_id", "eot_id",
             "python_tag", "image"] + [f"reserved_special_token_{i}" for i in range(2, 246)]
    return {f"<|{name}|>": 128000 + i for i, name in enumerate(named)}


def llama3():
    return from_ranks(tiktoken_ranks(DATA / "llama3/tokenizer.model"), CL100K, llama3_special(),
                      bos="<|begin_of_text|>")


def llama4():
    return from_ranks(tiktoken_ranks(DATA / "llama4/tokenizer.model"), O200K,
                      {"<|begin_of_text|>": 200000})


def tekken_ranks():
    file = json.loads((DATA / "tekken/tekken.json").read_text())
    assert file["config"]["pattern"] == TEKKEN
    size = file["config"]["default_vocab_size"] - file["config"]["default_num_special_tokens"]
    return {base64.b64decode(row["token_bytes"]): row["rank"] for row in file["vocab"][:size]}


def tekken_special():
    return {**{"<unk>": 0, "<s>": 1, "</s>": 2}, **{f"<SPECIAL_{i}>": i for i in range(3, 1000)}}


def tekken():
    return from_ranks(tekken_ranks(), TEKKEN, tekken_special(), offset=1000, bos="<s>")


def gpt2():
    vocab = json.loads((DATA / "gpt2/vocab.json").read_text())
    lines = (DATA / "gpt2/merges.txt").read_text().splitlines()
    special = {"<|endoftext|>": vocab.pop("<|endoftext|>")}
    return byte_level(vocab, [tuple(line.split(" ")) for line in lines[1:] if line],
                      ByteLevel(False, use_regex=True), special)


def gguf_arrays(path):
    reader = gguf.GGUFReader(str(path))
    field = lambda key: reader.fields["tokenizer.ggml." + key]
    texts = lambda key: [bytes(field(key).parts[i]) for i in field(key).data]
    types = [int(field("token_type").parts[i][0]) for i in field("token_type").data]
    return texts("tokens"), types, texts("merges")


def smollm2():
    tokens, types, merges = gguf_arrays(DATA / "SmolLM2-135M-Instruct.Q4_1.gguf")
    ids = {token.decode(): id_ for id_, token in enumerate(tokens)}
    special = {token: id_ for token, id_ in ids.items() if types[id_] == 3}
    vocab = {token: id_ for token, id_ in ids.items() if types[id_] == 1}
    steps = Sequence([Digits(individual_digits=True), ByteLevel(False, use_regex=True)])
    return byte_level(vocab, [tuple(merge.decode().split(" ")) for merge in merges], steps, special)


def pieces(name):
    proto = sentencepiece_model_pb2.ModelProto.FromString(
        (DATA / name / "tokenizer.model").read_bytes())
    return [(piece.piece, piece.score, piece.type) for piece in proto.pieces]


def mistral():
    """As HF converts LlamaTokenizer; every line is also given to the library (Library)."""
    vocab = {text: id_ for id_, (text, _, _) in enumerate(pieces("mistral"))}
    scores = {text: score for text, score, _ in pieces("mistral")}
    merges = []
    for token in vocab:
        cuts = ((token[:i], token[i:]) for i in range(1, len(token)))
        merges += sorted(((a, b) for a, b in cuts if a in vocab and b in vocab),
                         key=lambda cut: (vocab[cut[0]], vocab[cut[1]]))
    merges.sort(key=lambda cut: -scores[cut[0] + cut[1]])
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True,
                                     byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"),
                                                 normalizers.Replace(" ", "\u2581")])
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False)
                                  for token in ("<unk>", "<s>", "</s>")])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)])
    return HuggingFace(tokenizer)


def unigram():
    return Library(DATA / "unigram/tokenizer.model")


ALL = {"dolma2": dolma2, "llama3": llama3, "smollm2": smollm2, "mistral": mistral, "unigram": unigram,
       "gpt2": gpt2, "tekken": tekken, "llama4": llama4}
