"""Writes a model's card from what train.py and evaluate.py measured.

    python card.py olmo2 MODEL DATA --training training.json --measured measured.json
"""
import argparse
import json
from pathlib import Path

from transformers import AutoModelForCausalLM, AutoTokenizer

from configs import ROWS, TOKENS, config
from evaluate import greedy, prompts_of, read

TEXT = """# {name}

A {parameters:,}-parameter {kind} that writes short simple stories in English. Made for the tests and first steps of Attention-From-Scratch: it has its family's real structure and file formats, and is small enough to live in the repository. It knows nothing and must not be asked for facts or advice.

| | |
|---|---|
| structure | {layers} layers, width {width}, {heads} heads over {kv} key/value heads, head size 64, inner width {inner}, {tied} head, {rope} |
| vocabulary | byte-level BPE of {tokens} tokens in the family's `tokenizer.json` form; {rows} rows in the embedding |
| weights | bf16, `model.safetensors`, {size:,} bytes |
| context | rows of 1,024 tokens; stories are at most about 350 |
| training text | {documents:,} stories, {train_tokens:,} tokens, none of them written by a person |
| training | {steps:,} steps of {batch:,} tokens ({epochs:.1f} epochs) in {seconds} s on one H200; Muon and AdamW, peak rate {rate}, warm-up, linear decay, decay {decay}{polished} |
| held-out perplexity | {held:.3f} on {held_tokens:,} tokens of `../heldout.txt` (bf16 weights, fp32 arithmetic) |
| training perplexity | {train:.3f} on {sample_tokens:,} tokens of `../train-sample.txt` |
| held-out / training | {ratio:.3f} |
| copied from the training text | longest run of tokens in {texts} greedy texts: {longest} |
| tokens in runs that the text already had (6 tokens) | {repeats:.1%} of those texts |

Perplexities are over tokens: each document alone from position 0, its end token predicted too{first}.

## Data and licences
The stories were written by SmolLM2-135M-Instruct (Hugging Face, Apache-2.0), taught beforehand with about 2,000 examples: stories written for this project, excerpts of the TinyStories data set (CDLA-Sharing-1.0) and African Storybook texts under CC-BY. No example is in the training text: a written story that shares 14 words in a row with one was dropped (looked for after over-used names had been replaced, so a copy that differs in a name can have stayed). Each prompt named a few random words and mostly an opening. About {yield_:.0%} of what was written was kept. `../heldout.txt` holds 400 stories that were not trained on, `../train-sample.txt` 400 that were; in both a line `<|endoftext|>` stands between documents. The weights, the tokenizer and both samples are under the project's licence.

How to make it again: `tools/train_tiny/README.md`.

## Samples
Greedy, from the beginnings of held-out stories (seed 1), not chosen:

{samples}

## Limits
Names and people get mixed up, events follow each other without much reason, and long texts may come back to the same sentence. Anything unlike a children's story is out of its reach. Greedy text ends with the end token, usually before 200 tokens.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("family", choices=["olmo2", "llama3"])
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--training", type=Path, required=True)
    parser.add_argument("--measured", type=Path, required=True)
    parser.add_argument("--polished", default="")
    parser.add_argument("--kept", type=float, default=0.37, help="share of the written stories")
    args = parser.parse_args()
    made, seen = json.loads(args.training.read_text()), json.loads(args.measured.read_text())
    c, olmo = config(args.family), args.family == "olmo2"
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype="float32")
    prompts = ["Once upon a time"] + prompts_of(read(args.data / "heldout.txt"), 1)[:3]
    samples = "\n\n".join(
        f"> **{prompt}**" + tokenizer.decode(ids, skip_special_tokens=True).replace("\n\n", "\n>\n> ")
        for prompt, (_, ids) in zip(prompts, greedy(model, tokenizer, prompts)))
    used = made["steps"] * made["tokens_a_step"]
    (args.model / "README.md").write_text(TEXT.format(
        name=args.model.name, kind="OLMo-2" if olmo else "Llama-3", samples=samples,
        parameters=model.num_parameters(), layers=c["num_hidden_layers"], width=c["hidden_size"],
        heads=c["num_attention_heads"], kv=c["num_key_value_heads"], inner=c["intermediate_size"],
        tied="tied" if c["tie_word_embeddings"] else "untied", tokens=TOKENS[args.family],
        rope="q/k norms over the whole row, rotary theta 500000" if olmo else
        "rotary theta 500000 with llama3 scaling (factor 32, from 512)",
        rows=ROWS[args.family], size=(args.model / "model.safetensors").stat().st_size,
        documents=made["train_documents"], train_tokens=made["train_tokens"], steps=made["steps"],
        batch=made["tokens_a_step"], epochs=used / made["train_tokens"], seconds=made["seconds"],
        rate=made["arguments"]["rate"], decay=made["arguments"]["decay"],
        polished=f"; then {args.polished}" if args.polished else "",
        held=seen["heldout"][0], held_tokens=seen["heldout"][1], train=seen["train_sample"][0],
        sample_tokens=seen["train_sample"][1], ratio=seen["ratio"], texts=seen["texts"],
        longest=seen["longest_copied_run"], repeats=seen["mean_repeats"], yield_=args.kept,
        first=", the first token not (nothing stands before it)" if olmo else ""))


if __name__ == "__main__":
    main()
