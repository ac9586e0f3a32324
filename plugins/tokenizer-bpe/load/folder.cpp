// Which files a source has, which loader reads them, and what the loaders share.
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <limits>

#include "byte_alphabet.hpp"
#include "load/json_reader.hpp"
#include "load/load.hpp"
#include "tokenizer.hpp"
#include "utf8.hpp"

namespace afs::bpe {
namespace {

Folder folder_of(const std::string& path) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) return {path, {}};
    const std::filesystem::path file(path);
    const std::string parent = file.parent_path().string();
    return {parent.empty() ? "." : parent, file.filename().string()};
}

// The first byte of a file that is no white space; 0: none, or unreadable.
char first_byte(const std::string& path) {
    char buffer[64];
    std::FILE* file = std::fopen(path.c_str(), "rb");
    if (!file) return '\0';
    const size_t n = std::fread(buffer, 1, sizeof buffer, file);
    std::fclose(file);
    for (size_t i = 0; i < n; ++i)
        if (!std::strchr(" \t\r\n", buffer[i])) return buffer[i];
    return '\0';
}

bool is_json(const std::string& path) {
    return file_exists(path) && first_byte(path) == '{';
}

bool ends_in(const std::string& name, const std::string& end) {
    return name.size() >= end.size() &&
           name.compare(name.size() - end.size(), end.size(), end) == 0;
}

enum class Format { none, tokenizer_json, vocab_merges, tiktoken };

Format format_of(const Folder& folder) {
    const std::string& chosen = folder.chosen;
    const bool pair = is_json(folder.file("vocab.json")) && file_exists(folder.file("merges.txt"));
    if (chosen.empty()) {
        if (is_json(folder.file("tokenizer.json"))) return Format::tokenizer_json;
        if (pair) return Format::vocab_merges;
        return looks_like_tiktoken(folder.file("tokenizer.model")) ? Format::tiktoken
                                                                   : Format::none;
    }
    if (chosen == "vocab.json" || chosen == "merges.txt")
        return pair ? Format::vocab_merges : Format::none;
    const std::string path = folder.file(chosen.c_str());
    if (ends_in(chosen, ".json") && is_json(path)) return Format::tokenizer_json;
    return looks_like_tiktoken(path) ? Format::tiktoken : Format::none;
}

}  // namespace

int score_source(const std::string& path) {
    const Folder folder = folder_of(path);
    switch (format_of(folder)) {
        case Format::tokenizer_json:
            return folder.chosen.empty() || folder.chosen == "tokenizer.json" ? 90 : 50;
        case Format::vocab_merges: return 80;
        case Format::tiktoken:
            return folder.chosen.empty() || ends_in(folder.chosen, ".model") ? 70 : 40;
        case Format::none: break;
    }
    return 0;
}

Result<Definition> load_source(const std::string& path) {
    const Folder folder = folder_of(path);
    switch (format_of(folder)) {
        case Format::tokenizer_json:
            return load_tokenizer_json(folder.chosen.empty() ? folder.file("tokenizer.json") : path,
                                       folder);
        case Format::vocab_merges: return load_vocab_merges(folder);
        case Format::tiktoken:
            return load_tiktoken(folder.chosen.empty() ? folder.file("tokenizer.model") : path,
                                 folder);
        case Format::none: break;
    }
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) return not_found("'" + path + "' does not exist");
    if (folder.chosen.empty())
        return not_found("'" + path +
                         "' has no tokenizer: expected tokenizer.json, or vocab.json and "
                         "merges.txt, or tiktoken's tokenizer.model");
    return invalid("'" + path +
                   "' is no tokenizer: expected a tokenizer.json, vocab.json beside merges.txt, or "
                   "tiktoken's tokenizer.model");
}

void PendingMerges::add(const std::string& left, const std::string& right) {
    text_ += left;
    ends_.push_back(text_.size());
    text_ += right;
    ends_.push_back(text_.size());
}

std::pair<std::string_view, std::string_view> PendingMerges::at(size_t i) const {
    const size_t start = i == 0 ? 0 : ends_[2 * i - 1];
    const std::string_view text(text_);
    return {text.substr(start, ends_[2 * i] - start),
            text.substr(ends_[2 * i], ends_[2 * i + 1] - ends_[2 * i])};
}

Status PendingMerges::resolve(const Vocabulary& vocabulary, Merges& merges) const {
    merges.reserve(size());
    std::string left_bytes, right_bytes;
    for (size_t i = 0; i < size(); ++i) {
        const auto [left, right] = at(i);
        const bool left_in = bytes_of_token(left, left_bytes);
        const bool right_in = bytes_of_token(right, right_bytes);
        const int32_t left_id = vocabulary.find(left_bytes, !left_in);
        const int32_t right_id = vocabulary.find(right_bytes, !right_in);
        int32_t id = -1;
        if (left_in && right_in)
            id = vocabulary.find(left_bytes.append(right_bytes));
        else
            id = vocabulary.find_written(std::string(left) + std::string(right));
        if (left_id < 0 || right_id < 0 || id < 0) {
            const std::string missing = left_id < 0    ? std::string(left)
                                        : right_id < 0 ? std::string(right)
                                                       : std::string(left) + std::string(right);
            return invalid("merge " + std::to_string(i) + " (" + in_quotes(left) + " with " +
                           in_quotes(right) + ") needs token " + in_quotes(missing) +
                           ", which the vocabulary does not have");
        }
        merges.add(left_id, right_id, {static_cast<uint32_t>(i), static_cast<uint32_t>(id)});
    }
    return {};
}

int BpeTokenizer::score(const afs_tokenizer_source& source) {
    return source.path ? score_source(source.path) : 0;
}

Status BpeTokenizer::load(const afs_tokenizer_source& source, afs_tokenizer_info& info) {
    if (!source.path) return invalid("no path: expected a checkpoint's folder or a file");
    AFS_ASSIGN(Definition definition, load_source(source.path));
    definition.vocabulary.finish();
    const std::string file = "'" + definition.file + "'";
    if (definition.vocabulary.size() == 0) return invalid(file + ": empty vocabulary");
    auto splits = Pretokenizer::make(definition.splits);
    if (!splits.ok()) return splits.status().context(file);
    auto byte_level = Pretokenizer::make(definition.byte_level);
    if (!byte_level.ok()) return byte_level.status().context(file);
    loaded_ =
        std::make_unique<Loaded>(std::move(definition), std::move(*splits), std::move(*byte_level));

    const Definition& d = loaded_->definition;
    info.n_vocab = d.vocabulary.size();
    info.bos_id = d.bos_id;
    info.eos_id = d.eos_id;
    info.pad_id = d.pad_id;
    info.adds_bos = !d.prefix.empty() && d.prefix[0] == d.bos_id ? 1 : 0;
    put(info.summary, "byte-level BPE, " + std::to_string(d.vocabulary.size()) + " ids, " +
                          std::to_string(d.merges.size()) + " merges, from " + d.origin);
    return {};
}

}  // namespace afs::bpe
