// A whole checkpoint of some 26 KB that runs, as files that a test may change before it writes
// them: one layer of a Llama, hidden 8, 300 rows, fp32; every byte is a token, 256 ends a text.
#pragma once
#include <array>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/temp_folder.hpp"

namespace afs::test {

using Json = nlohmann::ordered_json;

struct SmallTensor {
    std::string name;
    std::vector<int64_t> shape;
    std::string dtype = "F32";
    std::string data = {};
};

class SmallCheckpoint {
public:
    Json config = {{"architectures", {"LlamaForCausalLM"}},
                   {"model_type", "llama"},
                   {"hidden_size", 8},
                   {"intermediate_size", 12},
                   {"num_hidden_layers", 1},
                   {"num_attention_heads", 2},
                   {"num_key_value_heads", 1},
                   {"max_position_embeddings", 100000},
                   {"rms_norm_eps", 1e-5},
                   {"rope_theta", 10000.0},
                   {"vocab_size", 300},
                   {"hidden_act", "silu"},
                   {"tie_word_embeddings", false},
                   {"torch_dtype", "float32"},
                   {"eos_token_id", 256}};
    Json tokenizer = {{"version", "1.0"},
                      {"added_tokens", {{{"id", 256}, {"content", "<|end|>"}, {"special", true}}}},
                      {"normalizer", nullptr},
                      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
                      {"post_processor", nullptr},
                      {"decoder", {{"type", "ByteLevel"}}},
                      {"model", {{"type", "BPE"}, {"vocab", bytes()}, {"merges", Json::array()}}}};
    std::vector<SmallTensor> tensors;
    std::map<std::string, std::string> files;  // beside or instead of those made of the above

    SmallCheckpoint() {
        const std::string layer = "model.layers.0.";
        tensors = {{"model.embed_tokens.weight", {300, 8}},
                   {"model.norm.weight", {8}},
                   {"lm_head.weight", {300, 8}},
                   {layer + "self_attn.q_proj.weight", {8, 8}},
                   {layer + "self_attn.k_proj.weight", {4, 8}},
                   {layer + "self_attn.v_proj.weight", {4, 8}},
                   {layer + "self_attn.o_proj.weight", {8, 8}},
                   {layer + "mlp.gate_proj.weight", {12, 8}},
                   {layer + "mlp.up_proj.weight", {12, 8}},
                   {layer + "mlp.down_proj.weight", {8, 12}},
                   {layer + "input_layernorm.weight", {8}},
                   {layer + "post_attention_layernorm.weight", {8}}};
        for (SmallTensor& tensor : tensors) {
            size_t n = 1;
            for (const int64_t extent : tensor.shape) n *= static_cast<size_t>(extent);
            for (size_t i = 0; i < n; ++i) {
                const float value = tensor.shape.size() == 1
                                        ? 1.0f
                                        : static_cast<float>(i * 37 % 17) / 40.0f - 0.2f;
                tensor.data.append(reinterpret_cast<const char*>(&value), sizeof value);
            }
        }
    }

    SmallTensor& tensor(const std::string& name) {
        for (SmallTensor& t : tensors)
            if (t.name == name) return t;
        throw std::runtime_error(name);
    }
    // The header of model.safetensors, to be changed and given to weights().
    Json header() const {
        Json header = Json::object();
        size_t at = 0;
        for (const SmallTensor& t : tensors) {
            header[t.name] = {
                {"dtype", t.dtype}, {"shape", t.shape}, {"data_offsets", {at, at + t.data.size()}}};
            at += t.data.size();
        }
        return header;
    }
    std::string weights() const { return weights(header().dump()); }
    std::string weights(const std::string& header) const {
        return length(header.size()) + header + data();
    }
    std::string data() const {
        std::string all;
        for (const SmallTensor& t : tensors) all += t.data;
        return all;
    }
    static std::string length(uint64_t n) { return {reinterpret_cast<const char*>(&n), sizeof n}; }

    // Every file, over what is there.
    void write(const TempFolder& folder) const {
        std::map<std::string, std::string> all = {{"config.json", config.dump()},
                                                  {"tokenizer.json", tokenizer.dump()},
                                                  {"model.safetensors", weights()}};
        for (const auto& [name, text] : files) all[name] = text;
        for (const auto& [name, text] : all) folder.write(name, text);
    }

private:
    // The byte-level alphabet: printable bytes stand for themselves, the others for U+0100 and on.
    static Json bytes() {
        Json vocab = Json::object();
        int next = 256;
        for (int byte = 0; byte < 256; ++byte) {
            const bool plain = (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173);
            vocab[utf8(plain ? byte : next++)] = byte;
        }
        return vocab;
    }
    static std::string utf8(int code) {
        if (code < 128) return std::string(1, static_cast<char>(code));
        return {static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 0x3f))};
    }
};

}  // namespace afs::test
