// Reads a Hugging Face config.json and generation_config.json for model plugins. C++17.
//
// An absent key is an error unless every published checkpoint of the form means the same by its
// absence: the class defaults of transformers belong to no checkpoint.
#pragma once
#include <string>
#include <vector>

#include "afs/plugin/decoder/sizes.hpp"

namespace afs {

class HfConfig : public JsonConfig {
public:
    using JsonConfig::JsonConfig;

    // Whether the file is of this family; it is when every one of model_type and architectures
    // that it has says so.
    bool is_family(const std::string& model_type, const std::string& architecture) const {
        const Json *type = get("model_type"), *names = get("architectures");
        if (type && *type != Json(model_type)) return false;
        if (!names) return type != nullptr;
        for (const Json& name : *names)
            if (name == Json(architecture)) return true;
        return false;
    }
    void require_family(const std::string& model_type, const std::string& architecture) {
        if (is_family(model_type, architecture)) return;
        fail("model_type is " + shown(get("model_type")) + " and architectures " +
             shown(get("architectures")) + ", expected \"" + model_type + "\" and [\"" +
             architecture + "\"]");
    }

    // AFS_DTYPE_NONE where neither dtype nor the older torch_dtype says anything.
    int32_t dtype() {
        const std::string key = get("dtype") ? "dtype" : "torch_dtype";
        const Json* value = get(key);
        if (!value || *value == Json("auto")) return AFS_DTYPE_NONE;
        std::string name = value->is_string() ? value->get<std::string>() : std::string();
        if (name.rfind("torch.", 0) == 0) name = name.substr(6);
        if (name == "bfloat16") return AFS_BF16;
        if (name == "float16") return AFS_F16;
        if (name == "float32") return AFS_F32;
        if (name == "float64") return AFS_F64;
        expected(key, value, "bfloat16, float16, float32 or float64");
        return AFS_DTYPE_NONE;
    }

    // From rope_theta and rope_scaling, or from the newer rope_parameters that holds both.
    afs_rope_params rope() {
        afs_rope_params out = make<afs_rope_params>();
        const Json* newer = object("rope_parameters");
        const Json* scaling = object("rope_scaling");
        if (newer && scaling && *newer != *scaling)
            fail("has rope_parameters and a different rope_scaling: keep one of them");
        const bool inside = newer && member(*newer, "rope_theta");
        out.theta = inside ? positive_in(*newer, "rope_theta", "rope_parameters.rope_theta")
                           : positive("rope_theta");
        if (inside && get("rope_theta") && positive("rope_theta") != out.theta)
            fail("has rope_theta " + shown(get("rope_theta")) + " and rope_parameters.rope_theta " +
                 shown(member(*newer, "rope_theta")) + ": keep one of them");
        const std::string where = newer ? "rope_parameters" : "rope_scaling";
        if (newer) scaling = newer;
        if (scaling) read_scaling(*scaling, where, out);
        return out;
    }

private:
    void read_scaling(const Json& in, const std::string& where, afs_rope_params& out) {
        const Json* type = member(in, "rope_type");
        if (!type) type = member(in, "type");
        const Json* partial = member(in, "partial_rotary_factor");
        if (partial && *partial != 1.0)
            expected(where + ".partial_rotary_factor", partial, "1: only whole heads are rotated");
        if (type && *type == Json("default")) return;
        if (!type && where == "rope_parameters") return;
        if (!type || *type != Json("llama3"))
            return expected(where + ".rope_type", type, "\"default\" or \"llama3\"");
        const auto number = [&](const char* key) {
            return static_cast<float>(positive_in(in, key, where + "." + key));
        };
        out.scaling = AFS_ROPE_LLAMA3;
        out.factor = number("factor");
        out.low_freq_factor = number("low_freq_factor");
        out.high_freq_factor = number("high_freq_factor");
        const char* original = "original_max_position_embeddings";
        out.original_max_position = static_cast<uint32_t>(
            member(in, original) ? count_in(in, original, where + "." + original, 1 << 30)
                                 : count_in(json_, original, where + "." + original, 1 << 30));
        if (out.high_freq_factor <= out.low_freq_factor)
            expected(where + ".high_freq_factor", member(in, "high_freq_factor"),
                     "more than low_freq_factor " + shown(member(in, "low_freq_factor")));
    }
};

inline DecoderConfig read_decoder(HfConfig& in) {
    DecoderConfig c = read_sizes(
        in, {"hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
             "num_key_value_heads", "head_dim", "max_position_embeddings", "rms_norm_eps"});
    c.vocab_size = in.count("vocab_size", kMaxVocab);
    c.tied = in.flag("tie_word_embeddings", false);
    c.rope = in.rope();
    c.rope.head_dim = c.head_dim;
    c.checkpoint_dtype = in.dtype();
    in.refuse("hidden_act", {"silu", "swish"}, "no other activation is known");
    in.refuse("attention_bias", {false}, "biases are not part of this family");
    in.refuse("mlp_bias", {false}, "biases are not part of this family");
    in.refuse("sliding_window", {}, "windowed attention is not part of this family");
    in.refuse("clip_qkv", {}, "clipping is not part of this family");
    in.refuse("rope_interleaved", {false}, "rotary pairs lie half a head apart");
    in.refuse("partial_rotary_factor", {1.0}, "only whole heads are rotated");
    in.refuse("quantization_config", {},
              "quantised checkpoints are not read; use one with plain bf16, fp16 or fp32 tensors");
    if (const HfConfig::Json* types = in.get("layer_types"))
        for (const HfConfig::Json& type : *types)
            if (type != HfConfig::Json("full_attention"))
                in.expected("layer_types", types, "\"full_attention\" alone");
    return c;
}

// Sampling defaults as transformers means them: greedy unless do_sample says otherwise, then at
// temperature 1 where none is stated; a penalty counts either way.
inline void read_sampling(JsonConfig& in, DecoderConfig& c) {
    const auto number = [&in](const char* key, double least, double most, float& to) {
        if (in.get(key)) to = static_cast<float>(in.number(key, least, most));
    };
    number("repetition_penalty", 1e-3, 1e3, c.repetition_penalty);
    if (!in.get("do_sample")) return;
    c.temperature = in.flag("do_sample", false) ? 1.0f : 0.0f;
    if (c.temperature == 0) return;
    number("temperature", 0, 1e3, c.temperature);
    number("top_p", 0, 1, c.top_p);
    number("min_p", 0, 1, c.min_p);
    if (const JsonConfig::Json* k = in.get("top_k"))
        c.top_k = *k == 0 ? 0 : static_cast<int32_t>(in.count("top_k", 1 << 30));
}

// Stop ids of both files, generation_config.json's first, and its sampling defaults. text may be
// NULL.
inline Status read_generation(const char* text, HfConfig& config, DecoderConfig& c) {
    std::vector<int32_t> bos;
    if (text) {
        HfConfig in(text, "generation_config.json");
        in.ids("eos_token_id", c.vocab_size, c.stop_ids);
        in.ids("bos_token_id", c.vocab_size, bos);
        read_sampling(in, c);
        AFS_TRY(in.status());
    }
    config.ids("eos_token_id", c.vocab_size, c.stop_ids);
    config.ids("bos_token_id", c.vocab_size, bos);
    if (!bos.empty()) c.bos_id = bos.front();
    return config.status();
}

}  // namespace afs
