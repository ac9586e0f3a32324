// The tokenizer: files there, no more ids than the model has rows, special ids inside them.
#include "checks.hpp"

namespace env_model {
namespace {

namespace fs = std::filesystem;

// What lies in the folder that a tokenizer plugin can read.
std::string files_in(const fs::path& folder) {
    std::string out;
    std::error_code ignored;
    for (const char* name : {"tokenizer.json", "vocab.json", "merges.txt", "tokenizer.model"})
        if (fs::exists(folder / name, ignored))
            out += (out.empty() ? "" : ", ") + std::string(name);
    return out;
}

int64_t rows_of(const ActiveModel& model) {
    if (!model.gguf) return whole(model.facts(), "vocab_size").value_or(0);
    const auto embedding = model.header.tensors.find("token_embd.weight");
    if (embedding == model.header.tensors.end() || embedding->second.dims.empty()) return 0;
    return static_cast<int64_t>(embedding->second.dims[0]);
}

void check_ids(const std::string& file, const Json* object, int64_t rows, Findings& out) {
    for (const char* key : {"bos_token_id", "eos_token_id", "pad_token_id"})
        for (const int64_t id : ids(object, key)) {
            if (rows <= 0 || (id >= 0 && id < rows)) continue;
            if (std::string(key) == "pad_token_id") continue;  // -1 and one past the end are in use
            out.push_back({AFS_CHECK_FAIL, "tokenizer." + std::string(key),
                           std::to_string(id) + " in " + file,
                           "an id below " + std::to_string(rows),
                           "the file belongs to another model: fetch it again"});
        }
}

// tokenizer_config.json names special tokens by text: each must be one.
void check_names(const Look& look, Findings& out) {
    const auto& config = look.model.tokenizer_config.value;
    if (!config || !look.vocabulary.known) return;
    for (const char* key : {"bos_token", "eos_token"}) {
        const std::string text = text_of(&*config, key);
        if (text.empty()) continue;
        const int64_t id = look.vocabulary.find(text);
        afs::Finding finding{AFS_CHECK_OK, std::string("tokenizer.") + key,
                             "'" + text + "' is id " + std::to_string(id), "", ""};
        if (id < 0) {
            finding.status = AFS_CHECK_FAIL;
            finding.found = "'" + text + "' is no token";
            finding.needed = "a token of " + look.vocabulary.source;
            finding.remedy = "fetch tokenizer.json and tokenizer_config.json together again";
        }
        out.push_back(finding);
    }
}

}  // namespace

Findings check_tokenizer(const Look& look) {
    const ActiveModel& model = look.model;
    if (!model.there) return {};
    Findings out;
    const int64_t rows = rows_of(model);
    const std::string files =
        model.gguf ? look.vocabulary.source : files_in(model.tokenizer.path.parent_path());
    afs::Finding first{AFS_CHECK_OK, "tokenizer.files", files, "", ""};
    if (!model.tokenizer.problem.empty()) {
        first = {AFS_CHECK_FAIL, "tokenizer.files", "tokenizer.json: " + model.tokenizer.problem,
                 "a JSON file that reads", "fetch it again"};
    } else if (files.empty() || (model.gguf && !look.vocabulary.known)) {
        first = {
            AFS_CHECK_FAIL, "tokenizer.files", "none",
            "tokenizer.json, vocab.json with merges.txt, or tokenizer.model",
            "fetch them, or point tokenizer.path (--tokenizer-path) to a folder that has them"};
    }
    out.push_back(first);
    if (look.vocabulary.known && rows > 0) {
        const bool fits = look.vocabulary.size <= rows;
        out.push_back({fits ? AFS_CHECK_OK : AFS_CHECK_FAIL, "tokenizer.size",
                       std::to_string(look.vocabulary.size) + " ids, the model has " +
                           std::to_string(rows) + " rows",
                       "no more ids than rows",
                       fits ? "" : "tokenizer and model belong to different checkpoints"});
    }
    check_ids("config.json", model.facts(), rows, out);
    if (model.generation.value)
        check_ids("generation_config.json", &*model.generation.value, rows, out);
    check_names(look, out);
    return out;
}

}  // namespace env_model
