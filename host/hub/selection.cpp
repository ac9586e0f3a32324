#include "hub/selection.hpp"

#include <algorithm>
#include <map>
#include <string_view>

namespace afs::hub {
namespace {

constexpr std::string_view kTexts[] = {"config.json",
                                       "generation_config.json",
                                       "tokenizer.json",
                                       "vocab.json",
                                       "tokenizer_config.json",
                                       "special_tokens_map.json",
                                       "merges.txt",
                                       "added_tokens.json",
                                       "tokenizer.model",
                                       "vocab.txt",
                                       "chat_template.jinja",
                                       "chat_template.json",
                                       "LICENSE",
                                       "LICENSE.txt",
                                       "LICENSE.md",
                                       "USE_POLICY.md",
                                       "NOTICE",
                                       "NOTICE.txt"};
constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return text;
}

// The text before "-00002-of-00003" + extension, where a name ends so; else the name.
std::string without_part(const std::string& name, const std::string& extension) {
    constexpr size_t kPart = sizeof "-00002-of-00003" - 1;
    if (!name.ends_with(extension) || name.size() < extension.size() + kPart) return name;
    const size_t end = name.size() - extension.size();
    const std::string part = name.substr(end - kPart, kPart);
    for (size_t i = 0; i < kPart; ++i) {
        const char form = "-#####-of-#####"[i];
        const bool digit = part[i] >= '0' && part[i] <= '9';
        if (form == '#' ? !digit : part[i] != form) return name;
    }
    return name.substr(0, end - kPart) + extension;
}

// "a, b, c and 12 more"
std::string some_of(const std::vector<std::string>& names, size_t most = 12) {
    std::string text;
    for (size_t i = 0; i < std::min(names.size(), most); ++i) text += (i ? ", " : "") + names[i];
    if (names.size() > most) text += " and " + std::to_string(names.size() - most) + " more";
    return text;
}

// The .gguf models of a repository: name without part numbers -> their files.
std::map<std::string, std::vector<RemoteFile>> gguf_models(const Listing& listing) {
    std::map<std::string, std::vector<RemoteFile>> models;
    for (const RemoteFile& file : listing.files)
        if (lower(file.path).ends_with(".gguf"))
            models[without_part(file.path, ".gguf")].push_back(file);
    return models;
}

Result<std::vector<RemoteFile>> select_gguf(const Listing& listing, const std::string& wanted) {
    const auto models = gguf_models(listing);
    std::vector<std::string> all, found;
    for (const auto& [name, files] : models) {
        all.push_back(name);
        const bool whole = lower(name) == lower(wanted);
        if (whole) found = {name};
        if (whole) break;
        if (lower(name).find(lower(wanted)) != std::string::npos) found.push_back(name);
    }
    if (all.empty())
        return not_found("'" + listing.repository +
                         "' has no .gguf files; without --gguf its safetensors are fetched");
    if (found.empty())
        return not_found("'" + listing.repository + "' has no .gguf file with '" + wanted +
                         "' in its name; it has: " + some_of(all));
    if (found.size() > 1)
        return invalid("'" + wanted + "' is in the names of " + std::to_string(found.size()) +
                       " .gguf models, say more of one: " + some_of(found));
    std::vector<RemoteFile> files = models.at(found.front());
    for (const RemoteFile& file : listing.files)
        if (lower(file.path).starts_with("license")) files.push_back(file);
    return files;
}

Status no_safetensors(const Listing& listing) {
    std::vector<std::string> models, others;
    for (const auto& [name, files] : gguf_models(listing)) models.push_back(name);
    for (const RemoteFile& file : listing.files) {
        const std::string name = lower(file.path);
        for (const char* end : {".bin", ".pt", ".pth", ".h5", ".msgpack", ".onnx", ".safetensors"})
            if (name.ends_with(end)) others.push_back(file.path);
    }
    const std::string what = "'" + listing.repository + "' has neither " + kSingle + " nor " +
                             kIndex + " with its shards";
    if (!models.empty())
        return not_found(what + "; choose one of its GGUF files with --gguf: " + some_of(models));
    return not_found(
        what + (others.empty() ? ", nor any other weights" : "; it has: " + some_of(others, 5)));
}

}  // namespace

Result<std::vector<RemoteFile>> select_files(const Listing& listing, const Selection& selection) {
    if (!selection.gguf.empty()) return select_gguf(listing, selection.gguf);
    std::vector<RemoteFile> files, shards;
    const RemoteFile *single = nullptr, *index = nullptr;
    for (const RemoteFile& file : listing.files) {
        if (file.path == kSingle) single = &file;
        if (file.path == kIndex) index = &file;
        if (without_part(file.path, ".safetensors") == kSingle && file.path != kSingle)
            shards.push_back(file);
        if (std::find(std::begin(kTexts), std::end(kTexts), file.path) != std::end(kTexts) ||
            file.path.ends_with(".tiktoken"))
            files.push_back(file);
    }
    if (single) {
        files.push_back(*single);
    } else if (index && !shards.empty()) {
        files.push_back(*index);
        files.insert(files.end(), shards.begin(), shards.end());
    } else {
        return no_safetensors(listing);
    }
    return files;
}

}  // namespace afs::hub
