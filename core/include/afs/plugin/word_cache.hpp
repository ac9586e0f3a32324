// Ids of words met before, for tokenizer plugins: text is mostly made of few of them. C++17.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace afs {

// A hash for tables in memory: not stable between versions, no defence against chosen keys.
inline uint64_t hash_bytes(std::string_view bytes) {
    __extension__ typedef unsigned __int128 Wide;
    const auto mix = [](uint64_t a, uint64_t b) {
        const Wide product = static_cast<Wide>(a) * b;
        return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
    };
    const auto word = [](const char* p) {
        uint64_t value;
        std::memcpy(&value, p, sizeof value);
        return value;
    };
    const auto half = [](const char* p) {
        uint32_t value;
        std::memcpy(&value, p, sizeof value);
        return uint64_t{value};
    };
    const auto byte = [](char c) { return uint64_t{static_cast<uint8_t>(c)}; };
    constexpr uint64_t kFirst = 0x9e3779b97f4a7c15ull, kSecond = 0xd6e8feb86659fd93ull;
    const char* p = bytes.data();
    const size_t n = bytes.size();
    uint64_t state = kFirst * (2 * n + 1);
    for (size_t at = 0; at + 8 < n; at += 8) state = mix(state ^ word(p + at), kSecond);
    uint64_t last = 0;  // up to eight bytes at the end, some of them seen before
    if (n >= 8)
        last = word(p + n - 8);
    else if (n >= 4)
        last = half(p) << 32 | half(p + n - 4);
    else if (n > 0)
        last = byte(p[0]) << 16 | byte(p[n / 2]) << 8 | byte(p[n - 1]);
    return mix(mix(state ^ last, kSecond), kFirst);
}

// One place a hash value, so a new word may drive out an old one; 1 MiB in all.
class WordCache {
public:
    // Appends the word's ids; false: not known.
    bool append(std::string_view word, std::vector<int32_t>& ids) const {
        const Entry& entry = entries_[place(word)];
        if (entry.length != word.size() || word.empty() ||
            std::memcmp(entry.text, word.data(), word.size()) != 0)
            return false;
        ids.insert(ids.end(), entry.ids, entry.ids + entry.n_ids);
        return true;
    }
    // A long word, or one of many ids, is not kept.
    void keep(std::string_view word, const int32_t* ids, size_t n_ids) {
        if (word.size() > sizeof Entry::text || n_ids > kIds) return;
        Entry& entry = entries_[place(word)];
        std::copy(word.begin(), word.end(), entry.text);
        std::copy_n(ids, n_ids, entry.ids);  // no ids: may be a null pointer
        entry.length = static_cast<uint8_t>(word.size());
        entry.n_ids = static_cast<uint8_t>(n_ids);
    }

private:
    static constexpr size_t kIds = 8, kEntries = 1 << 14;
    struct Entry {
        int32_t ids[kIds];
        char text[30];
        uint8_t length, n_ids;
    };
    static_assert(sizeof(Entry) == 64, "one cache line");
    static size_t place(std::string_view word) { return hash_bytes(word) % kEntries; }
    std::vector<Entry> entries_ = std::vector<Entry>(kEntries, Entry{});
};

}  // namespace afs
