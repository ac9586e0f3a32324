"""Golden traces of small random models, made with Hugging Face transformers.

    python tools/goldens/models.py            writes tests/golden/models/traces.{json,bin}

Each case runs one prompt through the eager implementation in fp32 and in bf16 and keeps, under the
engine's tags, every value of every layer and the logits. Weights come from models_weights.py, so
only configurations and traces are stored: fp32 values as fp32, bf16 values as bf16. The fp32 trace
is also the truth that both bf16 traces are measured against: its own error is 2^16 times smaller.
"""
import json
import pathlib
import sys

import numpy as np
import torch
import transformers
from transformers.models.llama import modeling_llama
from transformers.models.olmo2 import modeling_olmo2

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from models_weights import tensor  # noqa: E402

OUT = pathlib.Path(__file__).parents[2] / "tests/golden/models"

LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "attention_bias": False,
         "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu", "hidden_size": 48,
         "intermediate_size": 80, "max_position_embeddings": 131072, "mlp_bias": False,
         "num_attention_heads": 3, "num_hidden_layers": 2, "num_key_value_heads": 1,
         "rms_norm_eps": 1e-05, "rope_scaling": None, "rope_theta": 500000.0,
         "tie_word_embeddings": False, "torch_dtype": "bfloat16", "vocab_size": 97}
OLMO2 = {"architectures": ["Olmo2ForCausalLM"], "model_type": "olmo2", "attention_bias": False,
         "eos_token_id": 2, "hidden_act": "silu", "hidden_size": 128, "intermediate_size": 72,
         "max_position_embeddings": 16384, "num_attention_heads": 2, "num_hidden_layers": 2,
         "num_key_value_heads": 2, "pad_token_id": 3, "rms_norm_eps": 1e-06, "rope_scaling": None,
         "rope_theta": 500000, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
         "vocab_size": 97}


def scaled(factor: float) -> dict:
    return {"rope_scaling": {"factor": factor, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                             "original_max_position_embeddings": 8192, "rope_type": "llama3"}}


GQA64 = LLAMA | {"head_dim": 64, "num_attention_heads": 2, "tie_word_embeddings": True}
GQA128 = LLAMA | {"head_dim": 128, "num_attention_heads": 2}
# name, config, first position, tokens, whether config.json is as transformers itself writes it
CASES = [
    ("olmo2 mha head_dim 64", OLMO2, 0, 6, False),
    ("olmo2 mha head_dim 64 at 8190", OLMO2, 8190, 5, True),
    ("olmo2 gqa head_dim 16", OLMO2 | {"hidden_size": 64, "num_attention_heads": 4,
                                       "num_hidden_layers": 3}, 0, 6, True),
    ("llama gqa head_dim 16, no scaling", LLAMA | {"num_hidden_layers": 4}, 0, 6, False),
    ("llama gqa head_dim 128, factor 8", GQA128 | scaled(8.0), 0, 5, False),
    ("llama gqa head_dim 128, factor 8 at 8190", GQA128 | scaled(8.0), 8190, 5, True),
    ("llama gqa head_dim 64 tied, factor 32", GQA64 | scaled(32.0), 0, 6, True),
    ("llama gqa head_dim 64 tied, factor 32 at 8190", GQA64 | scaled(32.0), 8190, 5, False),
]
CLASSES = {"llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM, modeling_llama),
           "olmo2": (transformers.Olmo2Config, transformers.Olmo2ForCausalLM, modeling_olmo2)}


def make_model(config: dict, dtype: torch.dtype, seed: int):
    config_class, model_class, _ = CLASSES[config["model_type"]]
    hf = config_class(**{k: v for k, v in config.items() if k != "torch_dtype"}, dtype=dtype)
    hf._attn_implementation = "eager"
    model = model_class._from_config(hf, dtype=dtype).eval()
    assert model.model.rotary_emb.inv_freq.dtype == torch.float32
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            values = tensor(name, tuple(parameter.shape), seed)
            assert parameter.dtype == dtype
            parameter.copy_(torch.from_numpy(values))
    return model, hf


