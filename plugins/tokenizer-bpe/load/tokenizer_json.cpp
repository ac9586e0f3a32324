// tokenizer.json of HF tokenizers.
#include <nlohmann/json.hpp>

#include "afs/utf8.hpp"
#include "load/json_reader.hpp"
#include "load/load.hpp"

namespace afs::bpe {
namespace {

using nlohmann::json;

Status expect_empty(const json& model, const char* key) {
    const auto it = model.find(key);
    if (it == model.end() || it->is_null() || (it->is_string() && it->get<std::string>().empty()))
        return {};
    return unsupported(std::string("model.") + key + " is " + it->dump() + ": expected none");
}

Status read_model(const json& document, const BulkParts& bulk, Definition& definition) {
    if (!document.contains("model") || !document["model"].is_object())
        return invalid("expected an object 'model'");
    const json& model = document["model"];
    if (model.contains("type")) {
        AFS_ASSIGN(const std::string type, string_member(model, "type", "model"));
        if (type != "BPE")
            return unsupported("model.type is " + in_quotes(type) + ": expected BPE");
    }
    AFS_TRY(expect_keys(
        model,
        {"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
         "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges"},
        "model"));
    if (!bulk.saw_vocab) return invalid("model has no object 'vocab'");
    if (!bulk.saw_merges) return invalid("model has no array 'merges'");
    AFS_TRY(expect_empty(model, "continuing_subword_prefix"));
    AFS_TRY(expect_empty(model, "end_of_word_suffix"));
    if (model.contains("dropout") && !model["dropout"].is_null() && model["dropout"] != 0)
        return unsupported("model.dropout is " + model["dropout"].dump() + ": expected null");
    AFS_ASSIGN(const bool fallback, bool_member(model, "byte_fallback", false, "model"));
    if (fallback)
        return unsupported(
            "model.byte_fallback is true: expected a byte-level vocabulary; supply the "
            "checkpoint's SentencePiece tokenizer.model");
    AFS_ASSIGN(definition.ignore_merges, bool_member(model, "ignore_merges", false, "model"));
    AFS_ASSIGN(definition.fuse_unk, bool_member(model, "fuse_unk", false, "model"));
    if (model.contains("unk_token") && !model["unk_token"].is_null()) {
        AFS_ASSIGN(const std::string unk, string_member(model, "unk_token", "model"));
        definition.unk_id = definition.vocabulary.find_written(unk);
        if (definition.unk_id < 0)
            return invalid("model.unk_token is " + in_quotes(unk) +
                           ": model.vocab has no such token");
    }
    return {};
}

Status read_added(const json& document, Definition& definition) {
    const auto list = document.find("added_tokens");
    if (list == document.end() || list->is_null()) return {};
    if (!list->is_array())
        return invalid("added_tokens is " + kind_of(*list) + ": expected an array");
    for (size_t i = 0; i < list->size(); ++i) {
        const json& entry = (*list)[i];
        const std::string where = "added_tokens[" + std::to_string(i) + "]";
        AddedToken token;
        AFS_TRY(read_added_token(entry, where, token));
        const auto id = entry.find("id");
        if (id == entry.end() || !id->is_number_unsigned() ||
            id->get<uint64_t>() > Vocabulary::kMaxId)
            return invalid(where + " " + in_quotes(token.content) + " has id " +
                           (id == entry.end() ? "missing" : id->dump()) + ": expected 0 to " +
                           std::to_string(Vocabulary::kMaxId));
        token.id = id->get<int32_t>();
        AFS_TRY(definition.vocabulary.add_added(token));
        definition.added.push_back(std::move(token));
    }
    return {};
}

}  // namespace

Result<Definition> load_tokenizer_json(const std::string& path, const Folder& folder) {
    Definition definition;
    definition.origin = "tokenizer.json";
    definition.file = path;
    PendingMerges merges;
    BulkParts bulk;
    bulk.vocab_entry = [&](const std::string& token, uint64_t id) {
        return definition.vocabulary.add_written(token, id);
    };
    bulk.merge = [&](const std::string& left, const std::string& right) {
        merges.add(left, right);
        return Status();
    };
    AFS_ASSIGN(const json document, read_json(path, &bulk));
    const auto read = [&]() -> Status {
        if (!document.is_object())
            return invalid("holds " + kind_of(document) + ": expected an object");
        // truncation and padding shape batches for training; no id depends on them here.
        AFS_TRY(expect_keys(document,
                            {"version", "truncation", "padding", "added_tokens", "normalizer",
                             "pre_tokenizer", "post_processor", "decoder", "model"},
                            "the file"));
        AFS_TRY(read_model(document, bulk, definition));
        AFS_TRY(merges.resolve(definition.vocabulary, definition.merges));
        AFS_TRY(read_added(document, definition));
        return read_pipeline(document, definition);
    };
    if (const Status status = read(); !status) return status.context("'" + path + "'");
    AFS_ASSIGN(const SpecialTokens special, read_special_tokens(folder));
    if (const Status status = apply_special_tokens(special, definition); !status)
        return status.context("'" + path + "'");
    return definition;
}

}  // namespace afs::bpe
