"""The two tiny models: their shapes, as config.json files in the form their families publish."""

EOS = {"olmo2": "<|endoftext|>", "llama3": "<|end_of_text|>"}
SPECIALS = {
    "olmo2": ["<|endoftext|>", "<|pad|>"],
    "llama3": ["<|begin_of_text|>", "<|end_of_text|>", "<|finetune_right_pad_id|>",
               "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>",
               "<|python_tag|>"],
}
# Rows of the embedding.  OLMo-2 pads its own (100352 rows for 100278 tokens): so does the tiny one.
ROWS = {"olmo2": 3072, "llama3": 4096}
TOKENS = {"olmo2": 3048, "llama3": 4096}


def config(family: str) -> dict:
    """config.json of a family; ids follow from SPECIALS, which take the last tokens."""
    first = TOKENS[family] - len(SPECIALS[family])
    ids = {name: first + i for i, name in enumerate(SPECIALS[family])}
    shared = {
        "attention_bias": False, "attention_dropout": 0.0, "hidden_act": "silu",
        "hidden_size": 256, "initializer_range": 0.02, "max_position_embeddings": 1024,
        "num_attention_heads": 4, "rope_theta": 500000.0, "torch_dtype": "bfloat16",
        "transformers_version": "4.47.0", "use_cache": True, "vocab_size": ROWS[family],
    }
    if family == "olmo2":
        return shared | {
            "architectures": ["Olmo2ForCausalLM"], "model_type": "olmo2",
            "eos_token_id": ids["<|endoftext|>"], "pad_token_id": ids["<|pad|>"],
            "intermediate_size": 448, "num_hidden_layers": 7, "num_key_value_heads": 4,
            "rms_norm_eps": 1e-06, "rope_scaling": None, "tie_word_embeddings": False,
        }
    return shared | {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama",
        "bos_token_id": ids["<|begin_of_text|>"], "eos_token_id": ids["<|end_of_text|>"],
        "head_dim": 64, "intermediate_size": 512, "mlp_bias": False, "num_hidden_layers": 8,
        "num_key_value_heads": 2, "pretraining_tp": 1, "rms_norm_eps": 1e-05,
        "rope_scaling": {"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                         "original_max_position_embeddings": 512, "rope_type": "llama3"},
        "tie_word_embeddings": True,
    }


def generation_config(family: str) -> dict:
    """generation_config.json: the ids that end a text; Llama-3 gives a list in its later forms."""
    full = config(family)
    out = {"_from_model_config": True, "transformers_version": "4.47.0",
           "eos_token_id": full["eos_token_id"]}
    key = "pad_token_id" if family == "olmo2" else "bos_token_id"
    return out | {key: full[key]}


def tokenizer_config(family: str) -> dict:
    """tokenizer_config.json with the added tokens, as the families write it."""
    full = config(family)
    first = TOKENS[family] - len(SPECIALS[family])
    added = {str(first + i): {"content": name, "lstrip": False, "normalized": False,
                              "rstrip": False, "single_word": False, "special": True}
             for i, name in enumerate(SPECIALS[family])}
    out = {"add_prefix_space": False, "added_tokens_decoder": added,
           "clean_up_tokenization_spaces": False, "eos_token": EOS[family],
           "model_max_length": full["max_position_embeddings"],
           "tokenizer_class": "GPT2Tokenizer" if family == "olmo2" else "PreTrainedTokenizerFast"}
    if family == "olmo2":
        return out | {"bos_token": None, "pad_token": "<|pad|>", "unk_token": "<|endoftext|>"}
    return out | {"bos_token": "<|begin_of_text|>",
                  "model_input_names": ["input_ids", "attention_mask"]}
