// The checkpoint's files: all there, each whole.
#include <set>

#include "checks.hpp"

namespace env_model {
namespace {

namespace fs = std::filesystem;

std::string size_text(uint64_t bytes) {
    return std::to_string(bytes >> 20) + " MiB";
}

const char* kFetch =
    "fetch it again: afs-host weights fetch NAME, or check it: afs-host weights verify";

afs::Finding text_file(const JsonFile& file, const std::string& what, bool needed) {
    const std::string name = file.path.filename().string();
    afs::Finding out{AFS_CHECK_OK, "checkpoint." + what, name + " reads", "", ""};
    if (file.value) return out;
    out.status = needed || !file.problem.empty() ? AFS_CHECK_FAIL : AFS_CHECK_INFO;
    out.found = name + ": " + (file.problem.empty() ? "not there" : file.problem);
    if (out.status == AFS_CHECK_FAIL) {
        out.needed = "a JSON file that reads";
        out.remedy = kFetch;
    }
    return out;
}

void check_file(const fs::path& path, const SafetensorsHeader& header, Findings& out) {
    const bool good = header.problem.empty();
    out.push_back(
        {good ? AFS_CHECK_OK : AFS_CHECK_FAIL, "checkpoint." + path.filename().string(),
         good ? std::to_string(header.tensors.size()) + " tensors, " + size_text(header.bytes)
              : header.problem,
         good ? "" : "a whole .safetensors file", good ? "" : kFetch});
}

// The index names each tensor's shard; both must tell the same.
void check_shards(const ActiveModel& model, Findings& out) {
    const Json* map = member(&*model.index.value, "weight_map");
    std::set<std::string> shards, listed, found;
    if (map && map->is_object())
        for (const auto& [tensor, shard] : map->items())
            if (shard.is_string()) {
                shards.insert(shard.get<std::string>());
                listed.insert(shard.get<std::string>() + "/" + tensor);
            }
    if (shards.empty())
        out.push_back({AFS_CHECK_FAIL, "checkpoint.index", "it lists no shard",
                       "a weight_map of tensors to files", kFetch});
    for (const std::string& shard : shards) {
        const SafetensorsHeader header = read_safetensors(model.folder / shard);
        check_file(model.folder / shard, header, out);
        for (const auto& [name, tensor] : header.tensors) found.insert(shard + "/" + name);
    }
    std::string first;
    size_t n = 0;
    for (const std::string& one : listed)
        if (!found.count(one) && n++ == 0) first = one;
    if (n > 0)
        out.push_back({AFS_CHECK_FAIL, "checkpoint.index",
                       std::to_string(n) + " tensors are not where it says, first '" + first + "'",
                       "every listed tensor in its shard", kFetch});
}

void check_gguf(const ActiveModel& model, Findings& out) {
    const GgufHeader& header = model.header;
    const bool good = header.problem.empty();
    out.push_back(
        {good ? AFS_CHECK_OK : AFS_CHECK_FAIL, "checkpoint." + header.path.filename().string(),
         good ? "GGUF " + std::to_string(header.version) + ", " +
                    std::to_string(header.tensors.size()) + " tensors, " + size_text(header.bytes)
              : header.problem,
         good ? "" : "a whole GGUF file", good ? "" : kFetch});
}

}  // namespace

Findings check_checkpoint(const Look& look) {
    const ActiveModel& model = look.model;
    Findings out;
    if (model.path.empty()) {
        out.push_back({AFS_CHECK_WARN, "checkpoint", "no model is configured",
                       "model.path, or models.<model.plugin>.path",
                       "give one with --model FOLDER, or set models.*.path in the configuration"});
        return out;
    }
    if (!model.there) {
        out.push_back({AFS_CHECK_FAIL, "checkpoint",
                       model.path.string() + " (" + model.key + "): not there",
                       "a folder or file with a model",
                       "fetch it: afs-host weights fetch NAME; or correct " + model.key});
        return out;
    }
    out.push_back(
        {AFS_CHECK_OK, "checkpoint", model.path.string() + " (" + model.key + ")", "", ""});
    if (model.gguf) {
        check_gguf(model, out);
        return out;
    }
    out.push_back(text_file(model.model_config, "config", true));
    out.push_back(text_file(model.generation, "generation", false));
    std::error_code ignored;
    const fs::path single =
        fs::is_directory(model.path, ignored) ? model.folder / "model.safetensors" : model.path;
    if (model.index.value || !model.index.problem.empty()) {
        out.push_back(text_file(model.index, "index", true));
        if (model.index.value) check_shards(model, out);
    } else if (fs::exists(single, ignored)) {
        check_file(single, read_safetensors(single), out);
    } else {
        out.push_back({AFS_CHECK_FAIL, "checkpoint.weights",
                       "neither model.safetensors nor its index nor a .gguf file is there",
                       "the weights", kFetch});
    }
    return out;
}

}  // namespace env_model
