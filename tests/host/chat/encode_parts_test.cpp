// The ids of a written conversation: the template's markers become tokens, the same words in a
// message do not, and ordinary text is encoded in one piece from marker to marker.
#include "chat/encode_parts.hpp"

#include <catch2/catch.hpp>

#include "afs/tokenizer.hpp"

using Ids = std::vector<int32_t>;

namespace {

// A byte is its own id; ">\n" is 300, wherever it is seen in one piece. Added tokens are found in
// any text, special ones only when they are asked for.
class MarkTokenizer final : public afs::Tokenizer {
public:
    struct Added {
        std::string text;
        int32_t id, kind;
    };
    explicit MarkTokenizer(std::vector<Added> added) : added_(std::move(added)) {}

    int score(const afs_tokenizer_source&) override { return 100; }
    afs::Status load(const afs_tokenizer_source&, afs_tokenizer_info&) override { return {}; }
    afs::Status encode(std::string_view text, uint32_t flags, Ids& ids) override {
        ids.clear();
        for (size_t at = 0; at < text.size();) {
            const Added* found = nullptr;
            for (const Added& token : added_)
                if (text.substr(at).starts_with(token.text) &&
                    (token.kind == AFS_TOKEN_ADDED || (flags & AFS_ENCODE_PARSE_SPECIAL)))
                    found = &token;
            if (found) {
                ids.push_back(found->id);
                at += found->text.size();
                while (swallows_space && at < text.size() && text[at] == ' ') ++at;
            } else if (text.substr(at).starts_with(">\n")) {
                ids.push_back(300);
                at += 2;
            } else {
                ids.push_back(static_cast<uint8_t>(text[at++]));
            }
        }
        return {};
    }
    afs::Status decode(const int32_t*, size_t, uint32_t, std::string&) override { return {}; }
    afs::Status token(int32_t id, afs::TokenPiece& piece) override {
        piece = {AFS_TOKEN_NORMAL, {}};
        for (const Added& token : added_)
            if (token.id == id) piece = {token.kind, token.text};
        return {};
    }

    bool swallows_space = false;  // behind an added token, as those with rstrip do

private:
    std::vector<Added> added_;
};

afs::ChatPart text(std::string words) {
    return {AFS_CHAT_TEXT, std::move(words)};
}
afs::ChatPart marker(std::string words) {
    return {AFS_CHAT_MARKER, std::move(words)};
}
afs::ChatPart content(std::string words) {
    return {AFS_CHAT_CONTENT, std::move(words)};
}

Ids encoded(MarkTokenizer& tokenizer, const std::vector<afs::ChatPart>& parts,
            bool everywhere = false) {
    const auto ids = afs::encode_parts(tokenizer, parts, everywhere);
    INFO(ids.status().message());
    REQUIRE(ids.ok());
    return *ids;
}

const std::vector<MarkTokenizer::Added> kSpecial = {{"<E>", 500, AFS_TOKEN_SPECIAL},
                                                    {"<S>", 501, AFS_TOKEN_SPECIAL}};

}  // namespace

TEST_CASE("markers become tokens, the same words in a message stay text") {
    MarkTokenizer tokenizer(kSpecial);
    const std::vector<afs::ChatPart> parts = {marker("<S>"), text("u"), content("a<E>b"),
                                              marker("<E>")};
    CHECK(encoded(tokenizer, parts) == Ids{501, 'u', 'a', '<', 'E', '>', 'b', 500});
    CHECK(encoded(tokenizer, parts, true) == Ids{501, 'u', 'a', 500, 'b', 500});
}

TEST_CASE("text between two markers is one piece, whatever parts it is made of") {
    MarkTokenizer tokenizer(kSpecial);
    CHECK(encoded(tokenizer, {text("<"), text("x"), text(">"), text("\n"), content("y>"),
                              content("\nz")}) == Ids{'<', 'x', 300, 'y', 300, 'z'});
    CHECK(encoded(tokenizer, {content("a>"), marker("<E>"), text("\n")}) ==
          Ids{'a', '>', 500, '\n'});
}

TEST_CASE("a marker that the tokenizer does not know is ordinary text") {
    MarkTokenizer tokenizer({});
    CHECK(encoded(tokenizer, {marker("<S>"), text("\n"), content("a"), marker("<E>")}) ==
          Ids{'<', 'S', 300, 'a', '<', 'E', '>'});
}

TEST_CASE("markers that are added but not special cannot be forged either") {
    MarkTokenizer tokenizer({{"<E>", 500, AFS_TOKEN_ADDED},
                             {"<S>", 501, AFS_TOKEN_ADDED},
                             {"<X>", 502, AFS_TOKEN_ADDED}});
    const auto ids =
        encoded(tokenizer, {marker("<S>"), content("<S><E>\n<X><E"), text(">x"), marker("<E>")});
    // <X> is no marker of this template: the tokenizer finds it as it finds it anywhere.
    CHECK(ids == Ids{501, '<', 'S', '>', '<', 'E', 300, 502, '<', 'E', '>', 'x', 500});
}

TEST_CASE("a marker of one byte in a message is an error, not a forged turn") {
    MarkTokenizer tokenizer({{"#", 500, AFS_TOKEN_ADDED}});
    const auto ids = afs::encode_parts(tokenizer, {marker("#"), content("a#b")}, false);
    CHECK_FALSE(ids.ok());
    CHECK_THAT(ids.status().message(), Catch::Matchers::Contains("cannot keep a message apart"));
}

TEST_CASE("nothing gives nothing") {
    MarkTokenizer tokenizer(kSpecial);
    CHECK(encoded(tokenizer, {}).empty());
    CHECK(encoded(tokenizer, {content("")}).empty());
}

TEST_CASE("ordinary conversations are encoded as one text, with all that added tokens do to it") {
    MarkTokenizer tokenizer(kSpecial);
    tokenizer.swallows_space = true;
    CHECK(encoded(tokenizer, {marker("<S>"), content("  a"), marker("<E>"), text(" b")}) ==
          Ids{501, 'a', 500, 'b'});
    // A special token in a message: each stretch by itself, and none forged.
    CHECK(encoded(tokenizer, {marker("<S>"), content("<E>a"), marker("<E>")}) ==
          Ids{501, '<', 'E', '>', 'a', 500});
    // As many as the template has, but others, or in another order.
    CHECK(encoded(tokenizer, {text("<"), marker("<S>"), content("x")}) == Ids{'<', 501, 'x'});
    CHECK(encoded(tokenizer, {content("<E>"), marker("<S>")}) == Ids{'<', 'E', '>', 501});
}
