#include "hub/check.hpp"

namespace afs::hub {
namespace fs = std::filesystem;
namespace {

// What is wrong with the size of what lies there; "": nothing.
std::string wrong_size(const fs::path& file, uint64_t expected) {
    std::error_code error;
    if (!fs::exists(file, error)) return "is missing";
    if (!fs::is_regular_file(file, error)) return "is no regular file";
    const uint64_t bytes = fs::file_size(file, error);
    if (error) return "cannot be looked at: " + error.message();
    if (bytes == expected) return {};
    return "has " + std::to_string(bytes) + " bytes, expected " + std::to_string(expected);
}

}  // namespace

Result<std::vector<CheckedFile>> check_files(const Manifest& manifest, const fs::path& folder,
                                             const std::function<bool()>& cancelled,
                                             const FetchWatch& watch) {
    FetchSnapshot now;
    now.files = manifest.files.size();
    for (const ManifestFile& file : manifest.files) now.total += file.remote.bytes;
    std::vector<CheckedFile> checked;
    for (const ManifestFile& expected : manifest.files) {
        const RemoteFile& remote = expected.remote;
        const fs::path file = folder / remote.path;
        CheckedFile one{expected, wrong_size(file, remote.bytes)};
        const uint64_t end = now.done + remote.bytes;
        Hasher hasher(remote.bytes, remote.digest.kind);
        if (one.wrong.empty()) {
            const Status read = hash_prefix(file, remote.bytes, hasher, [&](uint64_t n) {
                now.done += n;
                watch(now);
                return !cancelled();
            });
            if (read.code() == Code::cancelled) return read;
            if (!read.ok()) one.wrong = read.message();
        }
        if (one.wrong.empty()) {
            AFS_ASSIGN(const Hasher::Sums sums, hasher.finish());
            const std::string& sum = sums.of(remote.digest.kind);
            if (!expected.sha256.empty() && sums.sha256 != expected.sha256)
                one.wrong = "has sha256 " + sums.sha256 + ", expected " + expected.sha256;
            else if (sum != remote.digest.hex)
                one.wrong = std::string("has ") + name_of(remote.digest.kind) + " " + sum +
                            ", expected " + remote.digest.hex;
        }
        now.done = end;
        ++now.files_done;
        checked.push_back(std::move(one));
    }
    return checked;
}

}  // namespace afs::hub
