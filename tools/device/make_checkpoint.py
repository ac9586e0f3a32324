#!/usr/bin/env python3
"""Writes a checkpoint of random bf16 weights in a shape of configs/shapes, with the tokenizer of a
bundled model: for measuring how long a large model takes to be ready. Its text is noise.

  tools/device/make_checkpoint.py llama-3.1-8b /tmp/llama-3.1-8b
"""
import json
import pathlib
import shutil
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]


def tensors(config):
    """(name, shape) in the order of the file."""
    hidden, ffn = config["hidden_size"], config["intermediate_size"]
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    head_dim = config.get("head_dim") or hidden // heads
    olmo2 = config["model_type"] == "olmo2"
    yield "model.embed_tokens.weight", (config["vocab_size"], hidden)
    for i in range(config["num_hidden_layers"]):
        layer = f"model.layers.{i}."
        attention, mlp = layer + "self_attn.", layer + "mlp."
        yield attention + "q_proj.weight", (heads * head_dim, hidden)
        yield attention + "k_proj.weight", (kv_heads * head_dim, hidden)
        yield attention + "v_proj.weight", (kv_heads * head_dim, hidden)
        yield attention + "o_proj.weight", (hidden, heads * head_dim)
        if olmo2:
            yield attention + "q_norm.weight", (heads * head_dim,)
            yield attention + "k_norm.weight", (kv_heads * head_dim,)
        yield mlp + "gate_proj.weight", (ffn, hidden)
        yield mlp + "up_proj.weight", (ffn, hidden)
        yield mlp + "down_proj.weight", (hidden, ffn)
        yield layer + "post_attention_layernorm.weight", (hidden,)
        norm = "post_feedforward_layernorm" if olmo2 else "input_layernorm"
        yield layer + norm + ".weight", (hidden,)
    yield "model.norm.weight", (hidden,)
    if not config.get("tie_word_embeddings"):
        yield "lm_head.weight", (config["vocab_size"], hidden)


def bf16(values):
    return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)


def main(shape, folder):
    config_file = ROOT / "configs" / "shapes" / f"{shape}.json"
    config = json.loads(config_file.read_text())
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    header, offset = {}, 0
    for name, dims in tensors(config):
        size = 2 * int(np.prod(dims))
        header[name] = {"dtype": "BF16", "shape": dims, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 64)
    pool = bf16(np.random.default_rng(1).normal(0, 0.02, (64 << 20) + 8191))
    with open(folder / "model.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for i, (_, dims) in enumerate(tensors(config)):
            left = int(np.prod(dims))
            if len(dims) == 1:
                file.write(bf16(np.ones(left)).tobytes())
                continue
            start = 17 * i % 8191  # no two tensors begin alike
            while left > 0:
                part = pool[start : start + min(left, 64 << 20)]
                file.write(memoryview(part))
                left -= len(part)
    shutil.copy(config_file, folder / "config.json")
    family = "olmo2" if config["model_type"] == "olmo2" else "llama3"
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(ROOT / "weights" / f"{family}-tiny" / name, folder / name)
    print(f"{folder}: {offset / 1e9:.2f} GB")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
