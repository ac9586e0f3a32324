"""A Llama or OLMo-2 folder in Hugging Face form -> one GGUF file, every matrix of one type.

    python tools/gguf/convert.py weights/llama3-tiny out.gguf --type q4_k
    python tools/gguf/convert.py weights/olmo2-tiny  folder --all

Names, order of rows, metadata and vocabulary are as llama.cpp's converter writes them: the rows of
Llama's q and k in rotary pairs, OLMo-2's as they are; Llama 3.1's frequencies in rope_freqs.weight.
Norms stay fp32. A matrix whose rows are no whole blocks takes llama.cpp's fallback type.
"""
import argparse
import json
import math
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

import k_quants

TYPES = ["f32", "f16", "bf16", "q8_0", "q5_0", "q5_1", "q4_0", "q4_1", "q4_k", "q5_k", "q6_k"]
FALLBACK = {"Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
FAMILIES = {"llama": ("llama", "llama-bpe"), "olmo2": ("olmo2", "dbrx")}  # architecture, pre
LAYER = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}
OUTER = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
         "lm_head.weight": "output.weight"}


def read_safetensors(folder):
    """{name: fp32 array}, of every shard."""
    tensors = {}
    for file in sorted(folder.glob("*.safetensors")):
        raw = np.memmap(file, np.uint8, "r")
        size = int(raw[:8].view(np.uint64)[0])
        for name, entry in json.loads(bytes(raw[8:8 + size])).items():
            if name == "__metadata__":
                continue
            begin, end = entry["data_offsets"]
            data = raw[8 + size + begin:8 + size + end]
            if entry["dtype"] == "BF16":
                values = (data.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
            else:
                values = data.view({"F16": np.float16, "F32": np.float32}[entry["dtype"]])
            tensors[name] = values.astype(np.float32).reshape(entry["shape"])
    return tensors


def gguf_name(name, family):
    if name in OUTER:
        return OUTER[name]
    _, _, layer, rest = name.split(".", 3)
    rest = rest.removesuffix(".weight")
    if rest == "post_attention_layernorm":  # Llama: the norm before the MLP
        return f"blk.{layer}." + ("ffn_norm" if family == "llama" else "post_attention_norm") + ".weight"
    return f"blk.{layer}.{LAYER[rest]}.weight"


def in_pairs(rows, n_heads):
    """Rows (half, j) of each head to (j, half): rotary partners become neighbours."""
    return rows.reshape(n_heads, 2, len(rows) // n_heads // 2, -1).swapaxes(1, 2).reshape(rows.shape)


def rope_divisors(config):
    """What llama3 scaling divides each frequency by; None: nothing."""
    scaling = config.get("rope_scaling") or {}
    if scaling.get("rope_type") != "llama3":
        return None
    dim = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    original, factor = scaling["original_max_position_embeddings"], scaling["factor"]
    out = []
    for j in range(0, dim, 2):
        wavelength = 2 * math.pi * config["rope_theta"] ** (j / dim)
        smooth = (original / wavelength - low) / (high - low)
        if wavelength < original / high:
            out.append(1)
        elif wavelength > original / low:
            out.append(factor)
        else:
            out.append(1 / ((1 - smooth) / factor + smooth))
    return np.array(out, np.float32)


def encode(values, name):
    """The bytes of a tensor and the type that they are of."""
    if values.ndim == 1:
        return values, Type.F32
    width = values.shape[1]
    if name in FALLBACK and width % 256 != 0:
        name = FALLBACK[name]
    if Type[name] not in (Type.F32, Type.F16, Type.BF16) and width % 32 != 0:
        name = "F16"
    if name in k_quants.ENCODERS:
        return k_quants.quantise(values, name), Type[name]
    return gguf.quants.quantize(values, Type[name]), Type[name]


def add_sizes(writer, config):
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_theta"])
    head_dim = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_rope_dimension_count(head_dim)
    writer.add_vocab_size(config["vocab_size"])


def add_vocabulary(writer, folder, config, pre):
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    texts = json.loads((folder / "tokenizer_config.json").read_text())
    tokens = [f"[PAD{i}]" for i in range(config["vocab_size"])]
    types = [gguf.TokenType.UNUSED] * len(tokens)
    for token, number in tokenizer["model"]["vocab"].items():
        tokens[number], types[number] = token, gguf.TokenType.NORMAL
    for added in tokenizer["added_tokens"]:
        tokens[added["id"]] = added["content"]
        types[added["id"]] = gguf.TokenType.CONTROL if added["special"] else gguf.TokenType.USER_DEFINED
    merges = [m if isinstance(m, str) else " ".join(m) for m in tokenizer["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    for key, add in (("bos_token", writer.add_bos_token_id), ("eos_token", writer.add_eos_token_id),
                     ("pad_token", writer.add_pad_token_id)):
        token = texts.get(key)
        token = token["content"] if isinstance(token, dict) else token
        if token is not None:
            add(tokens.index(token))
    writer.add_add_bos_token("TemplateProcessing" in json.dumps(tokenizer["post_processor"]))
    if "chat_template" in texts:
        writer.add_chat_template(texts["chat_template"])


def convert(folder, out, type_name, split=0):
    config = json.loads((folder / "config.json").read_text())
    family = config["model_type"]
    architecture, pre = FAMILIES[family]
    writer = gguf.GGUFWriter(out, architecture, split_max_tensors=split)
    writer.add_name(folder.name)
    add_sizes(writer, config)
    writer.add_file_type(gguf.LlamaFileType.GUESSED)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    add_vocabulary(writer, folder, config, pre)
    divisors = rope_divisors(config)
    if divisors is not None:
        writer.add_tensor("rope_freqs.weight", divisors)
    for name, values in read_safetensors(folder).items():
        if config.get("tie_word_embeddings") and name == "lm_head.weight":
            continue
        if family == "llama" and "q_proj" in name:
            values = in_pairs(values, config["num_attention_heads"])
        if family == "llama" and "k_proj" in name:
            values = in_pairs(values, config["num_key_value_heads"])
        data, kind = encode(values, type_name.upper())
        writer.add_tensor(gguf_name(name, family), data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path, help="the file; with --all: a folder")
    parser.add_argument("--type", choices=TYPES, default="bf16")
    parser.add_argument("--all", action="store_true", help="a file NAME-TYPE.gguf for every type")
    parser.add_argument("--split", type=int, default=0, metavar="N", help="at most N tensors a file")
    args = parser.parse_args()
    if not args.all:
        return convert(args.folder, args.out, args.type, args.split)
    args.out.mkdir(parents=True, exist_ok=True)
    for type_name in TYPES:
        convert(args.folder, args.out / f"{args.folder.name}-{type_name}.gguf", type_name)


if __name__ == "__main__":
    main()
