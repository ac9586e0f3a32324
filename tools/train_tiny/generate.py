"""Writes stories with the fine-tuned SmolLM2-135M on one GPU, thousands of them at a time.

    python generate.py MODEL.pt TOKENIZER.json WORDS.json OUT.jsonl --seconds 240

Continuous batching over a fixed number of slots: the decode step is one CUDA graph; every few
steps the finished stories leave and new prompts take their slots.  Sampling is min-p.
"""
import argparse
import json
import random
import time

import torch
import torch.nn.functional as F
import triton
import triton.language as tl
from tokenizers import Tokenizer

from prompts import make_prompt
from smollm2 import END, EPS, HEAD_DIM, HEADS, HIDDEN, KV_HEADS, LAYERS, rope_table

GROUP = HEADS // KV_HEADS


@triton.jit
def rope_append_kernel(qkv, cos, sin, lens, k_cache, v_cache, slots: tl.constexpr,
                       heads: tl.constexpr, kv_heads: tl.constexpr):
    """Rotates q in place, and puts the rotated k and v of one token into its slot's cache."""
    row, head = tl.program_id(0), tl.program_id(1)
    pos = tl.load(lens + row) - 1
    i = tl.arange(0, 32)
    base = qkv + row * (heads + 2 * kv_heads) * 64 + head * 64
    a, b = tl.load(base + i).to(tl.float32), tl.load(base + 32 + i).to(tl.float32)
    c, s = tl.load(cos + pos * 32 + i), tl.load(sin + pos * 32 + i)
    if head < heads:
        tl.store(base + i, (a * c - b * s).to(tl.bfloat16))
        tl.store(base + 32 + i, (b * c + a * s).to(tl.bfloat16))
    else:
        is_value = head >= heads + kv_heads
        kv = (head - heads) % kv_heads
        at = (row.to(tl.int64) * kv_heads + kv) * slots * 64 + pos * 64
        if is_value:
            tl.store(v_cache + at + i, a.to(tl.bfloat16))
            tl.store(v_cache + at + 32 + i, b.to(tl.bfloat16))
        else:
            tl.store(k_cache + at + i, (a * c - b * s).to(tl.bfloat16))
            tl.store(k_cache + at + 32 + i, (b * c + a * s).to(tl.bfloat16))


@triton.jit
def attention_kernel(qkv, k_cache, v_cache, lens, out, slots: tl.constexpr, heads: tl.constexpr,
                     kv_heads: tl.constexpr, block: tl.constexpr):
    """One query token a sequence: all query heads of one key/value head in one program."""
    row, kv = tl.program_id(0), tl.program_id(1)
    group: tl.constexpr = heads // kv_heads
    length = tl.load(lens + row)
    h, d, n = tl.arange(0, 16), tl.arange(0, 64), tl.arange(0, block)
    q_at = row * (heads + 2 * kv_heads) * 64 + (kv * group + h[:, None]) * 64 + d[None, :]
    q = tl.load(qkv + q_at, mask=h[:, None] < group, other=0.0)
    base = (row.to(tl.int64) * kv_heads + kv) * slots * 64
    best = tl.full([16], -1e30, tl.float32)
    total = tl.zeros([16], tl.float32)
    acc = tl.zeros([16, 64], tl.float32)
    for start in range(0, length, block):
        live = start + n < length
        at = base + (start + n)[:, None] * 64 + d[None, :]
        k = tl.load(k_cache + at, mask=live[:, None], other=0.0)
        v = tl.load(v_cache + at, mask=live[:, None], other=0.0)
        score = tl.where(live[None, :], tl.dot(q, tl.trans(k)) * 0.125, -1e30)
        top = tl.maximum(best, tl.max(score, 1))
        p = tl.exp(score - top[:, None])
        scale = tl.exp(best - top)
        total = total * scale + tl.sum(p, 1)
        acc = acc * scale[:, None] + tl.dot(p.to(tl.bfloat16), v)
        best = top
    o_at = row * heads * 64 + (kv * group + h[:, None]) * 64 + d[None, :]
    tl.store(out + o_at, (acc / total[:, None]).to(tl.bfloat16), mask=h[:, None] < group)


