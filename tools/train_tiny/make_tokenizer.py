"""Trains one family's byte-level BPE and writes tokenizer.json and tokenizer_config.json.

    python make_tokenizer.py olmo2 corpus.txt OUT
"""
import argparse
import json
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from tokenizers.processors import ByteLevel, Sequence, TemplateProcessing

from configs import SPECIALS, TOKENS, tokenizer_config

# The pre-tokenizer of cl100k, which both families use.
PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
           r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def build(family: str, texts) -> Tokenizer:
    """BPE trained on texts; the special tokens take the ids after the ordinary ones."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=family == "llama3"))
    split = (pre_tokenizers.Split(Regex(PATTERN), "removed", invert=True) if family == "olmo2"
             else pre_tokenizers.Split(Regex(PATTERN), "isolated", invert=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel(add_prefix_space=True, trim_offsets=True, use_regex=True)
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=TOKENS[family] - len(SPECIALS[family]), show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.add_special_tokens(
        [AddedToken(name, normalized=False, special=True) for name in SPECIALS[family]])
    if tokenizer.get_vocab_size() != TOKENS[family]:
        raise SystemExit(f"{tokenizer.get_vocab_size()} tokens: the text is too small or too plain")
    if family == "llama3":
        bos = SPECIALS[family][0]
        tokenizer.post_processor = Sequence([
            ByteLevel(trim_offsets=True, use_regex=True),
            TemplateProcessing(single=f"{bos} $A", pair=f"{bos} $A {bos}:1 $B:1",
                               special_tokens=[(bos, tokenizer.token_to_id(bos))])])
    return tokenizer


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("family", choices=["olmo2", "llama3"])
    parser.add_argument("text", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    documents = args.text.read_text(encoding="utf-8").split("\n<|endoftext|>\n")
    args.out.mkdir(parents=True, exist_ok=True)
    build(args.family, documents).save(str(args.out / "tokenizer.json"), pretty=False)
    (args.out / "tokenizer_config.json").write_text(
        json.dumps(tokenizer_config(args.family), indent=2) + "\n")


if __name__ == "__main__":
    main()
