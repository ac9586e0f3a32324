#include "runtime/shown_text.hpp"

#include "afs/utf8.hpp"

namespace afs {
namespace {

bool is_control(std::string_view character) {
    const auto lead = static_cast<uint8_t>(character[0]);
    if (lead == '\n' || lead == '\t') return false;
    if (lead == 0xc2) return static_cast<uint8_t>(character[1]) < 0xa0;  // U+0080 to U+009F
    return lead < 0x20 || lead == 0x7f;
}

}  // namespace

std::string shown_text(std::string_view text) {
    static const char* const kHex = "0123456789abcdef";
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const size_t length = utf8_length(text, 0);
        const std::string_view character = text.substr(0, length == 0 ? 1 : length);
        if (length != 0 && !is_control(character)) {
            out.append(character);
        } else {
            for (const char byte : character) {
                out += "\\x";
                out += kHex[static_cast<uint8_t>(byte) >> 4];
                out += kHex[static_cast<uint8_t>(byte) & 15];
            }
        }
        text.remove_prefix(character.size());
    }
    return out;
}

}  // namespace afs
