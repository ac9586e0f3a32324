"""Teaches a trained model not to go round in circles: sequence-level unlikelihood.

    python polish.py olmo2 DATA OUT      (OUT: the checkpoint that train.py wrote, replaced)

The model continues beginnings of training stories greedily; tokens that complete a run that
the same text already has are made less likely (Welleck et al. 2020, arXiv:1908.04319), while
ordinary training on whole stories goes on beside it.  Gently: at train.py's rate the model learns
to write nonsense sooner than to repeat itself.
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
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from configs import EOS, config
from model import Tiny
from train import documents, mean_loss, padded



@torch.no_grad()
def continue_greedily(model, ids: torch.Tensor, length: int) -> torch.Tensor:
    """ids [rows, width] and the `length` likeliest tokens after them, one after the other."""
    caches = [[] for _ in model.model.layers]
    step = ids
    for _ in range(length):
        step = model(step, caches)[:, -1].float().argmax(-1, keepdim=True)
        ids = torch.cat([ids, step], 1)
    return ids


def alive(ids: torch.Tensor, begin: int, end: int) -> torch.Tensor:
    """True for the continuation's tokens, the first end token included."""
    ends = (ids == end).long()
    ends[:, :begin] = 0
    mask = ends.cumsum(1) - ends == 0
    mask[:, :begin] = False
    return mask


def repeated(ids: torch.Tensor, run: int) -> torch.Tensor:
    """True where a token completes a run of `run` tokens that stood before in the row."""
    runs = torch.zeros(ids.shape[0], ids.shape[1] - run + 1, dtype=torch.int64, device=ids.device)
    for i in range(run):  # a hash: overflow wraps
        runs = runs * 0x100000001B3 + ids[:, i:i + runs.shape[1]]
    same = (runs[:, :, None] == runs[:, None, :]).tril(-1).any(-1)
    return F.pad(same, (run - 1, 0))


def show(model, held, tokenizer, end, device, run, number=100) -> float:
    """Prints some greedy continuations of held-out beginnings; returns their repeated share."""
    begun = torch.from_numpy(np.stack([d[:12] for d in held[:number]]).astype(np.int64)).to(device)
    ids = continue_greedily(model, begun, 200)
    live = alive(ids, 12, end)
    for row, keep in list(zip(ids, live))[:8]:
        print("*", tokenizer.decode(row[:12].tolist()), "||",
              tokenizer.decode(row[keep].tolist()), flush=True)
    return (live & repeated(ids, run)).sum().item() / live.sum().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("family", choices=["olmo2", "llama3"])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--number", type=int, default=192, help="continuations a round")
    parser.add_argument("--minibatch", type=int, default=48)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--run", type=int, default=8, help="tokens of a run that counts")
    parser.add_argument("--weight", type=float, default=0.5)
    parser.add_argument("--held", type=int, default=400, help="documents to measure on")
    parser.add_argument("--length", type=int, default=150)
    args = parser.parse_args()
    torch.manual_seed(1)
    rng, begin = random.Random(3), time.time()
    tokenizer = Tokenizer.from_file(str(args.out / "tokenizer.json"))
    end = tokenizer.token_to_id(EOS[args.family])
    train = documents(args.data / "train.txt", args.family, tokenizer, 20000)
    held = documents(args.data / "heldout.txt", args.family, tokenizer)
    model = Tiny(config(args.family)).to(args.device)
    state = load_file(args.out / "model.safetensors", device=args.device)
    model.load_state_dict({n: t.float() for n, t in state.items()})
    adam = torch.optim.AdamW(model.parameters(), args.rate, (0.9, 0.95), weight_decay=0.0)
    before = math.exp(mean_loss(model, held[:args.held]))
    share = show(model, held, tokenizer, end, args.device, args.run)
    print(f"before: held-out ppl {before:.3f} repeated {share:.4f}", flush=True)
    steps, at = args.rounds * -(-args.number // args.minibatch), 0
    for turn in range(args.rounds):
        width = rng.randint(3, 20)
        begun = np.stack([d[:width] for d in rng.sample(train, args.number)]).astype(np.int64)
        ids = continue_greedily(model, torch.from_numpy(begun).to(args.device), args.length)
        live, again = alive(ids, width, end), repeated(ids, args.run)
        share = (live & again).sum().item() / live.sum().item()
        for part in torch.arange(args.number).split(args.minibatch):
            at += 1
            adam.param_groups[0]["lr"] = args.rate * min(1, at / 5, 1.2 * (1 - at / (steps + 1)))
            usual = padded(rng.sample(train, args.minibatch), 256, args.device)
            logits = model(usual[:, :-1].clamp(min=0))
            loss = F.cross_entropy(logits.flatten(0, 1), usual[:, 1:].flatten())
            row, mask = ids[part], (live & again)[part][:, 1:]
            last = int(live[part].any(0).nonzero().max()) + 1
            row, mask = row[:, :last], mask[:, :last - 1]
            p = F.log_softmax(model(row[:, :-1]), -1).gather(2, row[:, 1:, None]).squeeze(2).exp()
            unlikely = -torch.log1p(-p.clamp(max=0.999))[mask].sum() / (mask.sum() + 200)
            (loss + args.weight * unlikely).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            adam.step()
            adam.zero_grad(set_to_none=True)
        print(f"round {turn} repeated {share:.4f} loss {loss.item():.3f} unlikelihood "
              f"{unlikely.item():.3f} {time.time() - begin:.0f} s", flush=True)
    state = {n: p.detach().bfloat16().contiguous() for n, p in model.state_dict().items()}
    print("after: repeated", show(model, held, tokenizer, end, args.device, args.run))
    model.load_state_dict({n: p.float() for n, p in state.items()})
    after = math.exp(mean_loss(model, held[:args.held]))
    print(json.dumps({"heldout_before": before, "heldout_after": after}))
    save_file({n: t.cpu() for n, t in state.items()}, args.out / "model.safetensors",
              metadata={"format": "pt"})


if __name__ == "__main__":
    main()
