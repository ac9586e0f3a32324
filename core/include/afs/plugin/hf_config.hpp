// Reads a Hugging Face config.json and generation_config.json for model plugins. The one header
// of afs::abi that needs more than std: a plugin that includes it (in one .cpp: it is slow to
// compile) links nlohmann_json::nlohmann_json privately. C++17.
//
// An absent key is an error unless every published checkpoint of the form means the same by its
// absence: the class defaults of transformers belong to no checkpoint. The first mistake is kept;
// ask status() after reading.
#pragma once
#include <cmath>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "afs/numeric.hpp"  // dtype_name
#include "afs/plugin/decoder_config.hpp"
#include "afs/status.hpp"

namespace afs {

// Throws what nlohmann throws, and for depth over 64 or a key given twice.
inline nlohmann::json parse_json(const char* text) {
    using Json = nlohmann::json;
    std::vector<std::set<std::string>> keys;
    const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
        if (depth > 64) throw std::runtime_error("nested deeper than 64 levels");
        if (event == Json::parse_event_t::object_start) keys.emplace_back();
        if (event == Json::parse_event_t::object_end) keys.pop_back();
        if (event == Json::parse_event_t::key &&
            !keys.back().insert(parsed.get<std::string>()).second)
            throw std::runtime_error("key '" + parsed.get<std::string>() + "' is given twice");
        return true;
    };
    return Json::parse(text, watch);
}

class HfConfig {
public:
    using Json = nlohmann::json;

    // file: the name that messages use.
    HfConfig(const char* text, std::string file) : file_(std::move(file)) {
        try {
            json_ = parse_json(text);
            if (!json_.is_object())
                fail("is " + std::string(json_.type_name()) + ", not an object");
        } catch (const std::exception& thrown) {
            fail(thrown.what());
        }
        if (!json_.is_object()) json_ = Json::object();
    }

    const Status& status() const { return status_; }

    // The key's value; NULL where it is absent or null.
    const Json* get(const std::string& key) const { return member(json_, key); }

    // A whole number in [1, most].
    int64_t count(const std::string& key, int64_t most) { return count_in(json_, key, key, most); }
    int64_t count(const std::string& key, int64_t most, int64_t otherwise) {
        return get(key) ? count(key, most) : otherwise;
    }
    // A finite number above 0.
    double positive(const std::string& key) { return positive_in(json_, key, key); }
    bool flag(const std::string& key, bool otherwise) {
        const Json* value = get(key);
        if (!value) return otherwise;
        if (value->is_boolean()) return value->get<bool>();
        expected(key, value, "true or false");
        return otherwise;
    }
    // The key may only be absent, null, or one of `neutral`; why says what it would mean.
    void refuse(const std::string& key, const std::vector<Json>& neutral, const std::string& why) {
        const Json* value = get(key);
        if (!value) return;
        for (const Json& harmless : neutral)
            if (*value == harmless) return;
        expected(key, value, (neutral.empty() ? "nothing" : neutral.front().dump()) + ": " + why);
    }
    // Token ids in [0, vocab_size): a number, a list or nothing; no id twice.
    void ids(const std::string& key, int64_t vocab_size, std::vector<int32_t>& to) {
        const Json* value = get(key);
        if (!value) return;
        for (const Json& id : value->is_array() ? *value : Json::array({*value})) {
            if (!id.is_number_integer() || id < 0 || id >= vocab_size)
                return expected(key, value,
                                "token ids below vocab_size " + std::to_string(vocab_size));
            const auto found = id.get<int32_t>();
            bool known = false;
            for (const int32_t other : to) known |= other == found;
            if (!known) to.push_back(found);
        }
    }

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

    void expected(const std::string& key, const Json* found, const std::string& what) {
        if (found)
            fail(key + " is " + shown(found) + ", expected " + what);
        else
            fail(key + " is missing, expected " + what);
    }
    void fail(const std::string& message) {
        if (status_.ok()) status_ = invalid("cannot use " + file_ + ": " + message);
    }

private:
    static const Json* member(const Json& of, const std::string& key) {
        const auto it = of.find(key);
        return it == of.end() || it->is_null() ? nullptr : &*it;
    }
    static std::string shown(const Json* value) {
        if (!value) return "absent";
        const std::string text = value->dump(-1, ' ', false, Json::error_handler_t::replace);
        return text.size() <= 80 ? text : text.substr(0, 77) + "...";
    }
    const Json* object(const std::string& key) {
        const Json* value = get(key);
        if (!value || value->is_object()) return value;
        expected(key, value, "an object");
        return nullptr;
    }
    int64_t count_in(const Json& of, const std::string& key, const std::string& name,
                     int64_t most) {
        const Json* value = member(of, key);
        if (value && value->is_number_integer() && *value >= 1 && *value <= most)
            return value->get<int64_t>();
        expected(name, value, "a whole number from 1 to " + std::to_string(most));
        return 1;
    }
    double positive_in(const Json& of, const std::string& key, const std::string& name) {
        const Json* value = member(of, key);
        if (value && value->is_number() && value->get<double>() > 0 &&
            std::isfinite(value->get<float>()))
            return value->get<double>();
        expected(name, value, "a number above 0");
        return 1;
    }
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

