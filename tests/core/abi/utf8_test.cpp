// UTF-8 against RFC 3629's table: every code point, every malformed form, quoting for messages.
#include "afs/utf8.hpp"

#include <catch2/catch.hpp>

namespace {

std::string encoded(uint32_t c) {
    const auto byte = [](uint32_t b) { return static_cast<char>(b); };
    if (c < 0x80) return {byte(c)};
    if (c < 0x800) return {byte(0xc0 | c >> 6), byte(0x80 | (c & 63))};
    if (c < 0x10000)
        return {byte(0xe0 | c >> 12), byte(0x80 | (c >> 6 & 63)), byte(0x80 | (c & 63))};
    return {byte(0xf0 | c >> 18), byte(0x80 | (c >> 12 & 63)), byte(0x80 | (c >> 6 & 63)),
            byte(0x80 | (c & 63))};
}

}  // namespace

TEST_CASE("every code point is one character, surrogates are none") {
    for (uint32_t c = 0; c < 0x110000; ++c) {
        const std::string text = encoded(c);
        const bool surrogate = c >= 0xd800 && c < 0xe000;
        if (afs::utf8_length(text, 0) != (surrogate ? 0 : text.size())) FAIL("U+" << std::hex << c);
        size_t length = 0;
        if (!surrogate && (afs::utf8_decode(text, 0, length) != c || length != text.size()))
            FAIL("U+" << std::hex << c);
    }
    CHECK(afs::utf8_length(encoded(0x110000), 0) == 0);
}

TEST_CASE("malformed forms end the valid stretch") {
    for (const char* bad :
         {"\x80", "\xbf", "\xc0\xaf", "\xc1\xbf", "\xc3", "\xc3(", "\xe0\x9f\xbf", "\xe2\x82",
          "\xe2(\xa1", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff"})
        for (const std::string before : {"", "abc", "0123456789\xc3\xa9"}) {
            CHECK(afs::utf8_valid_until(before + bad, 0) == before.size());
            CHECK(afs::utf8_valid_until(before + bad + "12345678", 0) == before.size());
        }
    CHECK(afs::utf8_valid_until("", 0) == 0);
    CHECK(afs::utf8_valid_until("\xff"
                                "ab\xff",
                                1) == 3);
}

TEST_CASE("quotes for messages") {
    CHECK(afs::in_quotes("a\xc3\xa9") == "'a\xc3\xa9'");
    CHECK(afs::in_quotes(std::string("\0\x7f\xff", 3)) == "'\\x00\\x7f\\xff'");
    CHECK(afs::in_quotes(std::string(40, 'x')) == "'" + std::string(40, 'x') + "'");
    CHECK(afs::in_quotes(std::string(41, 'x')) == "'" + std::string(40, 'x') + "\xe2\x80\xa6'");
}
