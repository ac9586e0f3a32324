"""Goldens of every op, from torch and the modules of HF transformers.

    python tools/goldens/ops.py            # writes tests/golden/ops/ops.json and ops.bin

Inputs are not stored: both sides draw them from a seed with afs/sample.hpp's hash. Outputs are
stored in their own dtype, one after another, in ops.bin; ops.json says where and of what.
"""
import json
import pathlib

import numpy as np
import torch
import transformers
from transformers import LlamaConfig, Olmo2Config
from transformers.models.llama import modeling_llama as llama
from transformers.models.olmo2 import modeling_olmo2 as olmo2

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16, "fp64": torch.float64}
OUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "ops"
cases, blob = [], bytearray()


def uniform(seed, n):
    """n numbers in [-1, 1), multiples of 2^-23: exact in fp32. The hash is afs::sample_hash."""
    with np.errstate(over="ignore"):
        x = np.uint64(seed) ^ (np.uint64(0x9E3779B97F4A7C15) * (np.arange(n, dtype=np.uint64) + np.uint64(1)))
        for _ in range(2):
            x = x + np.uint64(0x9E3779B97F4A7C15)
            x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            x = x ^ (x >> np.uint64(31))
    return (x >> np.uint64(40)).astype(np.float64) * 2.0**-23 - 1.0


def array(spec):
    values = uniform(spec["seed"], int(np.prod(spec["dims"]))) * spec["scale"]
    return torch.from_numpy(values).to(torch.float32).to(DTYPES[spec["dtype"]]).reshape(spec["dims"])


def store(op, name, inputs, output, **more):
    """One case: inputs are specs, output the tensor that torch gave."""
    raw = output.contiguous().view(torch.uint8 if output.element_size() == 1 else
                                   {2: torch.int16, 4: torch.int32, 8: torch.int64}[output.element_size()])
    dtype = {v: k for k, v in DTYPES.items()}[output.dtype]
    cases.append({"op": op, "name": name, "inputs": inputs, **more,
                  "output": {"dtype": dtype, "dims": list(output.shape), "offset": len(blob)}})
    blob.extend(raw.numpy().tobytes())


def spec(dtype, dims, scale=1.0):
    spec.seed += 1
    return {"dtype": dtype, "dims": dims, "seed": spec.seed, "scale": scale}


spec.seed = 1000


def linears():
    for act, weight in (("fp32", "fp32"), ("bf16", "bf16"), ("fp32", "bf16"), ("fp64", "bf16"), ("fp16", "fp16")):
        for n, k, m in ((1, 1, 1), (3, 67, 5), (9, 2048, 24), (2, 5120, 40)):
            x, w = spec(act, [n, k]), spec(weight, [m, k], 0.05)
            wide = torch.float64 if act == "fp64" else torch.float32
            y = array(x).to(wide) @ array(w).to(wide).T
            if act == weight:
                y = torch.nn.functional.linear(array(x), array(w))
            store("linear/1", f"{act} x {weight} {n}x{k}x{m}", [x, w], y.to(DTYPES[act]))


def norms():
    for family, module in (("llama", llama.LlamaRMSNorm), ("olmo2", olmo2.Olmo2RMSNorm)):
        for act in ("fp32", "bf16", "fp16", "fp64"):
            for n, d, eps in ((1, 1, 1e-5), (5, 100, 1e-6), (3, 5120, 1e-6)):
                x, w = spec(act, [n, d], 3.0), spec("bf16" if act == "bf16" else "fp32", [d], 1.5)
                if act == "fp64":  # the modules compute in fp32 whatever comes: the formula itself
                    v = array(x)
                    y = array(w).double() * (v * torch.rsqrt((v * v).mean(-1, keepdim=True) + np.float64(np.float32(eps))))
                else:
                    norm = module(d, eps=eps)
                    # the same order of roundings as with a weight of the activations' dtype
                    norm.weight.data = array(w).to(DTYPES[act] if family == "llama" else torch.float32)
                    y = norm(array(x)).to(DTYPES[act])
                    w = {**w, "dtype": act} if family == "llama" and act == "fp16" else w
                store("rms_norm/1", f"{family} {act} {n}x{d}", [x, w], y,
                      params={"eps": eps, "weight_before_cast": int(family == "olmo2")})


