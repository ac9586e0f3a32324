"""Both families in PyTorch, for training: parameters have the names that transformers gives them."""
import math

import torch
import torch.nn.functional as F
from torch import nn


def frequencies(config: dict) -> torch.Tensor:
    """Inverse frequencies of the rotary embedding, with Llama-3's scaling where configured."""
    dim = config["hidden_size"] // config["num_attention_heads"]
    inv = config["rope_theta"] ** (-torch.arange(0, dim, 2, dtype=torch.float32) / dim)
    scaling = config["rope_scaling"]
    if scaling is None:
        return inv
    old, low, high = (scaling[k] for k in (
        "original_max_position_embeddings", "low_freq_factor", "high_freq_factor"))
    wave = 2 * math.pi / inv
    smooth = ((old / wave - low) / (high - low)).clamp(0, 1)
    return (1 - smooth) * inv / scaling["factor"] + smooth * inv


def rotate(x, cos, sin):
    a, b = x.float().chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1).type_as(x)


class Norm(nn.Module):
    def __init__(self, size, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(size)), eps

    def forward(self, x):
        return F.rms_norm(x.float(), self.weight.shape, self.weight, self.eps)


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden, heads = config["hidden_size"], config["num_attention_heads"]
        self.dim = hidden // heads
        kv = config["num_key_value_heads"] * self.dim
        self.group = heads // config["num_key_value_heads"]
        self.q_proj = nn.Linear(hidden, hidden, bias=False)
        self.k_proj, self.v_proj = (nn.Linear(hidden, kv, bias=False) for _ in range(2))
        self.o_proj = nn.Linear(hidden, hidden, bias=False)
        if config["model_type"] == "olmo2":  # over the whole row, before the split into heads
            self.q_norm = Norm(hidden, config["rms_norm_eps"])
            self.k_norm = Norm(kv, config["rms_norm_eps"])
        else:
            self.q_norm = self.k_norm = nn.Identity()

    def forward(self, x, cos, sin, cache=None):
        q, k, v = self.q_norm(self.q_proj(x)), self.k_norm(self.k_proj(x)), self.v_proj(x)
        q, k, v = (y.view(*y.shape[:2], -1, self.dim).transpose(1, 2).to(v.dtype)
                   for y in (q, k, v))
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if cache is not None:
            cache[:] = [torch.cat(pair, 2) for pair in zip(cache, (k, v))] if cache else [k, v]
            k, v = cache
        k, v = (y.repeat_interleave(self.group, 1) for y in (k, v))
        out = F.scaled_dot_product_attention(q, k, v, is_causal=x.shape[1] > 1)
        return self.o_proj(out.transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden, inner = config["hidden_size"], config["intermediate_size"]
        self.gate_proj, self.up_proj = (nn.Linear(hidden, inner, bias=False) for _ in range(2))
        self.down_proj = nn.Linear(inner, hidden, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    """OLMo-2 norms what a block gives, Llama-3 what it takes; one norm has another name."""

    def __init__(self, config):
        super().__init__()
        self.after = config["model_type"] == "olmo2"
        self.self_attn, self.mlp = Attention(config), Mlp(config)
        first, second = (("post_attention_layernorm", "post_feedforward_layernorm") if self.after
                         else ("input_layernorm", "post_attention_layernorm"))
        for name in (first, second):
            setattr(self, name, Norm(config["hidden_size"], config["rms_norm_eps"]))
        self.names = first, second

    def forward(self, h, cos, sin, cache=None):
        first, second = (getattr(self, name) for name in self.names)
        if self.after:
            h = h + first(self.self_attn(h, cos, sin, cache))
            return h + second(self.mlp(h))
        h = h + self.self_attn(first(h), cos, sin, cache)
        return h + self.mlp(second(h))


class Tiny(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.tied = config["tie_word_embeddings"]
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(config["vocab_size"], config["hidden_size"])
        self.model.layers = nn.ModuleList(
            Layer(config) for _ in range(config["num_hidden_layers"]))
        self.model.norm = Norm(config["hidden_size"], config["rms_norm_eps"])
        if not self.tied:
            self.lm_head = nn.Linear(config["hidden_size"], config["vocab_size"], bias=False)
        angle = (torch.arange(config["max_position_embeddings"])[:, None]
                 * frequencies(config)[None, :])
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)
        for name, p in self.named_parameters():
            if p.ndim == 2:
                out = name.endswith(("o_proj.weight", "down_proj.weight"))
                depth = math.sqrt(2 * config["num_hidden_layers"]) if out else 1
                nn.init.normal_(p, std=config["initializer_range"] / depth)

    def forward(self, ids, caches=None):
        """caches: a list for each layer, empty before the first tokens, for writing on."""
        h = self.model.embed_tokens(ids)
        begin = caches[0][0].shape[2] if caches and caches[0] else 0
        cos, sin = (x[begin:begin + ids.shape[1]] for x in (self.cos, self.sin))
        for i, layer in enumerate(self.model.layers):
            h = layer(h, cos, sin, caches[i] if caches else None)
        head = self.model.embed_tokens if self.tied else self.lm_head
        return F.linear(self.model.norm(h), head.weight)
