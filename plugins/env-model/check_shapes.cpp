// Whether the tensors have the shapes that config.json, or GGUF metadata, promise. Names are those
// of the decoder families that share Hugging Face's layout; others are left to the model plugin.
#include <set>

#include "checks.hpp"

namespace env_model {
namespace {

namespace fs = std::filesystem;

using Tensors = std::map<std::string, StoredTensor>;

std::string shape_text(const std::vector<uint64_t>& dims) {
    std::string out = "[";
    for (const uint64_t d : dims) out += (out.size() > 1 ? ", " : "") + std::to_string(d);
    return out + "]";
}

// All tensors of all files that are there.
Tensors stored(const ActiveModel& model) {
    if (model.gguf) return model.header.tensors;
    std::set<std::string> files;
    if (model.index.value)
        if (const Json* map = member(&*model.index.value, "weight_map"); map && map->is_object())
            for (const Json& shard : *map)
                if (shard.is_string()) files.insert(shard.get<std::string>());
    std::error_code ignored;
    if (files.empty())
        files.insert(fs::is_directory(model.path, ignored) ? "model.safetensors"
                                                           : model.path.filename().string());
    Tensors out;
    for (const std::string& file : files) out.merge(read_safetensors(model.folder / file).tensors);
    return out;
}

struct Facts {
    std::map<std::string, uint64_t> values;
    uint64_t operator()(const char* key) const {
        const auto found = values.find(key);
        return found == values.end() ? 0 : found->second;
    }
};

Facts facts_of(const ActiveModel& model) {
    Facts out;
    const Json* facts = model.facts();
    for (const char* key : {"hidden_size", "num_hidden_layers", "num_attention_heads",
                            "num_key_value_heads", "intermediate_size", "vocab_size", "head_dim"})
        if (const auto value = whole(facts, key); value && *value > 0)
            out.values[key] = static_cast<uint64_t>(*value);
    if (!out("num_key_value_heads")) out.values["num_key_value_heads"] = out("num_attention_heads");
    if (!out("head_dim") && out("num_attention_heads"))
        out.values["head_dim"] = out("hidden_size") / out("num_attention_heads");
    return out;
}

class Judge {
public:
    // source: what promises the shapes.
    Judge(const Tensors& tensors, const char* source, Findings& out)
        : tensors_(tensors), source_(source), out_(out) {}

