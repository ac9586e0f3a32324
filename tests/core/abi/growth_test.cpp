// Structs that grow: nobody reads or writes past the smaller of both sides' sizes.
#include <catch2/catch.hpp>
#include <cstring>

#include "afs/kernels.hpp"

namespace {

// The same struct as three generations of the contract would have it.
struct Old {
    uint32_t struct_size, a;
};
struct Now {
    uint32_t struct_size, a;
    uint64_t b;
    uint32_t c[4];
};
struct Next {
    uint32_t struct_size, a;
    uint64_t b;
    uint32_t c[4];
    uint64_t d;
};

}  // namespace

TEST_CASE("read: members that an older maker lacks are 0") {
    struct {
        Old old;
        unsigned char beyond[64];
    } memory;
    std::memset(&memory, 0xaa, sizeof memory);
    memory.old = {sizeof(Old), 7};
    const Now now = afs::read<Now>(&memory.old);
    CHECK(now.struct_size == sizeof(Now));
    CHECK(now.a == 7);
    CHECK(now.b == 0);
    for (const uint32_t c : now.c) CHECK(c == 0);
}

TEST_CASE("read: what a newer maker has beyond is ignored") {
    const Next next = {sizeof(Next), 1, 2, {3, 4, 5, 6}, 99};
    const Now now = afs::read<Now>(&next);
    CHECK(now.struct_size == sizeof(Now));
    CHECK(now.a == 1);
    CHECK(now.b == 2);
    CHECK(now.c[3] == 6);
}

TEST_CASE("read: every size from 0 to beyond gives exactly that many bytes") {
    unsigned char memory[2 * sizeof(Now)];
    for (uint32_t size = 0; size <= sizeof memory; ++size) {
        std::memset(memory, 0xff, sizeof memory);
        std::memcpy(memory, &size, sizeof size);
        const Now now = afs::read<Now>(memory);
        unsigned char got[sizeof now];
        std::memcpy(got, &now, sizeof now);
        INFO("size " << size);
        CHECK(now.struct_size == sizeof(Now));
        for (size_t i = sizeof size; i < sizeof now; ++i) REQUIRE(got[i] == (i < size ? 0xff : 0));
    }
}

TEST_CASE("write: every caller's size keeps its own size and the bytes beyond") {
    for (uint32_t size = sizeof(Old); size <= sizeof(Next); ++size) {
        alignas(8) unsigned char memory[sizeof(Next) + 8];
        std::memset(memory, 0x55, sizeof memory);
        std::memcpy(memory, &size, sizeof size);
        Now filled{};
        std::memset(&filled, 0xee, sizeof filled);
        afs::write(reinterpret_cast<Now*>(memory), filled);
        uint32_t kept;
        std::memcpy(&kept, memory, sizeof kept);
        INFO("size " << size);
        CHECK(kept == size);
        for (size_t i = sizeof size; i < sizeof memory; ++i)
            REQUIRE(memory[i] == (i < size && i < sizeof(Now) ? 0xee : 0x55));
    }
}

TEST_CASE("AFS_HAS: a member counts when all of it fits") {
    Now now{};
    const auto has_c = [&](uint32_t size) {
        now.struct_size = size;
        return AFS_HAS(&now, c);
    };
    CHECK(has_c(sizeof(Now)));
    CHECK(has_c(sizeof(Next)));
    CHECK_FALSE(has_c(sizeof(Now) - 1));
    CHECK_FALSE(has_c(16));
}

TEST_CASE("make zeroes and sizes, put cuts and terminates") {
    const auto error = afs::make<afs_error>();
    CHECK(error.struct_size == sizeof(afs_error));
    CHECK(error.code == 0);
    CHECK(error.message[0] == '\0');
    char text[4] = {'x', 'x', 'x', 'x'};
    afs::put(text, "ab");
    CHECK(std::string(text) == "ab");
    afs::put(text, "abcdef");
    CHECK(std::string(text) == "abc");
    afs::put(text, "");
    CHECK(text[0] == '\0');
}
