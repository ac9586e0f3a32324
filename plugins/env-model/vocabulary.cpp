#include "vocabulary.hpp"

#include <algorithm>

namespace env_model {
namespace {

void add(Vocabulary& out, const std::string& text, int64_t id) {
    out.special[text] = id;
    out.size = std::max(out.size, id + 1);
}

}  // namespace

int64_t Vocabulary::find(const std::string& text) const {
    if (const auto found = special.find(text); found != special.end()) return found->second;
    return whole(model, text.c_str()).value_or(-1);
}

Vocabulary read_vocabulary(const ActiveModel& model) {
    Vocabulary out;
    if (model.gguf) {
        const auto tokens = model.header.lengths.find("tokenizer.ggml.tokens");
        out.known = tokens != model.header.lengths.end();
        if (out.known) out.size = static_cast<int64_t>(tokens->second);
        out.source = model.header.path.filename().string();
        return out;
    }
    if (!model.tokenizer.value) return out;
    const Json* file = &*model.tokenizer.value;
    out.source = "tokenizer.json";
    const Json* tokens = member(member(file, "model"), "vocab");
    if (tokens && tokens->is_object()) {
        out.known = true;
        out.model = tokens;
        for (const Json& id : *tokens)
            if (id.is_number_integer()) out.size = std::max(out.size, id.get<int64_t>() + 1);
    } else if (tokens && tokens->is_array()) {  // Unigram: pairs in the order of the ids
        out.known = true;
        out.size = static_cast<int64_t>(tokens->size());
    }
    if (const Json* added = member(file, "added_tokens"); added && added->is_array())
        for (const Json& token : *added)
            if (const auto id = whole(&token, "id")) add(out, text_of(&token, "content"), *id);
    return out;
}

}  // namespace env_model
