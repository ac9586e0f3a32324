#include "vocabulary.hpp"

#include <limits>

#include "afs/utf8.hpp"
#include "byte_alphabet.hpp"

namespace afs::bpe {

Status Vocabulary::place(std::string_view bytes, bool literal, uint64_t id) {
    if (id > kMaxId)
        return invalid("token " + in_quotes(bytes) + " has id " + std::to_string(id) +
                       ": expected 0 to " + std::to_string(kMaxId));
    if (arena_.size() + bytes.size() > std::numeric_limits<uint32_t>::max())
        return invalid("the tokens together are longer than 4 GiB");
    if (id >= pieces_.size()) pieces_.resize(static_cast<size_t>(id) + 1);
    Piece& piece = pieces_[static_cast<size_t>(id)];
    if (piece.kind != AFS_TOKEN_UNUSED)
        return invalid("id " + std::to_string(id) + " belongs to two tokens, " +
                       in_quotes(own_bytes(piece)) + " and " + in_quotes(bytes));
    piece.start = static_cast<uint32_t>(arena_.size());
    piece.length = static_cast<uint32_t>(bytes.size());
    piece.kind = AFS_TOKEN_NORMAL;
    piece.literal = literal;
    arena_.append(bytes);
    ++n_entries_;
    return {};
}

void Vocabulary::reserve(size_t n_tokens) {
    size_t capacity = 1024;
    while (capacity < n_tokens * 2) capacity *= 2;
    if (capacity > lookup_.size()) resize_lookup(capacity);
    pieces_.reserve(n_tokens);
}

Status Vocabulary::add(std::string_view bytes, bool literal, uint64_t id) {
    if ((static_cast<size_t>(n_indexed_) + 1) * 2 > lookup_.size())
        resize_lookup(lookup_.empty() ? 1024 : lookup_.size() * 2);
    const uint64_t key = hash(bytes, literal);
    Slot& slot = lookup_[slot_of(key, bytes, literal)];
    if (slot.entry != 0)
        return invalid("token " + in_quotes(bytes) + " comes twice, with ids " +
                       std::to_string(slot.entry - 1) + " and " + std::to_string(id));
    AFS_TRY(place(bytes, literal, id));
    slot = {static_cast<uint32_t>(key >> 32), static_cast<uint32_t>(id) + 1};
    ++n_indexed_;
    return {};
}

Status Vocabulary::add_written(std::string_view token, uint64_t id) {
    std::string bytes;
    const bool in_alphabet = append_bytes(token, bytes);
    return add(bytes, !in_alphabet, id);
}

Status Vocabulary::add_added(const AddedToken& token) {
    const std::string name = "added token " + in_quotes(token.content);
    if (token.content.empty())
        return invalid("added token with id " + std::to_string(token.id) + " is empty");
    if (token.id < 0) return invalid(name + " has id " + std::to_string(token.id));
    const auto seen = added_ids_.find(token.content);
    if (seen != added_ids_.end())
        return invalid(name + " comes twice, with ids " + std::to_string(seen->second) + " and " +
                       std::to_string(token.id));
    const int32_t in_model = find_written(token.content);
    if (in_model >= 0 && in_model != token.id)
        return invalid(name + " has id " + std::to_string(token.id) +
                       ", but the vocabulary gives it " + std::to_string(in_model));
    if (in_model < 0) AFS_TRY(place(token.content, true, static_cast<uint64_t>(token.id)));
    pieces_[static_cast<size_t>(token.id)].kind =
        token.special ? AFS_TOKEN_SPECIAL : AFS_TOKEN_ADDED;
    added_.emplace(token.id, token.content);
    added_ids_.emplace(token.content, token.id);
    return {};
}

void Vocabulary::finish() {
    for (int byte = 0; byte < 256; ++byte) {
        const char c = static_cast<char>(byte);
        byte_ids_[static_cast<size_t>(byte)] = find({&c, 1});
    }
    arena_.shrink_to_fit();
    pieces_.shrink_to_fit();
}

void Vocabulary::prefetch(uint64_t hash) const {
    if (!lookup_.empty()) __builtin_prefetch(&lookup_[hash & (lookup_.size() - 1)]);
}

void Vocabulary::prefetch_piece(uint64_t hash) const {
    if (lookup_.empty()) return;
    const Slot& slot = lookup_[hash & (lookup_.size() - 1)];
    if (slot.entry != 0) __builtin_prefetch(&pieces_[slot.entry - 1]);
}

int32_t Vocabulary::find(uint64_t hash, std::string_view bytes, bool literal) const {
    if (lookup_.empty()) return -1;
    return static_cast<int32_t>(lookup_[slot_of(hash, bytes, literal)].entry) - 1;
}

int32_t Vocabulary::find_written(std::string_view token) const {
    std::string bytes;
    const bool in_alphabet = append_bytes(token, bytes);
    return find(bytes, !in_alphabet);
}

int32_t Vocabulary::find_content(std::string_view content) const {
    const auto it = added_ids_.find(content);
    return it != added_ids_.end() ? it->second : find_written(content);
}

bool Vocabulary::holds(int64_t id) const {
    return id >= 0 && id < static_cast<int64_t>(pieces_.size()) &&
           pieces_[static_cast<size_t>(id)].kind != AFS_TOKEN_UNUSED;
}

std::string_view Vocabulary::bytes(int32_t id) const {
    const Piece& piece = pieces_[static_cast<size_t>(id)];
    return piece.kind == AFS_TOKEN_NORMAL ? own_bytes(piece)
                                          : std::string_view(added_.find(id)->second);
}

size_t Vocabulary::slot_of(uint64_t hash, std::string_view bytes, bool literal) const {
    const size_t mask = lookup_.size() - 1;
    const uint32_t tag = static_cast<uint32_t>(hash >> 32);
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        const Slot& slot = lookup_[i];
        if (slot.entry == 0) return i;
        if (slot.tag != tag) continue;
        const Piece& piece = pieces_[slot.entry - 1];
        if (piece.literal == literal && own_bytes(piece) == bytes) return i;
    }
}

void Vocabulary::resize_lookup(size_t capacity) {
    const std::vector<Slot> old = std::move(lookup_);
    lookup_.assign(capacity, Slot{});
    for (const Slot& slot : old) {
        if (slot.entry == 0) continue;
        const Piece& piece = pieces_[slot.entry - 1];
        const std::string_view bytes = own_bytes(piece);
        lookup_[slot_of(hash(bytes, piece.literal), bytes, piece.literal)] = slot;
    }
}

void Merges::reserve(size_t n) {
    size_t capacity = 16;
    while (capacity * 2 < n * 3) capacity *= 2;
    if (capacity > slots_.size()) resize(capacity);
}

void Merges::add(int32_t left, int32_t right, Merge merge) {
    reserve(n_ + 1);
    const uint64_t key = key_of(left, right);
    size_t i = hash(key) & mask_;
    while (slots_[i].key != kFree && slots_[i].key != key) i = (i + 1) & mask_;
    if (slots_[i].key == kFree) ++n_;
    slots_[i] = {key, merge};
}

void Merges::resize(size_t capacity) {
    const std::vector<Slot> old = std::move(slots_);
    slots_.assign(capacity, Slot{});
    mask_ = capacity - 1;
    n_ = 0;
    for (const Slot& slot : old)
        if (slot.key != kFree)
            add(static_cast<int32_t>(slot.key >> 32), static_cast<int32_t>(slot.key & 0xffffffffu),
                slot.merge);
}

}  // namespace afs::bpe
