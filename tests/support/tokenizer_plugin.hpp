// A built tokenizer plugin through its C contract.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "afs/abi/all.h"

namespace tokenizer_test {

using Ids = std::vector<int32_t>;

// One opened instance. Functions that fail return the code; message() then says why.
class TokenizerPlugin {
public:
    explicit TokenizerPlugin(const std::string& name);  // "bpe"
    ~TokenizerPlugin();
    TokenizerPlugin(const TokenizerPlugin&) = delete;
    TokenizerPlugin& operator=(const TokenizerPlugin&) = delete;

    int32_t score(const std::string& path, const afs_vocabulary* vocabulary = nullptr);
    afs_status load(const std::string& path, const afs_vocabulary* vocabulary = nullptr);
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

}  // namespace tokenizer_test
