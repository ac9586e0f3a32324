// The tables of a tokenizer: ids to bytes, bytes to ids, and merges. One arena and open addressing:
// about 40 bytes a token and 30 a merge, whatever the file looked like.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "afs/abi/tokenizer.h"
#include "afs/plugin/word_cache.hpp"
#include "afs/status.hpp"

namespace afs::bpe {

struct AddedToken {
    std::string content;
    int32_t id = -1;
    bool special = false;
    bool lstrip = false, rstrip = false;  // takes the white space before or after it along
    bool single_word = false;             // only where no word character touches it
    bool normalized = false;              // looked for in the second pass, as HF does
};

class Vocabulary {
public:
    // Highest id a file may use: a bound on what a broken file can make us allocate.
    static constexpr uint64_t kMaxId = (1u << 22) - 1;

    void reserve(size_t n_tokens);
    // One entry of the model's vocabulary, as bytes. literal: it is no word of the byte-level
    // alphabet and stands for itself, so that no merge of bytes ever reaches it.
    Status add(std::string_view bytes, bool literal, uint64_t id);
    // As add, from the token as files write it.
    Status add_written(std::string_view token, uint64_t id);
    // An added token: new, or an entry that is there already under the same id.
    Status add_added(const AddedToken& token);
    // Byte tokens and sizes; call once after the last token.
    void finish();

    int32_t find(std::string_view bytes, bool literal = false) const {  // -1: none
        return find(hash(bytes, literal), bytes, literal);
    }
    // The same in steps, for callers who look up many: the tables are larger than the caches.
    static uint64_t hash(std::string_view bytes, bool literal) {
        return hash_bytes(bytes) ^ (literal ? ~0ull : 0);
    }
    void prefetch(uint64_t hash) const;        // first
    void prefetch_piece(uint64_t hash) const;  // a while later
    int32_t find(uint64_t hash, std::string_view bytes, bool literal) const;
    int32_t find_written(std::string_view token) const;
    // Added tokens first, then the vocabulary.
    int32_t find_content(std::string_view content) const;

    uint32_t size() const { return static_cast<uint32_t>(pieces_.size()); }  // highest id + 1
    uint32_t n_entries() const { return n_entries_; }
    bool holds(int64_t id) const;
    int32_t kind(int32_t id) const { return pieces_[static_cast<size_t>(id)].kind; }
    std::string_view bytes(int32_t id) const;  // of an id that holds
    int32_t byte_id(uint8_t byte) const { return byte_ids_[byte]; }
    bool added(int32_t id) const { return added_.count(id) != 0; }

private:
    struct Piece {
        uint32_t start = 0, length = 0;  // in arena_
        uint8_t kind = AFS_TOKEN_UNUSED;
        bool literal = false;
        uint16_t reserved = 0;
    };
    std::string_view own_bytes(const Piece& piece) const {
        return {arena_.data() + piece.start, piece.length};
    }
    Status place(std::string_view bytes, bool literal, uint64_t id);
    // A model entry; entry 0: free.
    struct Slot {
        uint32_t tag = 0, entry = 0;  // upper half of the hash; id + 1
    };
    size_t slot_of(uint64_t hash, std::string_view bytes, bool literal) const;
    void resize_lookup(size_t capacity);

    std::string arena_;
    std::vector<Piece> pieces_;  // [size], by id
    std::vector<Slot> lookup_;   // a power of two long
    std::array<int32_t, 256> byte_ids_{};
    std::map<int32_t, std::string> added_;                   // id to content
    std::map<std::string, int32_t, std::less<>> added_ids_;  // content to id
    uint32_t n_entries_ = 0, n_indexed_ = 0;
};

struct Merge {
    uint32_t rank, id;
};

// (left id, right id) to (rank, id of the result).
class Merges {
public:
    void reserve(size_t n);
    // A pair that comes twice keeps its later rank, as in HF tokenizers.
    void add(int32_t left, int32_t right, Merge merge);
    const Merge* find(int32_t left, int32_t right) const {
        if (slots_.empty()) return nullptr;
        const uint64_t key = key_of(left, right);
        for (size_t i = hash(key) & mask_;; i = (i + 1) & mask_) {
            if (slots_[i].key == key) return &slots_[i].merge;
            if (slots_[i].key == kFree) return nullptr;
        }
    }
    void prefetch(int32_t left, int32_t right) const {
        if (!slots_.empty()) __builtin_prefetch(&slots_[hash(key_of(left, right)) & mask_], 1);
    }
    size_t size() const { return n_; }

private:
    static constexpr uint64_t kFree = ~0ull;
    struct Slot {
        uint64_t key = kFree;
        Merge merge{};
    };
    static uint64_t key_of(int32_t left, int32_t right) {
        return (static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32) |
               static_cast<uint32_t>(right);
    }
    static size_t hash(uint64_t key) {
        key *= 0x9e3779b97f4a7c15ull;
        return static_cast<size_t>(key ^ (key >> 32));
    }
    void resize(size_t capacity);
    std::vector<Slot> slots_;
    size_t n_ = 0, mask_ = 0;
};

}  // namespace afs::bpe
