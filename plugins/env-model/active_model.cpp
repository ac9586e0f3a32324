#include "active_model.hpp"

namespace env_model {
namespace {

namespace fs = std::filesystem;

// The only .gguf of a folder without safetensors, as the program itself takes it.
fs::path gguf_in(const fs::path& folder) {
    fs::path found;
    size_t n = 0;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
        if (it->path().extension() == ".safetensors") return {};
        if (it->path().extension() == ".gguf" && (n++ == 0 || it->path() < found))
            found = it->path();
    }
    return found;
}

}  // namespace

ActiveModel find_model(const std::string& config_json) {
    ActiveModel out;
    std::string problem;
    if (auto config = parse_json(config_json, problem)) out.config = std::move(*config);
    const Json* model = member(&out.config, "model");
    const std::string family = text_of(model, "plugin");
    out.key = "model.path";
    out.path = text_of(model, "path");
    if (out.path.empty()) {
        out.key = "models." + family + ".path";
        const Json* models = member(&out.config, "models");
        out.path = text_of(member(models, family.c_str()), "path");
    }
    std::error_code ignored;
    out.there = !out.path.empty() && fs::exists(out.path, ignored);
    if (!out.there) return out;
    const bool is_folder = fs::is_directory(out.path, ignored);
    out.folder = is_folder ? out.path : out.path.parent_path();
    const fs::path gguf = is_folder                         ? gguf_in(out.path)
                          : out.path.extension() == ".gguf" ? out.path
                                                            : fs::path();
    if (!gguf.empty()) {
        out.gguf = true;
        out.header = read_gguf(gguf);
        return out;
    }
    out.model_config = read_json(out.folder / "config.json");
    out.generation = read_json(out.folder / "generation_config.json");
    fs::path tokenizer = text_of(member(&out.config, "tokenizer"), "path");
    if (tokenizer.empty()) tokenizer = out.folder;
    if (!fs::is_directory(tokenizer, ignored)) tokenizer = tokenizer.parent_path();
    out.tokenizer_config = read_json(tokenizer / "tokenizer_config.json");
    out.tokenizer = read_json(tokenizer / "tokenizer.json");
    out.index = read_json(out.folder / "model.safetensors.index.json");
    return out;
}

}  // namespace env_model
