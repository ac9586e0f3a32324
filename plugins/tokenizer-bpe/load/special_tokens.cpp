// tokenizer_config.json and special_tokens_map.json: which tokens are special, and what they mean.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "afs/utf8.hpp"
#include "load/json_reader.hpp"
#include "load/load.hpp"

namespace afs::bpe {
namespace {

using nlohmann::json;

// A token is written as text or as {"content": text, …}; null and absent mean none.
Status read_name(const json& document, const char* key, const std::string& file, std::string& to) {
    const auto it = document.find(key);
    if (!to.empty() || it == document.end() || it->is_null()) return {};
    const json* content = &*it;
    if (it->is_object() && it->contains("content")) content = &(*it)["content"];
    if (!content->is_string())
        return invalid(file + ": " + key + " is " + kind_of(*it) +
                       ": expected text or an object with 'content'");
    to = content->get<std::string>();
    return {};
}

Status read_names(const json& document, const std::string& file, SpecialTokens& to) {
    AFS_TRY(read_name(document, "bos_token", file, to.bos));
    AFS_TRY(read_name(document, "eos_token", file, to.eos));
    return read_name(document, "pad_token", file, to.pad);
}

Result<json> read_object(const std::string& path) {
    AFS_ASSIGN(json document, read_json(path));
    if (!document.is_object())
        return invalid("'" + path + "' holds " + kind_of(document) + ": expected an object");
    return document;
}

Status read_added_decoder(const json& list, SpecialTokens& to) {
    if (!list.is_object())
        return invalid("added_tokens_decoder is " + kind_of(list) + ": expected an object");
    for (const auto& [id, entry] : list.items()) {
        const std::string where = "added_tokens_decoder[" + in_quotes(id) + "]";
        const bool digits = !id.empty() && id.size() < 10 &&
                            id.find_first_not_of("0123456789") == std::string::npos;
        if (!digits) return invalid(where + ": expected an id as its key");
        AddedToken token;
        token.id = std::stoi(id);
        AFS_TRY(read_added_token(entry, where, token));
        to.added.push_back(std::move(token));
    }
    std::sort(to.added.begin(), to.added.end(),
              [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
    return {};
}

Status read_config(const std::string& path, SpecialTokens& to) {
    AFS_ASSIGN(const json config, read_object(path));
    if (config.contains("tokenizer_class") && !config["tokenizer_class"].is_null()) {
        AFS_ASSIGN(to.tokenizer_class, string_member(config, "tokenizer_class", path));
        const size_t fast = to.tokenizer_class.rfind("Fast");
        if (fast != std::string::npos && fast + 4 == to.tokenizer_class.size())
            to.tokenizer_class.erase(fast);
    }
    AFS_ASSIGN(to.add_prefix_space, bool_member(config, "add_prefix_space", false, path));
    for (const auto& [key, value] :
         {std::pair{"add_bos_token", &to.add_bos}, std::pair{"add_eos_token", &to.add_eos}})
        if (config.contains(key) && !config[key].is_null()) {
            AFS_ASSIGN(const bool said, bool_member(config, key, false, path));
            *value = said ? 1 : 0;
        }
    if (config.contains("added_tokens_decoder"))
        if (const Status status = read_added_decoder(config["added_tokens_decoder"], to); !status)
            return status.context("'" + path + "'");
    return read_names(config, "'" + path + "'", to);
}

}  // namespace

Result<SpecialTokens> read_special_tokens(const Folder& folder) {
    SpecialTokens special;
    const std::string config = folder.file("tokenizer_config.json");
    if (file_exists(config)) AFS_TRY(read_config(config, special));
    const std::string map = folder.file("special_tokens_map.json");
    if (file_exists(map)) {
        AFS_ASSIGN(const json document, read_object(map));
        AFS_TRY(read_names(document, "'" + map + "'", special));
    }
    return special;
}

Status read_added_token(const json& entry, const std::string& where, AddedToken& token) {
    if (!entry.is_object())
        return invalid(where + " is " + kind_of(entry) + ": expected an object");
    AFS_TRY(expect_keys(
        entry,
        {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special", "__type"},
        where));
    AFS_ASSIGN(token.content, string_member(entry, "content", where));
    AFS_ASSIGN(token.special, bool_member(entry, "special", false, where));
    AFS_ASSIGN(token.lstrip, bool_member(entry, "lstrip", false, where));
    AFS_ASSIGN(token.rstrip, bool_member(entry, "rstrip", false, where));
    AFS_ASSIGN(token.single_word, bool_member(entry, "single_word", false, where));
    AFS_ASSIGN(token.normalized, bool_member(entry, "normalized", !token.special, where));
    return {};
}

Status apply_special_tokens(const SpecialTokens& special, Definition& definition) {
    Vocabulary& vocabulary = definition.vocabulary;
    for (const AddedToken& token : special.added) {
        const bool known = std::any_of(
            definition.added.begin(), definition.added.end(),
            [&](const AddedToken& a) { return a.content == token.content && a.id == token.id; });
        if (known) continue;
        if (const Status status = vocabulary.add_added(token); !status)
            return status.context("tokenizer_config.json");
        definition.added.push_back(token);
    }
    const auto find = [&](const char* role, const std::string& content, int32_t& id) -> Status {
        if (content.empty()) return {};
        id = vocabulary.find_content(content);
        return id >= 0 ? Status()
                       : invalid(std::string(role) + " is " + in_quotes(content) +
                                 ": the vocabulary has no such token");
    };
    AFS_TRY(find("bos_token", special.bos, definition.bos_id));
    AFS_TRY(find("eos_token", special.eos, definition.eos_id));
    if (!special.pad.empty()) definition.pad_id = vocabulary.find_content(special.pad);
    if (definition.bos_id < 0 && definition.prefix.size() == 1)
        definition.bos_id = definition.prefix[0];
    return {};
}

}  // namespace afs::bpe
