// What was fetched: repository, commit and the hash of every file. It lies under reports/ as
// weights-<folder's name>.json, and `weights verify` holds the files against it.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "hub/listing.hpp"

namespace afs::hub {

struct ManifestFile {
    RemoteFile remote;   // path, bytes and the hub's hash
    std::string sha256;  // of the content; empty: not known
};

struct Manifest {
    std::string repository, revision, commit, endpoint;
    std::string folder;      // where the files lie, absolute
    std::string selection;   // the --gguf of the fetch
    std::string fetched_at;  // UTC, "2026-01-31T12:00:00Z"
    std::vector<ManifestFile> files;
};

Status write_manifest(const Manifest& manifest, const std::filesystem::path& file);
Result<Manifest> read_manifest(const std::filesystem::path& file);

// reports/weights-NAME.json for a model's folder.
std::filesystem::path manifest_path(const std::filesystem::path& reports,
                                    const std::filesystem::path& folder);

}  // namespace afs::hub
