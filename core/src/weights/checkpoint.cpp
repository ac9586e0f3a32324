#include "afs/weights/checkpoint.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include "afs/json.hpp"
#include "chat_template.hpp"

namespace afs {
namespace fs = std::filesystem;
namespace {

constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";
constexpr uint64_t kMaxIndexBytes = 16 << 20;
constexpr size_t kMaxConfigValues = 100'000;  // some 16 MB as a tree

// Some stores name GGUF files by their hash.
bool has_gguf_magic(const fs::path& path) {
    char magic[4] = {};
    std::ifstream(path, std::ios::binary).read(magic, sizeof magic);
    return std::string_view(magic, sizeof magic) == "GGUF";
}

// "a, b, c, d, e and 3 more"
std::string some_of(const std::vector<std::string>& names) {
    std::string text;
    for (size_t i = 0; i < std::min<size_t>(names.size(), 5); ++i)
        text += (i ? ", " : "") + names[i];
    if (names.size() > 5) text += " and " + std::to_string(names.size() - 5) + " more";
    return text;
}

struct Index {
    std::map<std::string, std::string> shard_of;  // tensor -> file name
    std::optional<uint64_t> total_bytes;
};

Result<Index> parse_index(const fs::path& file) {
    const std::string name = file.string();
    AFS_ASSIGN(const std::string text, read_text_file(file));
    json::ParseOptions options;
    options.name = name;
    AFS_ASSIGN(const json::Value root, json::parse(text, options));
    const json::Value* map = root.find("weight_map");
    if (!map || !map->is(json::Kind::object) || map->members.empty())
        return invalid("cannot read '" + name +
                       "': expected an object \"weight_map\" from tensors to shards");
    Index index;
    for (const json::Member& entry : map->members) {
        const std::string& shard = entry.value.string;
        if (!entry.value.is(json::Kind::string) || shard.empty())
            return invalid(name + ":" + std::to_string(entry.line) + ": tensor '" + entry.key +
                           "' must be mapped to a file name");
        if (shard.find('/') != std::string::npos || shard.find('\\') != std::string::npos ||
            shard.find('\0') != std::string::npos || shard == "." || shard == "..")
            return invalid(name + ":" + std::to_string(entry.line) + ": shard '" + shard +
                           "' of tensor '" + entry.key + "' must lie in the checkpoint's folder");
        index.shard_of[entry.key] = shard;
    }
    const json::Value* metadata = root.find("metadata");
    if (const json::Value* total = metadata ? metadata->find("total_size") : nullptr) {
        index.total_bytes = total->as_uint64();
        // Some writers print it as 2.1e9.
        if (!index.total_bytes && total->as_number() && total->number >= 0 &&
            total->number < 0x1p53)
            index.total_bytes = static_cast<uint64_t>(total->number);
        if (!index.total_bytes)
            return invalid(name + ":" + std::to_string(total->line) +
                           ": total_size must be a number of bytes, found " + json::dump(*total));
    }
    return index;
}

}  // namespace

Result<std::string> read_object_file(const fs::path& file) {
    AFS_ASSIGN(std::string text, read_text_file(file, kMaxIndexBytes));
    json::ParseOptions options;
    options.name = file.string();
    options.max_values = kMaxConfigValues;
    AFS_ASSIGN(const json::Value root, json::parse(text, options));
    if (!root.is(json::Kind::object))
        return invalid(options.name + ":" + std::to_string(root.line) +
                       ": expected an object, found " + json::kind_name(root.kind));
    return text;
}

const FileTensor* Checkpoint::find(const std::string& name) const {
    const auto it = by_name_.find(name);
    return it == by_name_.end() ? nullptr : &tensors_[it->second];
}

std::string Checkpoint::file_of(const FileTensor& tensor) const {
    return files_[tensor.file]->path().string();
}

Status Checkpoint::check_unchanged() const {
    for (const auto& file : files_) AFS_TRY(file->check_unchanged());
    return {};
}

Status Checkpoint::read_texts(bool with_config) {
    const fs::path config = folder_ / "config.json",
                   generation = folder_ / "generation_config.json";
    AFS_ASSIGN(const bool has_config, file_exists(config));
    AFS_ASSIGN(const bool has_generation, file_exists(generation));
    if (has_config) {
        AFS_ASSIGN(config_json_, read_object_file(config));
    } else if (with_config) {
        return not_found("cannot load model '" + path_.string() + "': no config.json in " +
                         folder_.string());
    }
    if (has_generation) {
        AFS_ASSIGN(generation_json_, read_object_file(generation));
    }
    AFS_ASSIGN(chat_template_, read_chat_template(folder_));
    return {};
}

Status Checkpoint::add_file(const fs::path& path) {
    AFS_ASSIGN(const SafetensorsFile file, SafetensorsFile::open(path));
    return add_tensors(file.file(), file.tensors());
}

Status Checkpoint::add_tensors(std::shared_ptr<const MappedFile> file,
                               const std::vector<FileTensor>& tensors) {
    const auto number = static_cast<uint32_t>(files_.size());
    const std::string name = file->path().string();
    files_.push_back(std::move(file));
    for (const FileTensor& tensor : tensors) {
        const auto [it, added] = by_name_.emplace(tensor.name, tensors_.size());
        if (!added)
            return invalid("cannot load model '" + path_.string() + "': tensor '" + tensor.name +
                           "' is in '" + file_of(tensors_[it->second]) + "' and in '" + name + "'");
        tensors_.push_back(tensor);
        tensors_.back().file = number;
        bytes_ += tensor.bytes;
    }
    return {};
}

Status Checkpoint::read_index(const fs::path& file) {
    AFS_ASSIGN(const Index index, parse_index(file));
    std::set<std::string> shards;
    for (const auto& [tensor, shard] : index.shard_of) shards.insert(shard);
    std::vector<std::string> absent;
    for (const std::string& shard : shards) {
        AFS_ASSIGN(const bool there, file_exists(folder_ / shard));
        if (!there) absent.push_back(shard);
    }
    if (!absent.empty())
        return not_found("cannot load model '" + path_.string() +
                         "': " + std::to_string(absent.size()) + " of " +
                         std::to_string(shards.size()) + " shards are absent: " + some_of(absent));
    for (const std::string& shard : shards) AFS_TRY(add_file(folder_ / shard));
    std::vector<std::string> missing, unlisted;
    for (const auto& [name, shard] : index.shard_of) {
        const FileTensor* tensor = find(name);
        if (!tensor || files_[tensor->file]->path().filename() != shard)
            missing.push_back("'" + name + "' in " + shard);
    }
    for (const FileTensor& tensor : tensors_)
        if (!index.shard_of.count(tensor.name)) unlisted.push_back("'" + tensor.name + "'");
    if (!missing.empty())
        return invalid("cannot load model '" + path_.string() +
                       "': the index promises tensors that are not there: " + some_of(missing));
    if (!unlisted.empty())
        return invalid(
            "cannot load model '" + path_.string() +
            "': the shards hold tensors that the index does not list: " + some_of(unlisted));
    if (index.total_bytes && *index.total_bytes != bytes_)
        return invalid("cannot load model '" + path_.string() + "': the index says total_size " +
                       std::to_string(*index.total_bytes) + ", the tensors take " +
                       std::to_string(bytes_) + " bytes");
    return {};
}

Status Checkpoint::open_gguf(const fs::path& file) {
    AFS_ASSIGN(std::vector<GgufFile> parts, open_gguf_parts(file));
    for (const GgufFile& part : parts) AFS_TRY(add_tensors(part.file(), part.tensors()));
    config_json_ = gguf_config_json(parts);
    gguf_ = std::make_shared<const GgufFile>(std::move(parts.front()));
    if (const GgufValue* text = gguf_->find("tokenizer.chat_template")) {
        if (!text->text())
            return invalid("cannot load model '" + path_.string() +
                           "': tokenizer.chat_template must be a text, found " +
                           name_of(text->type));
        chat_template_ = *text->text();
    }
    return {};
}

std::string Checkpoint::architecture() const {
    const GgufValue* name = gguf_ ? gguf_->find("general.architecture") : nullptr;
    return std::string(name ? name->text().value_or("") : "");
}

Result<std::shared_ptr<const GgufVocabulary>> Checkpoint::vocabulary() const {
    if (!gguf_) return std::shared_ptr<const GgufVocabulary>();
    return GgufVocabulary::read(*gguf_);
}

Status Checkpoint::open_folder(bool with_tensors) {
    AFS_ASSIGN(const bool single, file_exists(path_ / kSingle));
    AFS_ASSIGN(const bool sharded, file_exists(path_ / kIndex));
    if (!single && !sharded) {
        const std::vector<fs::path> models = gguf_models_in(path_);
        std::vector<std::string> names;
        names.reserve(models.size());
        for (const fs::path& model : models) names.push_back(model.filename().string());
        if (models.size() == 1) return open_gguf(models.front());
        if (models.size() > 1)
            return invalid("cannot load model '" + path_.string() + "': the folder holds " +
                           std::to_string(models.size()) +
                           " models, name one of them: " + some_of(names));
    }
    AFS_TRY(read_texts(with_tensors));
    if (!with_tensors) return {};
    if (single && sharded)
        return invalid("cannot load model '" + path_.string() + "': the folder has both " +
                       kSingle + " and " + kIndex + "; remove one");
    if (sharded) return read_index(path_ / kIndex);
    if (single) return add_file(path_ / kSingle);
    return not_found("cannot load model '" + path_.string() + "': the folder has neither " +
                     kSingle + " nor " + kIndex + " nor a .gguf file");
}

Result<Checkpoint> Checkpoint::open(const fs::path& path) {
    return open(path, true);
}

Result<Checkpoint> Checkpoint::open_texts(const fs::path& path) {
    return open(path, false);
}

Result<Checkpoint> Checkpoint::open(const fs::path& path, bool with_tensors) {
    std::error_code error;
    Checkpoint checkpoint;
    checkpoint.path_ = path;
    if (fs::is_directory(path, error)) {
        checkpoint.folder_ = path;
        AFS_TRY(checkpoint.open_folder(with_tensors));
        return checkpoint;
    }
    AFS_ASSIGN(const bool there, file_exists(path));
    if (!there)
        return not_found("cannot load model '" + path.string() +
                         "': no such folder or file; see `afs-host config show` for where the "
                         "path comes from");
    checkpoint.folder_ = path.has_parent_path() ? path.parent_path() : fs::path(".");
    if (path.extension() == ".safetensors") {
        AFS_TRY(checkpoint.read_texts(with_tensors));
        if (with_tensors) AFS_TRY(checkpoint.add_file(path));
    } else if (path.extension() == ".gguf" || has_gguf_magic(path)) {
        AFS_TRY(checkpoint.open_gguf(path));
    } else {
        return unsupported("cannot load model '" + path.string() +
                           "': expected a folder, a .safetensors or a .gguf file");
    }
    return checkpoint;
}

}  // namespace afs
