"""Trains two small SentencePiece models and writes what the library makes of awkward text.

    pip install sentencepiece==0.1.99 protobuf tokenizers
    PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION=python python sentencepiece_golden.py ../../tests/golden/sentencepiece

0.1.99 settles ties of a unigram model as the 0.1.97 of Debian 12 does; 0.2 settles some otherwise.

NAME.model: BPE with byte fallback, text as it is (as Llama-2's); unigram with rules of its own for
characters and no byte fallback. NAME.ids: the ids of each line of ../tokenizer/inputs.jsonl, written
as tokenizers_golden.py writes them. bpe.pieces: text, score and type of each piece, each ended by NUL.
"""
import io
import json
import sys
from pathlib import Path

import sentencepiece
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer, sentencepiece_model_pb2

from tokenizers_golden import written
from tokenizers_text import SENTENCES, lines

RULES = "".join(f"{ord(a):X}\t{' '.join(f'{ord(c):X}' for c in b)}\n" for a, b in [
    ("\u00a0", " "), ("\u3000", " "), ("\t", " "), ("\n", " "), ("\u00b2", "2"), ("\ufb01", "fi"),
    ("\u2026", "..."), ("\u017f", "s"), ("\u00ad", "")] + [
    (chr(c + 0xfee0), chr(c)) for c in range(0x21, 0x7f)])


def train(**options):
    model = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter([text for text in lines(20000, seed=7, runs=False) if text.isascii()] +
                               SENTENCES * 30),
        model_writer=model, num_threads=1, minloglevel=2, max_sentence_length=20000,
        input_sentence_size=0, shuffle_input_sentence=False, **options)
    return model.getvalue()


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    rules = out / "rules.tsv"
    rules.write_text(RULES)
    models = {
        "bpe": train(model_type="bpe", vocab_size=700, byte_fallback=True, split_digits=True,
                     normalization_rule_name="identity", remove_extra_whitespaces=False,
                     character_coverage=0.98, user_defined_symbols=["<sep>", "\n\n"],
                     pad_id=3, pad_piece="<pad>"),
        "unigram": train(model_type="unigram", vocab_size=600, character_coverage=0.98,
                         normalization_rule_tsv=str(rules), user_defined_symbols=["<sep>"]),
    }
    rules.unlink()
    held = [json.loads(line) for line in
            (out / "../tokenizer/inputs.jsonl").read_text().splitlines()]
    texts = [text if isinstance(text, str) else "".join(piece * n for piece, n in text)
             for text in held]
    (out / "version.txt").write_text(f"sentencepiece {sentencepiece.__version__}\n")
    for name, model in models.items():
        (out / f"{name}.model").write_bytes(model)
        processor = SentencePieceProcessor(model_proto=model)
        (out / f"{name}.ids").write_text(
            "".join(written(processor.encode(text)) + "\n" for text in texts))
    proto = sentencepiece_model_pb2.ModelProto.FromString(models["bpe"])
    (out / "bpe.pieces").write_bytes(b"".join(
        f"{piece.piece}\0{piece.score!r}\0{piece.type}\0".encode() for piece in proto.pieces))


if __name__ == "__main__":
    main()
