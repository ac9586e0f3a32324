#include "word_cuts.hpp"

#include "afs/utf8.hpp"

namespace afs::spm {
namespace {

// Pieces and text spell a space differently.
constexpr uint32_t kBlankPoint = 0x2581;
uint32_t point(std::string_view text, size_t at, size_t& length) {
    const uint32_t c = utf8_decode(text, at, length);
    return c == ' ' ? kBlankPoint : c;
}

}  // namespace

bool WordCuts::possible(const Model& model) {
    return model.algorithm == Algorithm::bpe && model.byte_fallback && model.charsmap.empty() &&
           !model.remove_extra_whitespaces && model.escape_whitespaces;
}

WordCuts::WordCuts(const Model& model) : ascii_(size_t{kAscii} * kAscii), pairs_(1 << 12) {
    for (const Piece& piece : model.pieces) {
        if (piece.type == AFS_PIECE_CONTROL || piece.type == AFS_PIECE_UNKNOWN ||
            piece.type == AFS_PIECE_BYTE)
            continue;  // made of no text
        size_t length = 0;
        uint32_t left = point(piece.text, 0, length);
        for (size_t at = length; at < piece.text.size(); at += length) {
            const uint32_t right = point(piece.text, at, length);
            join(left, right);
            left = right;
        }
    }
}

size_t WordCuts::end(std::string_view text, size_t at) const {
    size_t length = 0;
    uint32_t left = point(text, at, length);
    for (at += length; at < text.size(); at += length) {
        const uint32_t right = point(text, at, length);
        if (!joined(left, right)) break;
        left = right;
    }
    return at;
}

void WordCuts::join(uint32_t left, uint32_t right) {
    if (left < kAscii && right < kAscii) {
        ascii_[left * kAscii + right] = true;
        return;
    }
    if (n_pairs_ * 2 >= pairs_.size()) grow();
    uint64_t& place = pairs_[slot(key(left, right))];
    if (place == 0) ++n_pairs_;
    place = key(left, right);
}

bool WordCuts::joined(uint32_t left, uint32_t right) const {
    if (left < kAscii && right < kAscii) return ascii_[left * kAscii + right];
    return pairs_[slot(key(left, right))] != 0;
}

// Where the key is, or would be. No key is 0: NUL is in no piece, and two NULs are ASCII.
size_t WordCuts::slot(uint64_t key) const {
    const size_t mask = pairs_.size() - 1;
    size_t i = static_cast<size_t>((key * 0x9e3779b97f4a7c15ull) >> 32) & mask;
    while (pairs_[i] != 0 && pairs_[i] != key) i = (i + 1) & mask;
    return i;
}

void WordCuts::grow() {
    const std::vector<uint64_t> old = std::move(pairs_);
    pairs_.assign(old.size() * 2, 0);
    for (const uint64_t pair : old)
        if (pair != 0) pairs_[slot(pair)] = pair;
}

}  // namespace afs::spm