@triton.jit
def sample_kernel(logits, step, out, vocab, inv_temperature, log_min_p, block: tl.constexpr):
    """Gumbel-max over the tokens whose probability is at least min_p times the greatest."""
    row = tl.program_id(0)
    i = tl.arange(0, block)
    base = logits + row.to(tl.int64) * vocab
    top = tl.full([block], -1e30, tl.float32)
    for start in range(0, vocab, block):
        x = tl.load(base + start + i, mask=start + i < vocab, other=-1e30).to(tl.float32)
        top = tl.maximum(top, x)
    limit = tl.max(top, 0) * inv_temperature + log_min_p
    seed = tl.load(step)
    best = tl.full([block], -1e30, tl.float32)
    where = tl.zeros([block], tl.int32)
    for start in range(0, vocab, block):
        x = tl.load(base + start + i, mask=start + i < vocab, other=-1e30).to(tl.float32)
        x = x * inv_temperature
        u = tl.maximum(tl.rand(seed, row * vocab + start + i), 1e-10)
        x = tl.where(x >= limit, x - tl.log(-tl.log(u)), -1e30)
        where = tl.where(x > best, start + i, where)
        best = tl.maximum(best, x)
    tl.store(out + row, tl.max(tl.where(best == tl.max(best, 0), where, 0), 0).to(tl.int64))


class Writer:
    """The slots, their caches and the captured decode step."""

    def __init__(self, weights, batch, slots, prompt_len, temperature, min_p, seed):
        self.w, self.batch, self.slots, self.prompt_len = weights, batch, slots, prompt_len
        dev = weights["embed"].device
        self.cos, self.sin = rope_table(slots, dev)
        shape = (batch, KV_HEADS, slots, HEAD_DIM)
        self.k = [torch.zeros(shape, dtype=torch.bfloat16, device=dev) for _ in range(LAYERS)]
        self.v = [torch.zeros(shape, dtype=torch.bfloat16, device=dev) for _ in range(LAYERS)]
        self.lens = torch.ones(batch, dtype=torch.int32, device=dev)
        self.tokens = torch.zeros((batch, slots + 1), dtype=torch.int64, device=dev)
        self.done = torch.ones(batch, dtype=torch.bool, device=dev)
        self.step = torch.full((1,), seed, dtype=torch.int32, device=dev)
        self.sampled = torch.zeros(batch, dtype=torch.int64, device=dev)
        self.attn = torch.empty((batch, HEADS * HEAD_DIM), dtype=torch.bfloat16, device=dev)
        self.inv_t = 1.0 / temperature
        self.log_p = float(torch.log(torch.tensor(min_p)))

    def _mlp(self, h, i):
        gate, up = F.linear(F.rms_norm(h, (HIDDEN,), self.w[f"{i}.ffn_norm"], EPS),
                            self.w[f"{i}.gate_up"]).chunk(2, dim=-1)
        return h + F.linear(F.silu(gate) * up, self.w[f"{i}.down"])

    def decode(self):
        """One token for every slot; a slot that is done repeats its last place."""
        w, batch = self.w, self.batch
        at = (self.lens - 1).long().unsqueeze(1)
        h = w["embed"][self.tokens.gather(1, at).squeeze(1)]
        for i in range(LAYERS):
            qkv = F.linear(F.rms_norm(h, (HIDDEN,), w[f"{i}.attn_norm"], EPS), w[f"{i}.qkv"])
            rope_append_kernel[(batch, HEADS + 2 * KV_HEADS)](
                qkv, self.cos, self.sin, self.lens, self.k[i], self.v[i], self.slots, HEADS,
                KV_HEADS, num_warps=1)
            attention_kernel[(batch, KV_HEADS)](qkv, self.k[i], self.v[i], self.lens, self.attn,
                                                self.slots, HEADS, KV_HEADS, 64, num_warps=4)
            h = self._mlp(h + F.linear(self.attn, w[f"{i}.o"]), i)
        logits = F.linear(F.rms_norm(h, (HIDDEN,), w["norm"], EPS), w["embed"])
        sample_kernel[(batch,)](logits, self.step, self.sampled, logits.shape[1], self.inv_t,
                                self.log_p, 2048, num_warps=8)
        self.step += 1
        self.tokens.scatter_(1, at + 1, torch.where(
            self.done, self.tokens.gather(1, at + 1).squeeze(1), self.sampled).unsqueeze(1))
        self.lens += (~self.done).int()
        self.done |= (self.sampled == END) | (self.lens >= self.slots)

    def capture(self):
        for _ in range(2):
            self.decode()
        torch.cuda.synchronize()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.decode()

    def refill(self, rows, prompts):
        """Puts prompts (lists of ids) into slots: keys and values of all but the last token."""
        dev, n, width = self.tokens.device, len(prompts), self.prompt_len
        ids = torch.tensor([p + [END] * (width - len(p)) for p in prompts], device=dev)
        lens = torch.tensor([len(p) for p in prompts], dtype=torch.int32, device=dev)
        h = self.w["embed"][ids]
        cos, sin = self.cos[:width, None, :], self.sin[:width, None, :]
        for i in range(LAYERS):
            qkv = F.linear(F.rms_norm(h, (HIDDEN,), self.w[f"{i}.attn_norm"], EPS),
                           self.w[f"{i}.qkv"]).view(n, width, -1, HEAD_DIM)
            qk, v = qkv[:, :, :HEADS + KV_HEADS].float(), qkv[:, :, HEADS + KV_HEADS:]
            a, b = qk.chunk(2, dim=-1)
            qk = torch.cat([a * cos - b * sin, b * cos + a * sin], -1).to(torch.bfloat16)
            q, k, v = (x.transpose(1, 2) for x in (qk[:, :, :HEADS], qk[:, :, HEADS:], v))
            self.k[i][rows, :, :width] = k
            self.v[i][rows, :, :width] = v
            o = F.scaled_dot_product_attention(q, k.repeat_interleave(GROUP, 1),
                                               v.repeat_interleave(GROUP, 1), is_causal=True)
            h = h + F.linear(o.transpose(1, 2).reshape(n, width, HIDDEN), self.w[f"{i}.o"])
            h = self._mlp(h, i)
        self.tokens[rows, :width] = ids
        self.lens[rows] = lens
        self.done[rows] = False


