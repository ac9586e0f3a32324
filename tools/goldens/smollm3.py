"""The golden of examples/model-smollm3: a small random checkpoint and its trace.

    python tools/goldens/smollm3.py      writes examples/model-smollm3/golden

Five layers, of which one has no rotary embedding, grouped heads, tied head. Weights are drawn from
a seed and stored in bf16; the trace is of Hugging Face's eager implementation in fp32 and bf16.
"""
import json
import pathlib

import torch
import transformers
from safetensors.torch import save_file

import models
from transformers.models.smollm3 import modeling_smollm3

OUT = pathlib.Path(__file__).parents[2] / "examples/model-smollm3/golden"
CONFIG = {"architectures": ["SmolLM3ForCausalLM"], "model_type": "smollm3",
          "attention_bias": False, "mlp_bias": False, "hidden_act": "silu", "hidden_size": 64,
          "intermediate_size": 96, "num_attention_heads": 4, "num_hidden_layers": 5,
          "num_key_value_heads": 2, "max_position_embeddings": 512, "rms_norm_eps": 1e-6,
          "rope_theta": 2000000.0, "tie_word_embeddings": True, "vocab_size": 128,
          "no_rope_layers": [1, 1, 1, 0, 1], "no_rope_layer_interval": 4,
          "use_sliding_window": False, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 3,
          "dtype": "bfloat16"}


def main():
    torch.manual_seed(3)
    models.CLASSES["smollm3"] = (transformers.SmolLM3Config, transformers.SmolLM3ForCausalLM,
                                 modeling_smollm3)
    checkpoint = OUT / "checkpoint"
    checkpoint.mkdir(parents=True, exist_ok=True)
    settings = {k: v for k, v in CONFIG.items() if k != "dtype"}
    config = transformers.SmolLM3Config(**settings)
    config._attn_implementation = "eager"
    model = transformers.SmolLM3ForCausalLM(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            scale = 1.0 if parameter.dim() == 1 else 1.5 / parameter.shape[1] ** 0.5
            parameter.copy_(torch.randn_like(parameter) * scale + (parameter.dim() == 1))
            parameter.copy_(parameter.bfloat16().float())
    weights = {k: v.bfloat16().contiguous().clone() for k, v in model.state_dict().items()
               if k != "lm_head.weight"}
    save_file(weights, checkpoint / "model.safetensors", metadata={"format": "pt"})
    (checkpoint / "config.json").write_text(json.dumps(CONFIG, indent=1) + "\n")
    ids = [int(i) for i in torch.randint(4, 128, (12,))]
    # The rotary function is called in rotating layers only.
    rotating = [i for i, rotates in enumerate(CONFIG["no_rope_layers"]) if rotates]
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        values = models.trace(model.to(dtype), CONFIG, ids, 0, family="llama", rotating=rotating)
        save_file({tag: value.contiguous().clone() for tag, value in values.items()},
                  OUT / f"{name}.safetensors")
    made_by = f"transformers {transformers.__version__}, torch {torch.__version__}"
    (OUT / "trace.json").write_text(json.dumps(
        {"made_by": made_by, "model": "smollm3, random", "dtype": "bf16", "ids": ids}) + "\n")
    print(f"{len(values)} values of {len(ids)} tokens in {OUT}")


if __name__ == "__main__":
    main()
