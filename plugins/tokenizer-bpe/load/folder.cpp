// Which files a source has, which loader reads them, and what the loaders share.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "load/json_reader.hpp"
#include "load/load.hpp"

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

// Whether a tokenizer.json shows, before its vocabulary, that it is none of byte-level BPE.
bool is_foreign(const std::string& path) {
    std::string head(1 << 20, '\0');
    std::FILE* file = std::fopen(path.c_str(), "rb");
    if (!file) return false;
    head.resize(std::fread(head.data(), 1, head.size(), file));
    std::fclose(file);
    head.resize(std::min(head.size(), head.find("\"vocab\"")));
    const auto names = [&](const char* type) {
        return head.find('"' + std::string(type) + '"') != std::string::npos;
    };
    return !names("ByteLevel") &&
           (names("ByteFallback") || names("Metaspace") || names("Prepend") || names("Unigram") ||
            names("WordLevel") || names("WordPiece"));
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
            // Still ours where nobody else can read it: load says what is wrong.
            if (is_foreign(
                    folder.file(folder.chosen.empty() ? "tokenizer.json" : folder.chosen.c_str())))
                return 30;
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

}  // namespace afs::bpe
