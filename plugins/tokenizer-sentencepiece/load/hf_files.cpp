// The files that Hugging Face keeps beside a tokenizer.model.
#include <cstring>
#include <filesystem>
#include <fstream>

#include "afs/plugin/json_config.hpp"  // parse_json
#include "afs/utf8.hpp"
#include "load/load.hpp"

namespace afs::spm {
namespace {

using nlohmann::json;
constexpr size_t kMostFileBytes = size_t{32} << 20;

// Null where there is no such file.
Result<json> read_object(const std::string& path) {
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(path, ignored)) return json();
    std::ifstream file(path, std::ios::binary);
    if (!file) return Status(Code::io, "cannot read '" + path + "'");
    std::string text;
    char part[1 << 16];
    while (file.read(part, sizeof part), file.gcount() > 0) {
        const auto n = static_cast<size_t>(file.gcount());
        // No text holds one, and a file of gigabytes without blocks on the disk nothing else.
        if (std::memchr(part, 0, n))
            return invalid("cannot parse '" + path + "': holds a NUL byte");
        if (text.size() > kMostFileBytes)
            return invalid("cannot parse '" + path + "': larger than " +
                           std::to_string(kMostFileBytes) + " bytes");
        text.append(part, n);
    }
    if (!file.eof()) return Status(Code::io, "cannot read '" + path + "'");
    json document;
    try {
        document = parse_json(text.c_str());
    } catch (const std::bad_alloc&) {
        throw;  // no mistake of the text
    } catch (const std::exception& thrown) {
        return invalid("cannot parse '" + path + "': " + thrown.what());
    }
    if (!document.is_object())
        return invalid("'" + path + "' is no JSON object: expected {\"key\": …}");
    return document;
}

Status expected(const std::string& where, const char* what) {
    return invalid(where + ": expected " + what);
}

Result<bool> flag(const json& object, const char* key, bool otherwise) {
    const auto it = object.find(key);
    if (it == object.end() || it->is_null()) return otherwise;
    if (!it->is_boolean()) return expected(key, "true or false");
    return it->get<bool>();
}

Result<int32_t> id_of(const json& value, const std::string& where) {
    if (!value.is_number_unsigned() || value.get<uint64_t>() > Model::kMaxId)
        return expected(where, ("an id, 0 to " + std::to_string(Model::kMaxId)).c_str());
    return value.get<int32_t>();
}

// The ids there are object keys: "32000".
Status read_added_decoder(const json& list, Model& model) {
    if (!list.is_object()) return expected("added_tokens_decoder", "an object");
    for (const auto& [key, entry] : list.items()) {
        const std::string where = "added_tokens_decoder[" + in_quotes(key) + "]";
        if (key.empty() || key.size() > 7 ||
            key.find_first_not_of("0123456789") != std::string::npos)
            return expected(where, "an id as its key");
        AFS_ASSIGN(const int32_t id, id_of(json(static_cast<uint64_t>(std::stoul(key))), where));
        if (!entry.is_object() || !entry.contains("content") || !entry["content"].is_string())
            return expected(where, "an object with a text 'content'");
        AddedToken token;
        token.content = entry["content"].get<std::string>();
        token.id = id;
        AFS_ASSIGN(token.special, flag(entry, "special", false));
        AFS_ASSIGN(token.lstrip, flag(entry, "lstrip", false));
        AFS_ASSIGN(token.rstrip, flag(entry, "rstrip", false));
        AFS_ASSIGN(const bool single_word, flag(entry, "single_word", false));
        if (single_word) return unsupported(where + " is a single word: not supported");
        AFS_TRY(add_token(token, model));
    }
    return {};
}

// {"<pad>": 32000}, older than added_tokens_decoder.
Status read_added_tokens(const json& list, Model& model) {
    for (const auto& [content, value] : list.items()) {
        AddedToken token;
        token.content = content;
        AFS_ASSIGN(token.id, id_of(value, in_quotes(content)));
        AFS_TRY(add_token(token, model));
    }
    return {};
}

// A token is written as text or as {"content": text, …}; null and absent mean nothing is said.
Status read_role(const json& document, const char* key, Model& model, int32_t& id) {
    const auto it = document.find(key);
    if (it == document.end() || it->is_null()) return {};
    const json& content = it->is_object() && it->contains("content") ? (*it)["content"] : *it;
    if (!content.is_string()) return expected(key, "text or an object with 'content'");
    const auto text = content.get<std::string>();
    const auto found = model.ids.find(text);
    if (found == model.ids.end())
        return invalid(std::string(key) + " is " + in_quotes(text) + ": no such token");
    id = found->second;
    if (const auto at = model.added_at.find(id); at != model.added_at.end())
        model.added[at->second].special = true;
    return {};
}

Status read_roles(const json& document, Model& model) {
    AFS_TRY(read_role(document, "bos_token", model, model.bos_id));
    AFS_TRY(read_role(document, "eos_token", model, model.eos_id));
    return read_role(document, "pad_token", model, model.pad_id);
}

// Classes whose ids are those of the model file, behind a BOS token.
Status check_class(const json& config) {
    const auto it = config.find("tokenizer_class");
    if (it == config.end() || it->is_null()) return {};
    if (!it->is_string()) return expected("tokenizer_class", "text");
    auto name = it->get<std::string>();
    if (name.size() > 4 && name.compare(name.size() - 4, 4, "Fast") == 0)
        name.erase(name.size() - 4);
    for (const char* known :
         {"LlamaTokenizer", "CodeLlamaTokenizer", "GemmaTokenizer", "PreTrainedTokenizer"})
        if (name == known) return {};
    return unsupported("tokenizer_class is " + in_quotes(name) +
                       ": expected LlamaTokenizer, CodeLlamaTokenizer or GemmaTokenizer");
}

Status read_config(const json& config, Model& model) {
    AFS_TRY(check_class(config));
    if (config.contains("added_tokens_decoder"))
        AFS_TRY(read_added_decoder(config["added_tokens_decoder"], model));
    AFS_TRY(read_roles(config, model));
    AFS_ASSIGN(model.prefix_after_added, flag(config, "legacy", true));
    AFS_ASSIGN(model.adds_bos, flag(config, "add_bos_token", model.bos_id >= 0));
    AFS_ASSIGN(model.adds_eos, flag(config, "add_eos_token", false));
    if (model.adds_bos && model.bos_id < 0)
        return invalid("add_bos_token is true but there is no bos_token");
    if (model.adds_eos && model.eos_id < 0)
        return invalid("add_eos_token is true but there is no eos_token");
    return {};
}

}  // namespace

Status read_hf_files(const std::string& folder, Model& model) {
    const auto read = [&](const char* name, Status (*use)(const json&, Model&)) -> Status {
        const std::string path = folder + "/" + name;
        AFS_ASSIGN(const json document, read_object(path));
        return document.is_null() ? Status() : use(document, model).context("'" + path + "'");
    };
    AFS_TRY(read("added_tokens.json", read_added_tokens));
    AFS_TRY(read("special_tokens_map.json", read_roles));
    return read("tokenizer_config.json", read_config);
}

}  // namespace afs::spm
