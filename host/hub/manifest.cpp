#include "hub/manifest.hpp"

#include "afs/json.hpp"
#include "afs/weights/mapped_file.hpp"
#include "hub/files/part_file.hpp"  // write_whole

namespace afs::hub {
namespace fs = std::filesystem;
namespace {

constexpr const char* kFormat = "afs-weights-manifest/1";

json::Value describe(const ManifestFile& file) {
    json::Value out = json::Value::object();
    out.add("path", json::Value::of(file.remote.path))
        .add("bytes", json::Value::of(file.remote.bytes))
        .add("sha256", json::Value::of(file.sha256))
        .add("hub_hash", json::Value::of(std::string(name_of(file.remote.digest.kind)) + ":" +
                                         file.remote.digest.hex));
    return out;
}

std::string text_of(const json::Value& value, const char* key) {
    const json::Value* found = value.find(key);
    return found && found->is(json::Kind::string) ? found->string : std::string();
}

Result<ManifestFile> read_file(const json::Value& entry, const std::string& manifest) {
    ManifestFile file;
    file.remote.path = text_of(entry, "path");
    file.sha256 = text_of(entry, "sha256");
    const std::string hash = text_of(entry, "hub_hash");
    const size_t colon = hash.find(':');
    const bool git = hash.substr(0, colon) == name_of(Digest::Kind::git_sha1);
    file.remote.digest = {git ? Digest::Kind::git_sha1 : Digest::Kind::sha256,
                          colon == std::string::npos ? "" : hash.substr(colon + 1)};
    const json::Value* bytes = entry.find("bytes");
    const auto size = bytes ? bytes->as_uint64() : std::nullopt;
    if (!is_safe_path(file.remote.path) || !size || !file.remote.digest.is_whole() ||
        !Digest{Digest::Kind::sha256, file.sha256}.is_whole())
        return invalid(manifest + ":" + std::to_string(entry.line) +
                       ": expected a file's path, bytes, sha256 and hub_hash, found " +
                       json::dump(entry).substr(0, 200));
    file.remote.bytes = *size;
    return file;
}

}  // namespace

fs::path manifest_path(const fs::path& reports, const fs::path& folder) {
    return reports / ("weights-" + folder.filename().string() + ".json");
}

Status write_manifest(const Manifest& manifest, const fs::path& file) {
    json::Value root = json::Value::object(), files = json::Value::array();
    uint64_t bytes = 0;
    for (const ManifestFile& entry : manifest.files) {
        files.add(describe(entry));
        bytes += entry.remote.bytes;
    }
    root.add("format", json::Value::of(kFormat))
        .add("repository", json::Value::of(manifest.repository))
        .add("revision", json::Value::of(manifest.revision))
        .add("commit", json::Value::of(manifest.commit))
        .add("endpoint", json::Value::of(manifest.endpoint))
        .add("gguf", json::Value::of(manifest.selection))
        .add("folder", json::Value::of(manifest.folder))
        .add("fetched_at", json::Value::of(manifest.fetched_at))
        .add("bytes", json::Value::of(bytes))
        .add("files", std::move(files));
    std::error_code error;
    fs::create_directories(file.parent_path(), error);  // write_whole says what is wrong
    return write_whole(file, json::dump(root, 2) + "\n");
}

Result<Manifest> read_manifest(const fs::path& file) {
    AFS_ASSIGN(const std::string text, read_text_file(file));
    json::ParseOptions options;
    options.name = file.string();
    AFS_ASSIGN(const json::Value root, json::parse(text, options));
    if (text_of(root, "format") != kFormat)
        return invalid("cannot read '" + file.string() + "': expected \"format\": \"" + kFormat +
                       "\", found '" + text_of(root, "format") + "'");
    Manifest manifest;
    manifest.repository = text_of(root, "repository");
    manifest.revision = text_of(root, "revision");
    manifest.commit = text_of(root, "commit");
    manifest.endpoint = text_of(root, "endpoint");
    manifest.selection = text_of(root, "gguf");
    manifest.folder = text_of(root, "folder");
    manifest.fetched_at = text_of(root, "fetched_at");
    const json::Value* files = root.find("files");
    if (!files || !files->is(json::Kind::array) || files->items.empty())
        return invalid("cannot read '" + file.string() + "': it lists no files");
    for (const json::Value& entry : files->items) {
        AFS_ASSIGN(ManifestFile one, read_file(entry, file.string()));
        manifest.files.push_back(std::move(one));
    }
    return manifest;
}

}  // namespace afs::hub
