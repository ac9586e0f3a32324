#include "doctor/weights_section.hpp"

#include <algorithm>

#include "hub/manifest.hpp"
#include "loader/plugin_file.hpp"  // file_sha256

namespace afs {
namespace {

namespace fs = std::filesystem;
using report::Facts;
using report::Table;

// Larger files are not read for a report: their hashes stand in the manifest of their fetch.
constexpr uint64_t kMostHashed = uint64_t{512} << 20;

std::vector<fs::path> sorted(const fs::path& folder) {
    std::vector<fs::path> out;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
        if (it->is_regular_file(error)) out.push_back(it->path());
    std::sort(out.begin(), out.end());
    return out;
}

void add_active(const Config& config, report::Section& section) {
    const auto path = config.model_path();
    if (!path) {
        section.add(report::Paragraph{path.status().message()});
        return;
    }
    std::error_code error;
    std::vector<fs::path> files = {*path};
    if (fs::is_directory(*path, error)) files = sorted(*path);
    section.add(
        Facts{{{"active model", path->string()},
               {"from", config.model_path_key() + ", " + config.origin(config.model_path_key())}}});
    Table table{{"file", "bytes", "SHA-256"}, {}};
    for (const fs::path& file : files) {
        const uint64_t bytes = fs::file_size(file, error);
        if (error) continue;
        const auto hash =
            bytes <= kMostHashed ? file_sha256(file.string()) : Result<std::string>("");
        table.rows.push_back({file.filename().string(), std::to_string(bytes),
                              hash && !hash->empty() ? *hash : "not computed"});
    }
    section.add(std::move(table));
}

void add_manifest(const fs::path& file, report::Section& section) {
    const auto manifest = hub::read_manifest(file);
    if (!manifest) {
        section.add(report::Paragraph{manifest.status().message()});
        return;
    }
    section.add(Facts{{{"fetched", manifest->repository},
                       {"commit", manifest->commit},
                       {"revision", manifest->revision},
                       {"to", manifest->folder},
                       {"at", manifest->fetched_at}}});
    Table table{{"file", "bytes", "SHA-256"}, {}};
    for (const hub::ManifestFile& one : manifest->files)
        table.rows.push_back({one.remote.path, std::to_string(one.remote.bytes), one.sha256});
    section.add(std::move(table));
}

}  // namespace

void add_weights(const Config& config, const fs::path& reports, report::Section& section) {
    add_active(config, section);
    for (const fs::path& file : sorted(reports))
        if (file.filename().string().rfind("weights-", 0) == 0 && file.extension() == ".json")
            add_manifest(file, section);
}

}  // namespace afs
