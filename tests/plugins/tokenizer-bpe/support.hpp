// The built tokenizer plugin through its C contract, and small checkpoints to feed it.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "afs/abi/all.h"

namespace tokenizer_test {

using Ids = std::vector<int32_t>;

// One opened instance. Functions that fail return the code; message() then says why.
class Plugin {
public:
    Plugin();
    ~Plugin();
    Plugin(const Plugin&) = delete;
    Plugin& operator=(const Plugin&) = delete;

    int32_t score(const std::string& path);
    afs_status load(const std::string& path);
    afs_status try_encode(const std::string& text, uint32_t flags, Ids& ids);
    afs_status try_decode(const Ids& ids, uint32_t flags, std::string& bytes);
    afs_status try_token(int32_t id, int32_t& kind, std::string& bytes);
    // These fail the test where the plugin fails.
    Ids encode(const std::string& text, uint32_t flags = 0);
    std::string decode(const Ids& ids, uint32_t flags = 0);

    const afs_tokenizer_info& info() const { return info_; }
    std::string message() const { return error_.message; }

private:
    void* library_ = nullptr;
    const afs_plugin* plugin_ = nullptr;
    const afs_tokenizer* table_ = nullptr;
    afs_instance* instance_ = nullptr;
    afs_error error_{};
    afs_tokenizer_info info_{};
};

// A folder below TMPDIR that goes away with this object.
class TempFolder {
public:
    TempFolder();
    ~TempFolder();
    const std::string& path() const { return path_; }
    std::string write(const std::string& name, const std::string& text) const;

private:
    std::string path_;
};

// The byte-level alphabet's character for a byte, as UTF-8.
std::string letter_of(int byte);
// A tokenizer.json: ids 0 to 255 are the bytes, then "he" 256, "ll" 257, "hell" 258, "hello" 259,
// " w" 260; added tokens "<s>" 261 (special), "</s>" 262 (special), "<x>" 263 (not special).
// Splits with GPT-2's expression.
nlohmann::json small_tokenizer();

std::string golden(const std::string& name);  // tests/golden/tokenizer/NAME, read
std::string golden_path(const std::string& name);

}  // namespace tokenizer_test