    std::string file_;
    Json json_ = Json::object();
    Status status_;
};

// What a family that reads config.json and emits a graph for one rank can be asked for.
inline Status check_source(const afs_model_source& source) {
    if (source.is_gguf)
        return unsupported(
            "cannot read a GGUF file's metadata: this family reads config.json; "
            "use the checkpoint's safetensors folder");
    if (!source.config_json)
        return invalid("cannot build a graph: the text of config.json is NULL");
    if (source.world > 1)
        return unsupported("cannot split the model over " + std::to_string(source.world) +
                           " ranks: one rank is all that is built");
    switch (source.dtype) {
        case AFS_F32:
        case AFS_BF16:
        case AFS_F16:
        case AFS_F64: return {};
        default:
            return invalid("cannot use activation dtype " + std::to_string(source.dtype) + " (" +
                           dtype_name(source.dtype) + "): expected fp32, bf16, fp16 or fp64");
    }
}

// The sizes that every Llama-like decoder has, checked against each other. The limits keep every
// product of sizes, in bytes and over all layers, inside 63 bits.
inline DecoderConfig read_decoder(HfConfig& in) {
    DecoderConfig c;
    c.hidden_dim = in.count("hidden_size", 1 << 20);
    c.ffn_dim = in.count("intermediate_size", 1 << 22);
    c.vocab_size = in.count("vocab_size", 1 << 24);
    c.n_layers = static_cast<uint32_t>(in.count("num_hidden_layers", 1024));
    c.n_heads = static_cast<uint32_t>(in.count("num_attention_heads", 4096));
    c.n_kv_heads = static_cast<uint32_t>(in.count("num_key_value_heads", c.n_heads, c.n_heads));
    if (c.n_heads % c.n_kv_heads != 0)
        in.expected("num_key_value_heads", in.get("num_key_value_heads"),
                    "a divisor of num_attention_heads " + std::to_string(c.n_heads));
    if (!in.get("head_dim") && c.hidden_dim % c.n_heads != 0)
        in.expected("num_attention_heads", in.get("num_attention_heads"),
                    "a divisor of hidden_size " + std::to_string(c.hidden_dim) +
                        ", or an explicit head_dim");
    c.head_dim = static_cast<uint32_t>(in.count("head_dim", 4096, c.hidden_dim / c.n_heads));
    if (c.head_dim % 2 != 0 || c.head_dim == 0)
        in.fail("head_dim is " + std::to_string(c.head_dim) +
                ", expected an even number: rotary embedding turns pairs");
    c.context_length = static_cast<uint32_t>(in.count("max_position_embeddings", 1 << 30));
    c.rms_eps = static_cast<float>(in.positive("rms_norm_eps"));
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

// Stop ids of both files, generation_config.json's first; sampling defaults where it samples.
// text may be NULL.
inline Status read_generation(const char* text, HfConfig& config, DecoderConfig& c) {
    std::vector<int32_t> bos;
    if (text) {
        HfConfig in(text, "generation_config.json");
        in.ids("eos_token_id", c.vocab_size, c.stop_ids);
        in.ids("bos_token_id", c.vocab_size, bos);
        if (in.flag("do_sample", false)) {
            const HfConfig::Json *t = in.get("temperature"), *p = in.get("top_p");
            if (t && *t != 0) c.temperature = static_cast<float>(in.positive("temperature"));
            if (t && *t == 0) c.temperature = 0;
            if (p) c.top_p = static_cast<float>(in.positive("top_p"));
            if (p && c.top_p > 1) in.expected("top_p", p, "a number up to 1");
            if (const HfConfig::Json* k = in.get("top_k"))
                c.top_k = *k == 0 ? 0 : static_cast<int32_t>(in.count("top_k", 1 << 30));
        }
        AFS_TRY(in.status());
    }
    config.ids("eos_token_id", c.vocab_size, c.stop_ids);
    config.ids("bos_token_id", c.vocab_size, bos);
    if (!bos.empty()) c.bos_id = bos.front();
    return config.status();
}

}  // namespace afs
