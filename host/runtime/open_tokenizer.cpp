#include "runtime/open_tokenizer.hpp"

#include "afs/kernels.hpp"  // make
#include "afs/weights/mapped_file.hpp"
#include "loader/open.hpp"

namespace afs {
namespace {

Result<std::shared_ptr<Tokenizer>> open_named(const Config& config, const PluginSearch& search,
                                              const std::string& name) {
    AFS_ASSIGN(auto file, find_and_load(search, "tokenizer", name));
    OpenRequest request;
    request.name = name;
    for (const auto& [key, value] : config.plugin(name).options) request.options[key] = value;
    return open_tokenizer(file, request);
}

// What a folder, or a file, has to offer: "tokenizer.json of 0 bytes". An error names what is there
// and cannot be read.
Result<std::string> tokenizer_files(const std::filesystem::path& path) {
    std::string found;
    for (const char* name : {"tokenizer.json", "vocab.json", "merges.txt", "tokenizer.model"}) {
        std::error_code ignored;
        const bool is_folder = std::filesystem::is_directory(path, ignored);
        const std::filesystem::path file = is_folder ? path / name : path;
        AFS_ASSIGN(const bool there, file_exists(file));
        if (!there) continue;
        AFS_ASSIGN(const auto mapped, MappedFile::open(file));
        found += (found.empty() ? "" : ", ") + file.filename().string() + " of " +
                 std::to_string(mapped->size()) + " bytes";
        if (!is_folder) break;
    }
    return found.empty() ? "none of tokenizer.json, vocab.json, tokenizer.model" : found;
}

// tokenizer.path, with where it comes from when nothing lies there.
Result<std::string> stated_path(const Config& config) {
    const std::filesystem::path path = config.path("tokenizer.path");
    std::error_code error;
    const bool there = std::filesystem::exists(path, error);
    if (there || error) return path.string();  // an error shows when it is opened
    return not_found("there is no '" + path.string() + "' (tokenizer.path from " +
                     config.origin("tokenizer.path") +
                     "): name a folder with tokenizer.json, vocab.json and merges.txt, or "
                     "tokenizer.model, or one such file");
}

}  // namespace

Result<OpenedTokenizer> open_configured_tokenizer(const Config& config, const PluginSearch& search,
                                                  const Checkpoint* checkpoint) {
    std::string path;
    std::shared_ptr<const GgufVocabulary> vocabulary;  // lives until load has returned
    if (config.has("tokenizer.path")) {
        AFS_ASSIGN(path, stated_path(config));
    } else if (!checkpoint) {
        return Status(Code::internal, "neither tokenizer.path nor a checkpoint to take it from");
    } else if (!checkpoint->is_gguf()) {
        path = checkpoint->folder().string();
    } else {
        path = checkpoint->path().string();
        AFS_ASSIGN(vocabulary, checkpoint->vocabulary());
        if (!vocabulary)
            return not_found("'" + path +
                             "' brings no vocabulary: name a folder with a tokenizer in "
                             "tokenizer.path");
    }
    afs_tokenizer_source source = make<afs_tokenizer_source>();
    source.path = path.c_str();
    source.vocabulary = vocabulary ? &vocabulary->table() : nullptr;
    OpenedTokenizer out;
    const std::string wanted = config.text("tokenizer.plugin");
    if (wanted != "auto") {
        AFS_ASSIGN(out.plugin, open_named(config, search, wanted));
        out.plugin_name = wanted;
    } else {
        int best = 0;
        std::string tried;
        for (const Candidate& candidate : list_candidates(search)) {
            if (candidate.kind != "tokenizer" || candidate.shadowed) continue;
            auto opened = open_named(config, search, candidate.name);
            tried += (tried.empty() ? "" : "; ") + candidate.name + ": " +
                     (opened ? "cannot read these files" : opened.status().message());
            const int score = opened ? (*opened)->score(source) : 0;
            if (score <= best) continue;
            best = score;
            out.plugin = *opened;
            out.plugin_name = candidate.name;
        }
        if (best == 0) {
            AFS_ASSIGN(const std::string files, tokenizer_files(path));
            return unsupported("no tokenizer plugin knows the files in '" + path + "' (" + files +
                               "); asked: " + names_or_where(tried, search) +
                               "; name others with --tokenizer-path");
        }
    }
    out.info = make<afs_tokenizer_info>();
    const Status loaded = out.plugin->load(source, out.info);
    if (!loaded.ok()) return loaded.context("tokenizer plugin '" + out.plugin_name + "'");
    return out;
}

Result<OpenedTokenizer> open_tokenizer_alone(const Config& config, const PluginSearch& search) {
    if (config.has("tokenizer.path")) return open_configured_tokenizer(config, search, nullptr);
    AFS_ASSIGN(const std::filesystem::path path, config.model_path());
    AFS_ASSIGN(const Checkpoint checkpoint, Checkpoint::open_texts(path));
    return open_configured_tokenizer(config, search, &checkpoint);
}

}  // namespace afs
