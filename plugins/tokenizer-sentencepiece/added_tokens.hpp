// Finds added tokens in text, leftmost first and longest among those.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "model.hpp"

namespace afs::spm {

// A stretch of text that is one added token, or ordinary text (id -1).
struct Stretch {
    size_t begin = 0, end = 0;
    int32_t id = -1;
};

class AddedTokens {
public:
    AddedTokens() = default;
    explicit AddedTokens(std::vector<AddedToken> tokens);
    // Replaces the stretches by those of the text. parse_special false: a special token's text
    // stays ordinary text.
    void find(std::string_view text, bool parse_special, std::vector<Stretch>& out) const;

private:
    const AddedToken* longest_at(std::string_view text, size_t at, bool parse_special) const;
    std::vector<AddedToken> tokens_;     // by first byte, then the longest first
    std::array<uint32_t, 257> first_{};  // tokens_[first_[b], first_[b + 1]) start with byte b
};

}  // namespace afs::spm