    void expect(const std::string& name, const std::vector<uint64_t>& dims) {
        const auto found = tensors_.find(name);
        if (found == tensors_.end()) {
            complain(name, "not there", shape_text(dims));
        } else if (found->second.dims != dims) {
            complain(name, shape_text(found->second.dims), shape_text(dims));
        } else {
            ++n_good_;
        }
    }
    size_t n_good() const { return n_good_; }
    size_t n_bad() const { return n_bad_; }

private:
    // Each would repeat itself in every layer: the first few say it.
    void complain(const std::string& name, const std::string& found, const std::string& needed) {
        if (++n_bad_ <= 3)
            out_.push_back({AFS_CHECK_FAIL, "shapes." + name, found, needed + ", by " + source_,
                            "the files belong to different models: fetch them together again"});
    }
    const Tensors& tensors_;
    const char* source_;
    Findings& out_;
    size_t n_good_ = 0, n_bad_ = 0;
};

void check_facts(const Facts& facts, Findings& out) {
    for (const char* key :
         {"hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size"})
        if (!facts(key))
            out.push_back({AFS_CHECK_FAIL, std::string("shapes.") + key, "not stated",
                           "a whole number above 0 in config.json", "fetch config.json again"});
    const uint64_t heads = facts("num_attention_heads"), kv = facts("num_key_value_heads");
    if (heads && kv && heads % kv != 0)
        out.push_back({AFS_CHECK_FAIL, "shapes.heads",
                       std::to_string(heads) + " heads, " + std::to_string(kv) + " of keys",
                       "a multiple", "config.json is not of this model: fetch it again"});
}

void check_layers(const Facts& facts, const Tensors& tensors, Findings& out) {
    Judge judge(tensors, "config.json", out);
    const uint64_t hidden = facts("hidden_size"), head = facts("head_dim"),
                   ffn = facts("intermediate_size"), layers = facts("num_hidden_layers");
    judge.expect("model.embed_tokens.weight", {facts("vocab_size"), hidden});
    for (uint64_t i = 0; i < layers && i < 1000; ++i) {
        const std::string layer = "model.layers." + std::to_string(i) + ".";
        judge.expect(layer + "self_attn.q_proj.weight",
                     {facts("num_attention_heads") * head, hidden});
        judge.expect(layer + "self_attn.k_proj.weight",
                     {facts("num_key_value_heads") * head, hidden});
        judge.expect(layer + "mlp.gate_proj.weight", {ffn, hidden});
        judge.expect(layer + "mlp.down_proj.weight", {hidden, ffn});
    }
    const std::string beyond =
        "model.layers." + std::to_string(layers) + ".self_attn.q_proj.weight";
    if (tensors.count(beyond))
        out.push_back({AFS_CHECK_FAIL, "shapes.layers",
                       "weights of more than " + std::to_string(layers) + " layers",
                       "num_hidden_layers of config.json", "fetch config.json again"});
    if (judge.n_bad() == 0)
        out.push_back({AFS_CHECK_OK, "shapes",
                       std::to_string(judge.n_good()) + " weights of " + std::to_string(layers) +
                           " layers as config.json has them",
                       "", ""});
}

Findings check_gguf(const ActiveModel& model) {
    const auto& texts = model.header.texts;
    const auto architecture = texts.find("general.architecture");
    if (architecture == texts.end())
        return {
            {AFS_CHECK_FAIL, "shapes", "general.architecture is not stated", "", "convert again"}};
    const auto number = [&](const std::string& key) {
        const auto found = model.header.numbers.find(architecture->second + "." + key);
        const double value = found == model.header.numbers.end() ? 0 : found->second;
        return value >= 0 && value < 1e15 ? static_cast<uint64_t>(value) : 0;  // NaN is neither
    };
    const uint64_t layers = number("block_count"), hidden = number("embedding_length");
    if (!hidden)
        return {{AFS_CHECK_FAIL, "shapes", architecture->second + ".embedding_length is not stated",
                 "a whole number above 0", "convert again"}};
    Findings out;
    const auto embedding = model.header.tensors.find("token_embd.weight");
    const auto tokens = model.header.lengths.find("tokenizer.ggml.tokens");
    if (embedding != model.header.tensors.end() && tokens != model.header.lengths.end()) {
        Judge judge(model.header.tensors, "the file's metadata", out);
        judge.expect("token_embd.weight", {tokens->second, hidden});
    }
    for (uint64_t i = 0; i < layers && i < 1000; ++i)
        if (!model.header.tensors.count("blk." + std::to_string(i) + ".attn_q.weight")) {
            out.push_back({AFS_CHECK_WARN, "shapes.layers",
                           "layer " + std::to_string(i) + " has no attn_q.weight",
                           std::to_string(layers) + " layers", "a split file: keep all its parts"});
            break;
        }
    if (out.empty())
        out.push_back({AFS_CHECK_OK, "shapes",
                       architecture->second + ", " + std::to_string(layers) + " layers, hidden " +
                           std::to_string(hidden),
                       "", ""});
    return out;
}

}  // namespace

Findings check_shapes(const Look& look) {
    if (!look.model.there) return {};
    if (look.model.gguf)
        return look.model.header.problem.empty() ? check_gguf(look.model) : Findings();
    if (!look.model.facts()) return {};
    Findings out;
    const Facts facts = facts_of(look.model);
    check_facts(facts, out);
    const Tensors tensors = stored(look.model);
    if (!out.empty() || tensors.empty()) return out;  // missing files are the checkpoint's findings
    if (tensors.count("model.layers.0.self_attn.q_proj.weight"))
        check_layers(facts, tensors, out);
    else
        out.push_back({AFS_CHECK_INFO, "shapes", "tensor names of another layout", "",
                       "the model plugin checks them when it loads"});
    return out;
}

}  // namespace env_model
