#include "byte_alphabet.hpp"

#include <array>
#include <cstdint>

#include "afs/utf8.hpp"

namespace afs::bpe {
namespace {

constexpr bool printable(int byte) {
    return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

// Code points 0 .. 0x143 to bytes, -1 where a code point stands for none. Bytes without a printable
// Latin-1 character of their own take U+0100, U+0101, … in ascending order.
constexpr std::array<int16_t, 0x144> make_alphabet() {
    std::array<int16_t, 0x144> table{};
    for (auto& entry : table) entry = -1;
    size_t next = 0x100;
    for (int byte = 0; byte < 256; ++byte)
        table[printable(byte) ? static_cast<size_t>(byte) : next++] = static_cast<int16_t>(byte);
    return table;
}
constexpr auto kAlphabet = make_alphabet();

}  // namespace

bool append_bytes(std::string_view token, std::string& bytes) {
    const size_t before = bytes.size();
    for (size_t at = 0, length = 0; at < token.size(); at += length) {
        const uint32_t c = utf8_decode(token, at, length);
        if (c >= kAlphabet.size() || kAlphabet[c] < 0) {
            bytes.replace(before, std::string::npos, token);
            return false;
        }
        bytes.push_back(static_cast<char>(kAlphabet[c]));
    }
    return true;
}

}  // namespace afs::bpe
