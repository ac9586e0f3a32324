// Remembered words: what is kept, what is not, what drives out what.
#include "afs/plugin/word_cache.hpp"

#include <catch2/catch.hpp>
#include <set>
#include <string>

TEST_CASE("a word's ids come back, behind what is there") {
    afs::WordCache cache;
    std::vector<int32_t> ids = {7};
    CHECK_FALSE(cache.append("word", ids));
    const int32_t word[] = {1, 2, 3};
    cache.keep("word", word, 3);
    REQUIRE(cache.append("word", ids));
    CHECK(ids == std::vector<int32_t>{7, 1, 2, 3});
    CHECK_FALSE(cache.append("wor", ids));
    CHECK_FALSE(cache.append("words", ids));
    CHECK_FALSE(cache.append("", ids));
    cache.keep("none", nullptr, 0);  // bytes that all lack a token
    CHECK(cache.append("none", ids));
    CHECK(ids.size() == 4);
}

TEST_CASE("long words and long answers are not kept") {
    afs::WordCache cache;
    std::vector<int32_t> ids(9, 5);
    const std::string longest(30, 'x'), longer(31, 'x');
    cache.keep(longest, ids.data(), 8);
    cache.keep(longer, ids.data(), 1);
    cache.keep("short", ids.data(), 9);
    CHECK(cache.append(longest, ids));
    CHECK_FALSE(cache.append(longer, ids));
    CHECK_FALSE(cache.append("short", ids));
}

TEST_CASE("a new word may drive out an old one, never mix with it") {
    afs::WordCache cache;
    size_t kept = 0;
    for (int32_t i = 0; i < 40000; ++i) cache.keep("w" + std::to_string(i), &i, 1);
    for (int32_t i = 0; i < 40000; ++i) {
        std::vector<int32_t> ids;
        if (!cache.append("w" + std::to_string(i), ids)) continue;
        ++kept;
        REQUIRE(ids == std::vector<int32_t>{i});
    }
    CHECK(kept > 10000);
}

TEST_CASE("the hash sees every byte and the length") {
    std::set<uint64_t> seen;
    size_t n = 0;
    for (size_t size = 0; size <= 20; ++size) {
        std::string text(size, '\0');
        CHECK(seen.insert(afs::hash_bytes(text)).second);
        ++n;
        for (size_t at = 0; at < size; ++at)
            for (const char c : {'\1', 'a', '\xff'}) {
                std::string other = text;
                other[at] = c;
                CHECK(seen.insert(afs::hash_bytes(other)).second);
                ++n;
            }
    }
    CHECK(seen.size() == n);
}
