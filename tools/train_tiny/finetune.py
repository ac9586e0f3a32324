"""Teaches SmolLM2-135M-Instruct to write short simple stories that use given words.

    python finetune.py MODEL.gguf STYLE.txt OUT        (writes OUT/writer.pt, tokenizer.json, words.json)

STYLE.txt holds example stories, separated by lines with <|endoftext|>.
"""
import argparse
import collections
import json
import math
import random
import time
from pathlib import Path

import gguf
import torch
import torch.nn.functional as F

from prompts import content_words, head
from smollm2 import (EPS, HEAD_DIM, HEADS, HIDDEN, KV_HEADS, LAYERS, load_tokenizer, load_weights,
                     rope_table)


def rotate(x, cos, sin):
    a, b = x.float().chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1).to(torch.bfloat16)


def forward(w, ids, cos, sin):
    """Logits of rows of ids; w holds fp32 masters, the arithmetic is bf16."""
    c = {n: t.to(torch.bfloat16) for n, t in w.items()}
    h = F.embedding(ids, c["embed"])
    rows, width = ids.shape
    for i in range(LAYERS):
        qkv = F.linear(F.rms_norm(h, (HIDDEN,), c[f"{i}.attn_norm"], EPS), c[f"{i}.qkv"])
        q, k, v = (x.view(rows, width, -1, HEAD_DIM).transpose(1, 2) for x in qkv.split(
            [HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM], dim=-1))
        k, v = (x.repeat_interleave(HEADS // KV_HEADS, 1) for x in (rotate(k, cos, sin), v))
        o = F.scaled_dot_product_attention(rotate(q, cos, sin), k, v, is_causal=True)
        h = h + F.linear(o.transpose(1, 2).reshape(rows, width, HIDDEN), c[f"{i}.o"])
        gate, up = F.linear(F.rms_norm(h, (HIDDEN,), c[f"{i}.ffn_norm"], EPS),
                            c[f"{i}.gate_up"]).chunk(2, dim=-1)
        h = h + F.linear(F.silu(gate) * up, c[f"{i}.down"])
    return F.linear(F.rms_norm(h, (HIDDEN,), c["norm"], EPS), c["embed"])


def pack(stories, tokenizer, rng, width):
    """Rows of one epoch: every story after a few of its own words, in a new order."""
    stream = []
    for story in rng.sample(stories, len(stories)):
        words = content_words(story)
        chosen = rng.sample(words, min(len(words), rng.choice((2, 3, 3, 4, 5))))
        stream += tokenizer.encode(head(chosen) + story + "<|im_end|>").ids
    count = len(stream) // width
    return torch.tensor(stream[:count * width]).view(count, width)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("style", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    torch.manual_seed(1)
    rng, begin = random.Random(1), time.time()
    reader = gguf.GGUFReader(args.model)
    tokenizer = load_tokenizer(reader)
    stories = args.style.read_text(encoding="utf-8").split("\n<|endoftext|>\n")
    w = load_weights(reader, args.device, torch.float32)
    for tensor in w.values():
        tensor.requires_grad_(True)
    optimizer = torch.optim.AdamW(w.values(), args.rate, (0.9, 0.95), weight_decay=0.05,
                                  fused=args.device == "cuda")
    cos, sin = rope_table(args.width - 1, args.device)
    held, stories = stories[:64], stories[64:]
    test = pack(held, tokenizer, random.Random(2), args.width).to(args.device)
    batches = []
    for _ in range(args.epochs):
        batches += list(pack(stories, tokenizer, rng, args.width).split(args.rows))
    print(f"{len(stories)} stories, {len(batches)} steps, {time.time() - begin:.0f} s", flush=True)
    for step, rows in enumerate(batches):
        rate = args.rate * min(1, (step + 1) / 20) * 0.5 * (
            1 + math.cos(math.pi * step / len(batches)))
        optimizer.param_groups[0]["lr"] = rate
        rows = rows.to(args.device)
        logits = forward(w, rows[:, :-1], cos, sin)
        loss = F.cross_entropy(logits.flatten(0, 1).float(), rows[:, 1:].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(w.values(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step % 25 == 0 or step == len(batches) - 1:
            with torch.no_grad():
                out = forward(w, test[:, :-1], cos, sin)
                other = F.cross_entropy(out.flatten(0, 1).float(), test[:, 1:].flatten())
            print(f"step {step} loss {loss.item():.3f} held out {other.item():.3f} "
                  f"{time.time() - begin:.0f} s", flush=True)
    args.out.mkdir(parents=True, exist_ok=True)
    torch.save({n: t.detach().to(torch.bfloat16).cpu() for n, t in w.items()},
               args.out / "writer.pt")
    tokenizer.save(str(args.out / "tokenizer.json"))
    counts = collections.Counter(x for s in stories for x in set(content_words(s)) if x.islower())
    kept = [(x, n) for x, n in counts.items() if n >= 4]
    (args.out / "words.json").write_text(json.dumps(
        {"words": [x for x, _ in kept], "weights": [math.sqrt(n) for _, n in kept]}))


if __name__ == "__main__":
    main()
