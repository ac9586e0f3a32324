#include "engine/text_stream.hpp"

#include <algorithm>

namespace afs {
namespace {

// Bytes of the character that starts with this byte; 1 for a byte that starts none.
size_t character_length(unsigned char first) {
    if (first >= 0xc2 && first <= 0xdf) return 2;
    if (first >= 0xe0 && first <= 0xef) return 3;
    if (first >= 0xf0 && first <= 0xf4) return 4;
    return 1;
}

}  // namespace

size_t incomplete_utf8(const std::string& text) {
    for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
        const auto byte = static_cast<unsigned char>(text[text.size() - back]);
        if ((byte & 0xc0) == 0x80) continue;  // a continuation: its first byte lies before
        return character_length(byte) > back ? back : 0;
    }
    return 0;
}

Result<std::string> TextStream::push(int32_t id) {
    if (stopped_) return std::string();
    AFS_ASSIGN(const std::string bytes, detokeniser_.push(id));
    stopped_ = stops_.push(bytes);
    partial_ += stopped_ ? stops_.take_rest() : stops_.take_safe();
    std::string shown = std::move(partial_);
    partial_.clear();
    const size_t keep = stopped_ ? 0 : incomplete_utf8(shown);
    partial_.assign(shown, shown.size() - keep, keep);
    shown.erase(shown.size() - keep);
    return shown;
}

std::string TextStream::finish() {
    std::string rest = std::move(partial_);
    partial_.clear();
    if (!stopped_) rest += stops_.take_rest();
    return rest;
}

}  // namespace afs
