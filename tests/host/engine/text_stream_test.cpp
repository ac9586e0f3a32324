// Streaming never splits a character, never shows part of a stop string, and loses no byte.
#include <catch2/catch.hpp>

#include "engine/text_stream.hpp"
#include "host/engine/byte_tokenizer.hpp"

using afs_test::ByteTokenizer;

namespace {

std::vector<std::string> pieces_of(const std::string& text, std::vector<std::string> stops = {}) {
    ByteTokenizer tokenizer;
    afs::TextStream stream(&tokenizer, std::move(stops));
    std::vector<std::string> pieces;
    for (const char c : text) {
        auto piece = stream.push(static_cast<unsigned char>(c));
        REQUIRE(piece.ok());
        pieces.push_back(*piece);
    }
    pieces.push_back(stream.finish());
    return pieces;
}
std::string joined(const std::vector<std::string>& pieces) {
    std::string text;
    for (const std::string& piece : pieces) text += piece;
    return text;
}

}  // namespace

TEST_CASE("characters come out whole") {
    const std::string text = "a\u00e9\u20ac\U0001f600z\u00df";
    const auto pieces = pieces_of(text);
    CHECK(joined(pieces) == text);
    for (const std::string& piece : pieces) {
        CHECK(afs::incomplete_utf8(piece) == 0);
        if (!piece.empty()) CHECK((static_cast<unsigned char>(piece[0]) & 0xc0) != 0x80);
    }
    CHECK(pieces[0] == "a");
    CHECK(pieces[1].empty());
    CHECK(pieces[2] == "\u00e9");
}

TEST_CASE("what follows a prompt keeps its first space") {
    ByteTokenizer tokenizer({" once", " upon"});
    const auto first = [&](const std::vector<int32_t>& prompt) {
        afs::TextStream stream(&tokenizer);
        stream.follow(prompt);
        const std::string start = *stream.push(257);
        return start + *stream.push(256);
    };
    CHECK(first({}) == "upon once");
    CHECK(first({256}) == " upon once");
    CHECK(first({256, 257, 'x', 256, 257, 256, 257}) == " upon once");
    CHECK(first({-7}) == "upon once");  // no id of this tokenizer: as if nothing came before
}

TEST_CASE("bytes that form no character are neither held for ever nor lost") {
    CHECK(pieces_of("\xff"
                    "a")[0] == "\xff");
    CHECK(joined(pieces_of("a\xe2\x82")) == "a\xe2\x82");  // the text ends inside one
    CHECK(joined(pieces_of("\xe2\x82"
                           "bc")) ==
          "\xe2\x82"
          "bc");  // another one starts inside
    CHECK(joined(pieces_of("\x80\x80\x80\x80")) == "\x80\x80\x80\x80");
    CHECK(pieces_of("\xc0z")[0] == "\xc0");  // starts no character
}

TEST_CASE("a stop string ends the text before it, wherever the tokens cut it") {
    struct Case {
        const char* title;
        std::string text;
        std::vector<std::string> stops;
        std::string shown;
    };
    const Case cases[] = {
        {"none", "hello", {}, "hello"},
        {"at once", "STOPx", {"STOP"}, ""},
        {"in the middle", "abSTOPcd", {"STOP"}, "ab"},
        {"a prefix that comes to nothing", "abSTOabSTx", {"STOP"}, "abSTOabSTx"},
        {"a prefix at the end is flushed", "abSTO", {"STOP"}, "abSTO"},
        {"a prefix that starts again", "aab", {"ab"}, "a"},
        {"the earlier of two", "xyz", {"z", "y"}, "x"},
        {"empty strings stop nothing", "xyz", {""}, "xyz"},
        {"inside a character's neighbours", "\u20ac\u00e9x", {"\u00e9"}, "\u20ac"},
    };
    for (const Case& c : cases) {
        INFO(c.title);
        const auto pieces = pieces_of(c.text, c.stops);
        CHECK(joined(pieces) == c.shown);
        for (size_t i = 0; i + 1 < pieces.size(); ++i)  // nothing that may be part of a stop
            for (const std::string& stop : c.stops)
                CHECK((stop.empty() || pieces[i].find(stop[0]) == std::string::npos ||
                       c.shown.find(stop[0]) != std::string::npos));
    }
}

TEST_CASE("one token may hold several characters and a stop string") {
    ByteTokenizer tokenizer({"one two", " END three"});
    afs::TextStream stream(&tokenizer, {"END"});
    CHECK(*stream.push(256) == "one two");
    CHECK(*stream.push(257) == " ");
    CHECK(stream.stopped());
    CHECK(stream.push('x')->empty());
    CHECK(stream.finish().empty());
}

TEST_CASE("tokens are decoded with their neighbours: only the first space of a text is dropped") {
    ByteTokenizer tokenizer({" a", " b"});
    afs::TextStream stream(&tokenizer);
    std::string text;
    for (int i = 0; i < 40; ++i) text += *stream.push(256 + i % 2);
    text += stream.finish();
    std::string expected = "a";
    for (int i = 1; i < 40; ++i) expected += i % 2 ? " b" : " a";
    CHECK(text == expected);
}

TEST_CASE("a tokenizer's error is passed on, as is a missing tokenizer") {
    ByteTokenizer tokenizer;
    afs::TextStream stream(&tokenizer);
    CHECK(stream.push(300).status().message() == "no such id");
    afs::TextStream none(nullptr);
    CHECK(none.push(1).status().message() == "cannot make text of tokens: no tokenizer was given");
}
