#include "afs/weights/gguf_vocabulary.hpp"

#include <cstring>

namespace afs {
namespace {

constexpr uint64_t kMaxTokens = 1 << 24;

}  // namespace

// Fills a GgufVocabulary; every mistake names its key.
class VocabularyReader {
public:
    VocabularyReader(const GgufFile& file, GgufVocabulary& out) : in_(file), out_(out) {}

    Status run() {
        out_.file_ = in_.file();
        AFS_TRY(text("model", out_.model_));
        AFS_TRY(text("pre", out_.pre_));
        AFS_TRY(texts("tokens", out_.tokens_));
        AFS_TRY(texts("merges", out_.merges_));
        if (out_.tokens_.empty()) return bad("tokens", "an array of texts", "none");
        AFS_TRY(scores());
        AFS_TRY(types());
        afs_vocabulary& table = out_.table_;
        table.struct_size = sizeof table;
        AFS_TRY(id("bos_token_id", table.bos_id));
        AFS_TRY(id("eos_token_id", table.eos_id));
        AFS_TRY(id("unknown_token_id", table.unknown_id));
        AFS_TRY(id("padding_token_id", table.pad_id));
        AFS_TRY(flag("add_bos_token", table.add_bos));
        AFS_TRY(flag("add_eos_token", table.add_eos));
        AFS_TRY(flag("add_space_prefix", table.add_space_prefix));
        AFS_TRY(flag("remove_extra_whitespaces", table.remove_extra_whitespaces));
        table.model = out_.model_.c_str();
        table.pre = out_.pre_.empty() ? nullptr : out_.pre_.c_str();
        table.n_tokens = static_cast<uint32_t>(out_.tokens_.size());
        table.tokens = out_.tokens_.data();
        table.scores = out_.scores_.empty() ? nullptr : out_.scores_.data();
        table.types = out_.types_.empty() ? nullptr : out_.types_.data();
        table.n_merges = static_cast<uint32_t>(out_.merges_.size());
        table.merges = out_.merges_.empty() ? nullptr : out_.merges_.data();
        return {};
    }

private:
    const GgufValue* find(const std::string& key) const {
        return in_.find("tokenizer.ggml." + key);
    }
    Status bad(const std::string& key, const std::string& expected,
               const std::string& found) const {
        return invalid("cannot read the vocabulary of '" + in_.file()->path().string() +
                       "': tokenizer.ggml." + key + " must be " + expected + ", found " + found);
    }
    static std::string kind(const GgufValue& value) {
        if (value.type != GgufType::array) return name_of(value.type);
        return "an array of " + std::to_string(value.count) + " " + name_of(value.item_type);
    }

    Status text(const std::string& key, std::string& to) const {
        const GgufValue* value = find(key);
        if (!value) return {};
        const auto found = value->text();
        if (!found || found->find('\0') != std::string_view::npos || found->size() > 256)
            return bad(key, "a short text", kind(*value));
        to = *found;
        return {};
    }
    Status texts(const std::string& key, std::vector<afs_text>& to) const {
        const GgufValue* value = find(key);
        if (!value) return {};
        if (value->type != GgufType::array || value->item_type != GgufType::string ||
            value->count > kMaxTokens)
            return bad(key, "an array of at most " + std::to_string(kMaxTokens) + " texts",
                       kind(*value));
        to.reserve(value->count);
        value->each_text([&to](std::string_view text) {
            to.push_back({text.data(), text.size()});
        });
        return {};
    }
    // An array with one item a token. The file's need not be aligned, so it is copied.
    template <class T>
    Status per_token(const std::string& key, bool type_fits, const char* type, std::vector<T>& to) {
        const GgufValue* value = find(key);
        if (!value) return {};
        if (!type_fits || value->count != out_.tokens_.size())
            return bad(key, "an array of " + std::to_string(out_.tokens_.size()) + " " + type,
                       kind(*value));
        to.resize(value->count);
        std::memcpy(to.data(), value->data, value->bytes);
        return {};
    }
    bool is_array_of(const std::string& key, GgufType item) const {
        const GgufValue* value = find(key);
        return value && value->type == GgufType::array && value->item_type == item;
    }
    Status scores() {
        return per_token("scores", is_array_of("scores", GgufType::f32), "float32", out_.scores_);
    }
    Status types() {
        const bool fits =
            is_array_of("token_type", GgufType::i32) || is_array_of("token_type", GgufType::u32);
        AFS_TRY(per_token("token_type", fits, "int32", out_.types_));
        for (int32_t& type : out_.types_) {
            if (type == 0) type = AFS_PIECE_NORMAL;  // ggml's "undefined"
            if (type < AFS_PIECE_NORMAL || type > AFS_PIECE_BYTE)
                return bad("token_type", "an array of types from 1 to 6",
                           "type " + std::to_string(type));
        }
        return {};
    }
    Status id(const std::string& key, int32_t& to) const {
        to = -1;
        const GgufValue* value = find(key);
        if (!value) return {};
        const auto found = value->integer();
        if (!found || *found < 0 || static_cast<uint64_t>(*found) >= out_.tokens_.size())
            return bad(key, "an id below " + std::to_string(out_.tokens_.size()),
                       found ? std::to_string(*found) : kind(*value));
        to = static_cast<int32_t>(*found);
        return {};
    }
    Status flag(const std::string& key, int32_t& to) const {
        to = -1;
        const GgufValue* value = find(key);
        if (!value) return {};
        const auto found = value->flag();
        if (!found) return bad(key, "true or false", kind(*value));
        to = *found;
        return {};
    }

    const GgufFile& in_;
    GgufVocabulary& out_;
};

Result<std::shared_ptr<const GgufVocabulary>> GgufVocabulary::read(const GgufFile& file) {
    const std::shared_ptr<const GgufVocabulary> none;
    const GgufValue* model = file.find("tokenizer.ggml.model");
    if (!model && !file.find("tokenizer.ggml.tokens")) return none;
    const std::string_view name = model ? model->text().value_or("") : "";
    if (name == "none" || name == "no_vocab") return none;
    auto made = std::make_shared<GgufVocabulary>();
    AFS_TRY(VocabularyReader(file, *made).run());
    return std::shared_ptr<const GgufVocabulary>(std::move(made));
}

}  // namespace afs
