"""Judges a trained model: perplexities, greedy continuations, runs copied from the training text.

    python evaluate.py MODEL DATA [--seeds 5] [--show 4] [--json OUT]

DATA holds train.txt and heldout.txt.  For each seed, 20 held-out stories are drawn; the prompt is
their first 8 to 12 words.  A run is a row of tokens of prompt and continuation together that
stands as it is in one training document; what the prompt itself holds is not counted as copied.
"""
import argparse
import json
import math
import random
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

SHORTEST = 14


def read(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").strip().split("\n<|endoftext|>\n")


@torch.inference_mode()
def perplexity(model, tokenizer, texts) -> tuple[float, int]:
    """Each document alone, the end token predicted too; a document's first token is not
    predicted where the tokenizer puts nothing before it."""
    total = count = 0
    for text in texts:
        ids = torch.tensor([tokenizer(text).input_ids + [tokenizer.eos_token_id]],
                           device=model.device)
        loss = F.cross_entropy(model(ids).logits[0, :-1].float(), ids[0, 1:], reduction="sum")
        total, count = total + loss.item(), count + ids.shape[1] - 1
    return math.exp(total / count), count


def prompts_of(held: list[str], seed: int, number: int = 20) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(text.split()[:rng.randint(8, 12)]) for text in rng.sample(held, number)]


@torch.inference_mode()
def greedy(model, tokenizer, prompts: list[str], length: int = 200):
    """(ids of the prompt, greedy ids up to the end token) for each prompt."""
    out = []
    for ids in (tokenizer(p).input_ids for p in prompts):
        row = torch.tensor([ids], device=model.device)
        text = model.generate(row, attention_mask=torch.ones_like(row), max_new_tokens=length,
                              do_sample=False, pad_token_id=model.config.eos_token_id)
        out.append((ids, text[0, len(ids):].tolist()))
    return out


class Corpus:
    """The training ids in one row; finds where a run of SHORTEST or more tokens stands in them."""

    def __init__(self, texts, tokenizer):
        parts = tokenizer._tokenizer.encode_batch(texts)
        self.ids = np.concatenate([np.array(p.ids + [65535], dtype=np.uint16) for p in parts])
        self.keys = self._keys(self.ids)

    @staticmethod
    def _keys(ids):
        n = len(ids) - SHORTEST + 1
        key = np.zeros(max(n, 0), dtype=np.uint64)
        for i in range(SHORTEST if n > 0 else 0):
            key = key * np.uint64(0x9E3779B97F4A7C15) + ids[i:i + n].astype(np.uint64) + np.uint64(1)
        return key

    def longest(self, sequences: list[tuple[list[int], list[int]]]) -> list[int]:
        """For each (prompt, continuation) the longest copied run, counted in continuation."""
        whole = [np.array(p + c, dtype=np.uint16) for p, c in sequences]
        keys = [self._keys(w) for w in whole]
        wanted = np.unique(np.concatenate(keys))
        at = np.searchsorted(wanted, self.keys)
        places = np.nonzero(wanted[np.minimum(at, len(wanted) - 1)] == self.keys)[0]
        where = {}
        for place in places:
            where.setdefault(int(self.keys[place]), []).append(int(place))
        out = []
        for (prompt, _), ids, key in zip(sequences, whole, keys):
            best = 0
            for start, k in enumerate(key):
                for place in where.get(int(k), ()):
                    width = min(len(ids) - start, len(self.ids) - place)
                    differ = np.nonzero(ids[start:start + width] != self.ids[place:place + width])[0]
                    n = int(differ[0]) if len(differ) else width
                    best = max(best, n - max(0, len(prompt) - start))
            out.append(best)
        return out


def repeats(ids: list[int]) -> float:
    """Share of runs of 6 tokens that came before in the same text."""
    runs = [tuple(ids[i:i + 6]) for i in range(len(ids) - 5)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--show", type=int, default=4)
    parser.add_argument("--documents", type=int, default=400)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--sample", type=Path, help="write the training sample there")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32)
    model = model.to(args.device).eval()
    held, train = read(args.data / "heldout.txt"), read(args.data / "train.txt")
    some = random.Random(2).sample(train, 400)
    if args.sample:
        args.sample.write_text("\n<|endoftext|>\n".join(some) + "\n", encoding="utf-8")
    result = {"heldout": perplexity(model, tokenizer, held[:args.documents]),
              "train_sample": perplexity(model, tokenizer, some[:args.documents])}
    result["ratio"] = result["heldout"][0] / result["train_sample"][0]
    print(json.dumps(result), flush=True)
    cases = [(seed, p) for seed in range(1, args.seeds + 1) for p in prompts_of(held, seed)]
    cases += [(0, "Once upon a time"), (0, "Once upon a time, there was a"), (0, "The sun"),
              (0, "One day"), (0, "My name is")]
    texts = greedy(model, tokenizer, [p for _, p in cases])
    runs = Corpus(train, tokenizer).longest(texts)
    looped = [repeats(c) for _, c in texts]
    ended = [c[-1] == tokenizer.eos_token_id for _, c in texts]
    for i, (seed, _) in enumerate(cases):
        if seed == 0 or i % 20 < args.show or runs[i] >= 25:
            text = tokenizer.decode(texts[i][1], skip_special_tokens=True)
            print(f"[seed {seed} run {runs[i]} repeats {looped[i]:.2f} end {ended[i]}] "
                  f"{cases[i][1]} ||{text}\n")
    result |= {"texts": len(cases), "longest_copied_run": max(runs), "ended": sum(ended),
               "runs_of_20_or_more": sum(r >= 20 for r in runs),
               "mean_repeats": sum(looped) / len(looped),
               "texts_with_repeats_over_0.1": sum(x > 0.1 for x in looped)}
    print(json.dumps(result))
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
