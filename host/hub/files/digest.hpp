// Hashes by which a hub names contents: SHA-256 of large files, and for small ones git's SHA-1 of
// "blob <size>\0" and the content.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "afs/status.hpp"

namespace afs::hub {

struct Digest {
    enum class Kind { sha256, git_sha1 };
    Kind kind = Kind::sha256;
    std::string hex;  // lower case

    bool is_whole() const;  // hex digits, as many as the kind has
    bool operator==(const Digest&) const = default;
};

const char* name_of(Digest::Kind kind);  // "sha256", "git-sha1"

// Hashes a content of known size as it comes: SHA-256 always, and git's hash where that is asked.
class Hasher {
public:
    Hasher(uint64_t bytes, Digest::Kind kind);
    void update(const void* data, size_t n);
    struct Sums {
        std::string sha256, git_sha1;  // git_sha1 empty: was not asked
        const std::string& of(Digest::Kind kind) const {
            return kind == Digest::Kind::sha256 ? sha256 : git_sha1;
        }
    };
    // Once; the hasher is used up.
    Result<Sums> finish();

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

// Hashes the first n bytes of a file into a hasher. read: told after each piece how many bytes
// came; false ends with CANCELLED. IO also where the file is shorter.
Status hash_prefix(const std::filesystem::path& file, uint64_t n, Hasher& hasher,
                   const std::function<bool(uint64_t)>& read);

}  // namespace afs::hub
