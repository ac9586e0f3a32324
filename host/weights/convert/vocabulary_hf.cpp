// Reads a vocabulary from Hugging Face files.
#include <algorithm>

#include "afs/json.hpp"
#include "afs/weights/mapped_file.hpp"
#include "weights/convert/vocabulary.hpp"

namespace afs::convert {
namespace fs = std::filesystem;
namespace {

Result<json::Value> parse_file(const fs::path& file) {
    AFS_ASSIGN(const std::string text, read_text_file(file));
    json::ParseOptions options;
    options.name = file.string();
    return json::parse(text, options);
}

class Reader {
public:
    Reader(const fs::path& folder, int64_t rows) : folder_(folder) {
        out_.tokens.resize(static_cast<size_t>(rows));
        out_.types.assign(static_cast<size_t>(rows), AFS_PIECE_UNUSED);
    }

    Result<Vocabulary> read() {
        std::error_code ignored;
        if (fs::exists(folder_ / "tokenizer.json", ignored)) {
            AFS_TRY(read_tokenizer_json());
        } else if (fs::exists(folder_ / "vocab.json", ignored)) {
            AFS_TRY(read_vocab_and_merges());
        } else {
            return unsupported("cannot convert the tokenizer of '" + folder_.string() +
                               "': expected tokenizer.json, or vocab.json and merges.txt");
        }
        AFS_TRY(read_roles());
        for (size_t id = 0; id < out_.tokens.size(); ++id)
            if (out_.types[id] == AFS_PIECE_UNUSED)
                out_.tokens[id] = "[PAD" + std::to_string(id) + "]";
        return std::move(out_);
    }

private:
    Status put(const std::string& token, const json::Value* id, int32_t type) {
        const auto number = id ? id->as_uint64() : std::nullopt;
        if (!number || *number >= out_.tokens.size())
            return invalid("cannot convert the tokenizer of '" + folder_.string() + "': token '" +
                           token + "' needs an id below the " + std::to_string(out_.tokens.size()) +
                           " rows of the embedding, found " +
                           (id ? json::dump(*id).substr(0, 40) : "none"));
        out_.tokens[*number] = token;
        out_.types[*number] = type;
        return {};
    }
    Status put_added(const json::Value& added, const json::Value* id) {
        const json::Value *content = added.find("content"), *special = added.find("special");
        const bool is_special = special && special->boolean;
        return put(content ? content->string : "", id,
                   is_special ? AFS_PIECE_CONTROL : AFS_PIECE_USER);
    }

    Status read_tokenizer_json() {
        AFS_ASSIGN(const json::Value root, parse_file(folder_ / "tokenizer.json"));
        const json::Value* model = root.find("model");
        const json::Value* type = model ? model->find("type") : nullptr;
        const json::Value *vocab = model ? model->find("vocab") : nullptr,
                          *merges = model ? model->find("merges") : nullptr;
        if ((type && type->string != "BPE") || !vocab || !merges)
            return unsupported("cannot convert the tokenizer of '" + folder_.string() +
                               "': expected a BPE model with vocab and merges in tokenizer.json");
        if (const json::Value* normalizer = root.find("normalizer");
            normalizer && !normalizer->is(json::Kind::null))
            return unsupported("cannot convert the tokenizer of '" + folder_.string() +
                               "': it has a normalizer, for which a GGUF file has no key");
        for (const json::Member& entry : vocab->members)
            AFS_TRY(put(entry.key, &entry.value, AFS_PIECE_NORMAL));
        for (const json::Value& merge : merges->items) {
            const bool pair = merge.items.size() == 2;
            out_.merges.push_back(pair ? merge.items[0].string + " " + merge.items[1].string
                                       : merge.string);
        }
        const json::Value* ignore = model->find("ignore_merges");
        out_.ignore_merges = ignore && ignore->boolean;
        if (const json::Value* added = root.find("added_tokens"))
            for (const json::Value& token : added->items)
                AFS_TRY(put_added(token, token.find("id")));
        return {};
    }

    Status read_vocab_and_merges() {
        AFS_ASSIGN(const json::Value vocab, parse_file(folder_ / "vocab.json"));
        for (const json::Member& entry : vocab.members)
            AFS_TRY(put(entry.key, &entry.value, AFS_PIECE_NORMAL));
        AFS_ASSIGN(const std::string text, read_text_file(folder_ / "merges.txt"));
        for (size_t at = 0; at < text.size();) {
            const size_t end = std::min(text.find('\n', at), text.size());
            std::string line = text.substr(at, end - at);
            if (line.ends_with('\r')) line.pop_back();
            const bool head = at == 0 && line.starts_with("#version");
            if (!line.empty() && !head) out_.merges.push_back(line);
            at = end + 1;
        }
        return {};
    }

    int32_t id_of(const std::string& token) const {
        const auto it = std::find(out_.tokens.begin(), out_.tokens.end(), token);
        return token.empty() || it == out_.tokens.end()
                   ? -1
                   : static_cast<int32_t>(it - out_.tokens.begin());
    }

    Status read_roles() {
        const fs::path file = folder_ / "tokenizer_config.json";
        std::error_code ignored;
        if (!fs::exists(file, ignored)) return {};
        AFS_ASSIGN(const json::Value config, parse_file(file));
        if (const json::Value* added = config.find("added_tokens_decoder"))
            for (const json::Member& entry : added->members) {
                json::Value id = json::Value::of(uint64_t{0});
                const bool digits = !entry.key.empty() && entry.key.size() < 10 &&
                                    entry.key.find_first_not_of("0123456789") == std::string::npos;
                if (digits) id = json::Value::of(static_cast<uint64_t>(std::stoul(entry.key)));
                AFS_TRY(put_added(entry.value, digits ? &id : nullptr));
            }
        const auto role = [&](const char* key) {
            const json::Value* value = config.find(key);
            const json::Value* content = value ? value->find("content") : nullptr;
            return id_of(content ? content->string : value ? value->string : "");
        };
        out_.bos = role("bos_token");
        out_.eos = role("eos_token");
        out_.unknown = role("unk_token");
        out_.pad = role("pad_token");
        return {};
    }

    fs::path folder_;
    Vocabulary out_;
};

}  // namespace

Result<Vocabulary> read_hf_vocabulary(const fs::path& folder, int64_t rows) {
    return Reader(folder, rows).read();
}

}  // namespace afs::convert