@torch.inference_mode()
def write(weights, tokenizer, words, out, seconds, batch, temperature=0.9, min_p=0.1, seed=1):
    """Writes JSON lines {"prompt", "text"} until the time is over; returns stories and tokens."""
    slots, width, every, begin = 304, 48, 16, time.time()
    writer = Writer(weights, batch, slots, width, temperature, min_p, seed << 20)
    writer.capture()
    rng, prompts, count, tokens = random.Random(seed), {}, 0, 0
    while time.time() - begin < seconds:
        free = writer.done.nonzero().squeeze(1)
        ended, stories = [r for r in free.tolist() if r in prompts], []
        if ended:
            ids = writer.tokens[torch.tensor(ended, device=free.device)].tolist()
            lens = writer.lens[torch.tensor(ended, device=free.device)].tolist()
            stories = [(prompts.pop(r), row[:n]) for r, row, n in zip(ended, ids, lens)]
        for start in range(0, len(free), 1024):
            rows = free[start:start + 1024]
            asked = [make_prompt(rng, words) for _ in range(len(rows))]
            ids = [e.ids for e in tokenizer.encode_batch([head + begun for head, begun in asked])]
            heads = [len(e.ids) for e in tokenizer.encode_batch([head for head, _ in asked])]
            keep = [j for j in range(len(ids)) if len(ids[j]) <= width]
            rows = rows[torch.tensor(keep, device=rows.device)]
            writer.refill(rows, [ids[j] for j in keep])
            prompts.update({r: (asked[j][0], heads[j]) for r, j in zip(rows.tolist(), keep)})
        for _ in range(every):
            writer.graph.replay()
        # The text of the stories that ended, while the device works on.
        whole = [(p, row) for p, row in stories if row[-1] == END]
        texts = tokenizer.decode_batch([row[p[1]:] for p, row in whole])
        for (p, row), text in zip(whole, texts):
            out.write(json.dumps({"words": p[0], "text": text}) + "\n")
        count, tokens = count + len(whole), tokens + sum(len(row) - p[1] for p, row in whole)
    took = time.time() - begin
    print(f"{count} stories, {tokens} tokens, {took:.0f} s, {tokens / took:.0f} tokens/s")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "tokenizer", "words", "out"):
        parser.add_argument(name)
    parser.add_argument("--seconds", type=float, default=240)
    parser.add_argument("--batch", type=int, default=8192)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--temperature", type=float, default=0.9)
    args = parser.parse_args()
    weights = {n: t.to("cuda", torch.bfloat16) for n, t in torch.load(args.model).items()}
    with open(args.words) as file, open(args.out, "w") as out:
        write(weights, Tokenizer.from_file(args.tokenizer), json.load(file), out, args.seconds,
              args.batch, args.temperature, seed=args.seed)


if __name__ == "__main__":
    main()
