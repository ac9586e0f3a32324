// The abstract class of a tokenizer; see afs/abi/tokenizer.h. C++17.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "afs/abi/tokenizer.h"
#include "afs/status.hpp"

namespace afs {

struct TokenPiece {
    int32_t kind = AFS_TOKEN_NORMAL;
    std::string bytes;
};

class Tokenizer {
public:
    virtual ~Tokenizer() = default;
    // 0: cannot read these files, 100: exactly mine.
    virtual int score(const afs_tokenizer_source& source) = 0;
    virtual Status load(const afs_tokenizer_source& source, afs_tokenizer_info& info) = 0;
    // flags: AFS_ENCODE_*. Replaces the contents of ids.
    virtual Status encode(std::string_view text, uint32_t flags, std::vector<int32_t>& ids) = 0;
    // flags: AFS_DECODE_*. Replaces the contents of bytes.
    virtual Status decode(const int32_t* ids, size_t n_ids, uint32_t flags, std::string& bytes) = 0;
    virtual Status token(int32_t id, TokenPiece& piece) = 0;
};

}  // namespace afs
