"""Trains one tiny model on one GPU and writes its checkpoint.

    python train.py olmo2 DATA OUT      (DATA: train.txt, heldout.txt; OUT holds the tokenizer)
"""
import argparse
import json
import math
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tokenizers import Tokenizer

from configs import EOS, config, generation_config
from model import Tiny


class Muon:
    """Momentum made orthogonal (Newton-Schulz), for the matrices inside the layers."""

    def __init__(self, params, decay, momentum=0.95):
        groups = {}
        for p in params:
            groups.setdefault(tuple(p.shape), []).append(p)
        self.groups = [(g, torch.zeros(len(g), *g[0].shape, device=g[0].device))
                       for g in groups.values()]
        self.decay, self.momentum = decay, momentum

    @torch.no_grad()
    def step(self, rate):
        for params, moment in self.groups:
            grad = torch.stack([p.grad for p in params])
            moment.lerp_(grad, 1 - self.momentum)
            x = grad.lerp_(moment, self.momentum).bfloat16()
            wide = x.shape[1] <= x.shape[2]
            x = x if wide else x.mT
            x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
            for _ in range(5):
                a = x @ x.mT
                x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
            x = (x if wide else x.mT).float() * (0.2 * math.sqrt(max(x.shape[1:])) * rate)
            torch._foreach_mul_(params, 1 - rate * self.decay)
            torch._foreach_sub_(params, list(x.unbind()))


def documents(path: Path, family: str, tokenizer: Tokenizer, most=None) -> list[np.ndarray]:
    """Ids of each document, with the token that ends it (Llama-3's own also begins it)."""
    texts = path.read_text(encoding="utf-8").strip().split("\n<|endoftext|>\n")[:most]
    end = tokenizer.token_to_id(EOS[family])
    return [np.array(e.ids + [end], dtype=np.int32) for e in tokenizer.encode_batch(texts)]


def rows(docs, rng, width):
    """One epoch: rows of width + 1 ids; a row begins where a document does, the last is cut."""
    out, row, size = [], [], 0
    for i in rng.permutation(len(docs)):
        row.append(docs[i])
        size += len(docs[i])
        if size > width:
            out.append(np.concatenate(row)[:width + 1])
            row, size = [], 0
    return torch.from_numpy(np.stack(out))


def padded(docs, width: int, device) -> torch.Tensor:
    """Documents as rows of one length; -100 after the end, which no loss counts."""
    width = min(width, max(map(len, docs)))
    ids = np.full((len(docs), width), -100, dtype=np.int64)
    for row, doc in zip(ids, docs):
        row[:min(width, len(doc))] = doc[:width]
    return torch.from_numpy(ids).to(device)


@torch.no_grad()
def mean_loss(model, docs, width=384):
    """Mean loss a token, each document alone from position 0."""
    total = count = 0
    for start in range(0, len(docs), 100):
        ids = padded(docs[start:start + 100], width, model.cos.device)
        logits = model(ids[:, :-1].clamp(min=0)).float()
        total += F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(),
                                 reduction="sum").item()
        count += int((ids[:, 1:] >= 0).sum())
    return total / count


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("family", choices=["olmo2", "llama3"])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--epochs", type=float, default=4)
    parser.add_argument("--seconds", type=float, default=600, help="shortens the schedule")
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--decay", type=float, default=0.1)
    args = parser.parse_args()
    torch.manual_seed(1)
    rng, begin = np.random.default_rng(1), time.time()
    tokenizer = Tokenizer.from_file(str(args.out / "tokenizer.json"))
    train = documents(args.data / "train.txt", args.family, tokenizer)
    held = documents(args.data / "heldout.txt", args.family, tokenizer)
    sample = random.Random(1).sample(train, len(held))
    tokens = sum(map(len, train))
    print(f"{len(train)} documents, {tokens} tokens, {time.time() - begin:.0f} s", flush=True)

    settings = config(args.family)
    model = Tiny(settings).cuda()
    inner = [p for n, p in model.named_parameters() if ".layers." in n and p.ndim == 2]
    outer = [p for n, p in model.named_parameters() if not (".layers." in n and p.ndim == 2)]
    muon = Muon(inner, args.decay)
    adam = torch.optim.AdamW(outer, args.rate, (0.9, 0.95), weight_decay=0.01, fused=True)

    @torch.compile
    def loss_of(ids):
        with torch.autocast("cuda", torch.bfloat16):
            logits = model(ids[:, :-1])
        return F.cross_entropy(logits.flatten(0, 1).float(), ids[:, 1:].flatten().long())

    def update(loss, rate):
        loss.backward()
        torch.nn.utils.clip_grad_norm_(outer, 1.0)
        muon.step(rate)
        adam.param_groups[0]["lr"] = rate
        adam.step()
        model.zero_grad(set_to_none=True)

    queue = rows(train, rng, args.width).cuda()
    a_row = args.rows
    steps = int(args.epochs * len(queue) / a_row)
    loss_of(queue[:a_row]).backward()
    model.zero_grad(set_to_none=True)
    begin, at = time.time(), 0
    for step in range(steps):
        if at + a_row > len(queue):
            queue, at = rows(train, rng, args.width).cuda(), 0
        done = max(step / steps, (time.time() - begin) / args.seconds)
        if done >= 1:
            break
        rate = args.rate * min(1, (step + 1) / 150, (1 - done) / 0.6)
        loss = loss_of(queue[at:at + a_row])
        update(loss, rate)
        at += a_row
        if step % max(1, steps // 12) == 0:
            with torch.autocast("cuda", torch.bfloat16):
                both = math.exp(mean_loss(model, held)), math.exp(mean_loss(model, sample))
            print(f"step {step}/{steps} loss {loss.item():.3f} held-out ppl {both[0]:.3f} train "
                  f"{both[1]:.3f} {time.time() - begin:.0f} s", flush=True)
    took = time.time() - begin
    state = {n: p.detach().bfloat16().contiguous() for n, p in model.state_dict().items()}
    model.load_state_dict(state)
    result = {"steps": step + 1, "tokens_a_step": a_row * args.width, "seconds": round(took),
              "train_documents": len(train), "train_tokens": tokens,
              "perplexity_heldout": math.exp(mean_loss(model, held)),
              "perplexity_train_sample": math.exp(mean_loss(model, sample)),
              "arguments": {k: str(v) for k, v in vars(args).items()}}
    print(json.dumps(result), flush=True)
    save_file({n: t.cpu() for n, t in state.items()}, args.out / "model.safetensors",
              metadata={"format": "pt"})
    for name, content in (("config", settings), ("generation_config", generation_config(
            args.family)), ("training", result)):
        (args.out / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