def ropes():
    positions = [0, 1, 31, 4095, 8190, 131071]
    for hd, heads in ((64, 3), (128, 2)):
        for scaling, factor in (("plain", 0.0), ("llama3", 8.0), ("llama3", 32.0)):
            parameters = {"rope_type": "default", "rope_theta": 500000.0}
            if scaling == "llama3":
                parameters = {"rope_type": "llama3", "rope_theta": 500000.0, "factor": factor, "low_freq_factor": 1.0,
                              "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
            shape = dict(hidden_size=hd * heads, num_attention_heads=heads, num_key_value_heads=heads, head_dim=hd,
                         max_position_embeddings=131072, rope_parameters=parameters)
            for family, module, config in (("llama", llama, LlamaConfig), ("olmo2", olmo2, Olmo2Config)):
                if family == "olmo2" and scaling == "llama3":
                    continue
                rotary = (module.LlamaRotaryEmbedding if family == "llama" else module.Olmo2RotaryEmbedding)(config(**shape))
                for act in ("fp32", "bf16", "fp16", "fp64"):
                    x = spec(act, [len(positions), heads * hd], 2.0)
                    q = array(x).reshape(1, len(positions), heads, hd).transpose(1, 2)
                    cos, sin = rotary(q, torch.tensor([positions]))
                    if act == "fp64":  # the module rounds its tables to fp32: the same fp32 angles, no rounding after
                        angle = (torch.tensor(positions).float()[:, None] * rotary.inv_freq.float()[None]).double()
                        cos, sin = (torch.cat([f(angle), f(angle)], -1)[None] for f in (torch.cos, torch.sin))
                    y, _ = module.apply_rotary_pos_emb(q, q, cos, sin)
                    y = y.transpose(1, 2).reshape(len(positions), heads * hd).to(DTYPES[act])
                    store("rope/1", f"{family} {scaling} {factor:g} {act} {hd}", [x], y, positions=positions,
                          params={"head_dim": hd, "theta": 500000.0, "table_in_act_dtype": int(family == "llama"),
                                  "scaling": int(scaling == "llama3"), "factor": factor, "low_freq_factor": 1.0,
                                  "high_freq_factor": 4.0, "original_max_position": 8192})


def attentions():
    shapes = ((1, 1, 1, 16, 1), (4, 4, 3, 20, 7), (8, 1, 1, 64, 33), (6, 3, 5, 32, 40), (4, 2, 2, 128, 130), (5, 1, 2, 8, 300))
    for heads, kv_heads, n, hd, context in shapes:
        for act in ("fp32", "bf16", "fp16", "fp64"):
            q = spec(act, [n, heads * hd], 3.0)
            k, v = spec(act, [context, kv_heads * hd], 2.0), spec(act, [context, kv_heads * hd])
            wide = torch.float64 if act == "fp64" else torch.float32
            split = lambda s, h: array(s).to(wide).reshape(-1, h, hd).transpose(0, 1)
            group = heads // kv_heads
            keys, values = (split(s, kv_heads).repeat_interleave(group, 0) for s in (k, v))
            scale = float(np.float32(1.0 / np.sqrt(hd)))
            scores = split(q, heads) @ keys.transpose(1, 2) * scale
            seen = torch.arange(context)[None, :] <= torch.arange(context - n, context)[:, None]
            y = torch.softmax(scores.masked_fill(~seen, float("-inf")), -1) @ values
            store("attention/1", f"{act} {heads}/{kv_heads} {n} of {context} x {hd}", [q, k, v],
                  y.transpose(0, 1).reshape(n, heads * hd).to(DTYPES[act]),
                  params={"n_heads": heads, "n_kv_heads": kv_heads, "head_dim": hd, "scale": scale})


def elementwise():
    for act in ("fp32", "bf16", "fp16", "fp64"):
        for n, d in ((1, 1), (3, 37), (2, 1024)):
            a, b = spec(act, [n, d], 8.0), spec(act, [n, d], 3.0)
            x, y = array(a), array(b)
            store("swiglu/1", f"{act} {n}x{d}", [a, b], torch.nn.functional.silu(x) * y)
            store("add/1", f"{act} {n}x{d}", [a, b], x + y)


def gathers():
    for act, weight in (("fp32", "bf16"), ("bf16", "fp32"), ("bf16", "bf16"), ("fp16", "fp32"), ("fp64", "fp32")):
        for vocab, d, ids in ((1, 1, [0]), (50, 33, [49, 0, 7, 7]), (300, 128, [299, 3])):
            table = spec(weight, [vocab, d])
            store("embed/1", f"{weight} to {act} {vocab}x{d}", [table],
                  torch.nn.functional.embedding(torch.tensor(ids), array(table)).to(DTYPES[act]), ids=ids)
    for act in ("fp32", "bf16", "fp64"):
        for n, d, rows in ((1, 1, [0]), (6, 19, [5, 0, 5]), (4, 64, [3])):
            x = spec(act, [n, d])
            store("select_rows/1", f"{act} {n}x{d}", [x], array(x)[torch.tensor(rows)], rows=rows)


if __name__ == "__main__":
    torch.manual_seed(0)
    with torch.no_grad():
        for make in (linears, norms, ropes, attentions, elementwise, gathers):
            make()
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "ops.bin").write_bytes(blob)
    header = {"made_by": "tools/goldens/ops.py", "torch": torch.__version__, "transformers": transformers.__version__,
              "numpy": np.__version__}
    lines = ",\n".join(json.dumps(c) for c in cases)
    (OUT / "ops.json").write_text(json.dumps(header)[:-1] + ', "cases": [\n' + lines + "\n]}\n")
    print(f"{len(cases)} cases, {len(blob)} bytes")