def trace(model, config: dict, ids: list, first: int, family=None, rotating=None) -> dict:
    """tag -> [n_tokens, width] of one forward pass. family: whose modules the model has; rotating:
    the layers that call the rotary function, all of them where it is None."""
    module = CLASSES[config["model_type"]][2]
    family = family or config["model_type"]
    values, handles = {}, []

    def keep(tag, value):
        assert tag not in values, tag
        values[tag] = value.detach().reshape(len(ids), -1)

    def output(tag, of):
        handles.append(of.register_forward_hook(
            lambda _, __, out: keep(tag, out[0] if isinstance(out, tuple) else out)))

    def input_(tag, of):
        handles.append(of.register_forward_pre_hook(lambda _, args: keep(tag, args[0])))

    body = model.model
    output("embed", body.embed_tokens)
    for i, layer in enumerate(body.layers):
        attn, mlp, tag = layer.self_attn, layer.mlp, f"L{i}."
        for letter in "qkv":
            output(f"{tag}attn.{letter}", getattr(attn, f"{letter}_proj"))
        input_(tag + "attn.ctx", attn.o_proj)
        output(tag + "attn.out", attn.o_proj)
        if family == "llama":
            output(tag + "attn.norm", layer.input_layernorm)
            input_(tag + "attn.residual", layer.post_attention_layernorm)
            output(tag + "mlp.norm", layer.post_attention_layernorm)
        else:
            output(tag + "attn.q_norm", attn.q_norm)
            output(tag + "attn.k_norm", attn.k_norm)
            output(tag + "attn.post_norm", layer.post_attention_layernorm)
            input_(tag + "attn.residual", mlp)
            output(tag + "mlp.post_norm", layer.post_feedforward_layernorm)
        output(tag + "mlp.gate", mlp.gate_proj)
        output(tag + "mlp.up", mlp.up_proj)
        input_(tag + "mlp.act", mlp.down_proj)
        output(tag + "mlp.down", mlp.down_proj)
        output(tag + "mlp.residual", layer)
    output("final.norm", body.norm)
    output("logits", model.lm_head)

    plain, layers = module.apply_rotary_pos_emb, iter(rotating or range(len(body.layers)))

    def rope(q, k, *args, **kwargs):
        q, k = plain(q, k, *args, **kwargs)
        i = next(layers)
        keep(f"L{i}.attn.q_rope", q.transpose(1, 2))  # [1, heads, n, hd] -> [n, heads * hd]
        keep(f"L{i}.attn.k_rope", k.transpose(1, 2))
        return q, k

    module.apply_rotary_pos_emb = rope
    try:
        with torch.no_grad():
            positions = torch.arange(first, first + len(ids)).unsqueeze(0)
            model(torch.tensor([ids]), position_ids=positions, use_cache=True)
    finally:
        module.apply_rotary_pos_emb = plain
        for handle in handles:
            handle.remove()
    return values


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    blob, cases = bytearray(), []
    for number, (name, config, first, n_tokens, rewritten) in enumerate(CASES):
        seed = 1000 + number
        ids = [int(i) for i in
               np.random.default_rng(seed).integers(0, config["vocab_size"], n_tokens)]
        case = {"name": name, "seed": seed, "first_position": first, "ids": ids,
                "config": config, "tensors": {}}
        for dtype, key in ((torch.float32, "fp32"), (torch.bfloat16, "bf16")):
            model, hf = make_model(config, dtype, seed)
            if rewritten and dtype == torch.bfloat16:
                hf.architectures = config["architectures"]
                case["config"] = json.loads(hf.to_json_string())
            for tag, value in trace(model, config, ids, first).items():
                assert value.dtype == dtype and torch.isfinite(value).all(), tag
                entry = case["tensors"].setdefault(tag, {"width": value.shape[1]})
                entry[key] = len(blob)
                raw = value.contiguous()
                raw = raw if dtype == torch.float32 else raw.view(torch.int16)
                blob += raw.numpy().tobytes()
        case["parameters"] = sum(p.numel() for p in model.parameters())
        cases.append(case)
    index = {"made_by": "tools/goldens/models.py", "transformers": transformers.__version__,
             "torch": torch.__version__, "numpy": np.__version__, "cases": cases}
    (OUT / "traces.bin").write_bytes(blob)
    (OUT / "traces.json").write_text(json.dumps(index) + "\n")
    print(f"{len(cases)} cases, {len(blob)} bytes of values")


if __name__ == "__main__":
    torch.manual_seed(0)
    torch.set_num_threads(1)
    main()
