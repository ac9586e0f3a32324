"""SmolLM2-135M-Instruct from a GGUF file: its weights, dequantised, and its tokenizer."""
import gguf
import numpy as np
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

LAYERS, HIDDEN, HEADS, KV_HEADS, HEAD_DIM = 30, 576, 9, 3, 64
ROPE_THETA, EPS, END = 100000.0, 1e-5, 2


def _strings(field) -> list[str]:
    return [bytes(field.parts[i]).decode("utf-8") for i in field.data]


def load_tokenizer(reader: gguf.GGUFReader) -> Tokenizer:
    """Single digits, then GPT-2's byte-level BPE."""
    tokens = _strings(reader.fields["tokenizer.ggml.tokens"])
    merges = [tuple(m.split(" ")) for m in _strings(reader.fields["tokenizer.ggml.merges"])]
    types = reader.fields["tokenizer.ggml.token_type"]
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True),
         pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tokenizer.decoder = decoders.ByteLevel()
    control = [t for t, i in zip(tokens, types.data) if int(types.parts[i][0]) == 3]
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in control])
    return tokenizer


def _half_split(weight: np.ndarray) -> np.ndarray:
    """Undoes GGUF's order of rotary rows: pairs (2i, 2i+1) become (i, i + head_dim/2)."""
    rows, columns = weight.shape
    return (weight.reshape(rows // HEAD_DIM, HEAD_DIM // 2, 2, columns)
            .swapaxes(1, 2).reshape(rows, columns))


def load_weights(reader: gguf.GGUFReader, device, dtype=torch.bfloat16) -> dict:
    """Tensors under GGUF's names; q, k and v in one (`qkv`), gate and up in one (`gate_up`)."""
    raw = {t.name: np.array(gguf.dequantize(t.data, t.tensor_type)) for t in reader.tensors}
    out = {"embed": raw["token_embd.weight"], "norm": raw["output_norm.weight"]}
    for i in range(LAYERS):
        part = {n: raw[f"blk.{i}.{n}.weight"] for n in (
            "attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down",
            "attn_norm", "ffn_norm")}
        out[f"{i}.qkv"] = np.concatenate(
            [_half_split(part["attn_q"]), _half_split(part["attn_k"]), part["attn_v"]])
        out[f"{i}.gate_up"] = np.concatenate([part["ffn_gate"], part["ffn_up"]])
        out[f"{i}.o"], out[f"{i}.down"] = part["attn_output"], part["ffn_down"]
        out[f"{i}.attn_norm"], out[f"{i}.ffn_norm"] = part["attn_norm"], part["ffn_norm"]
    return {n: torch.from_numpy(np.ascontiguousarray(w)).to(device, dtype) for n, w in out.items()}


def rope_table(length: int, device) -> tuple[torch.Tensor, torch.Tensor]:
    """cos and sin [length, head_dim / 2] in fp32."""
    inv = ROPE_THETA ** (-torch.arange(0, HEAD_DIM, 2, device=device) / HEAD_DIM)
    angle = torch.arange(length, device=device)[:, None] * inv[None, :]
    return angle.cos(), angle.sin()
