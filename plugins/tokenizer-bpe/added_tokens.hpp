// Finds added tokens in text, leftmost first and longest among those, as HF tokenizers does.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "definition.hpp"
#include "regex.hpp"

namespace afs::bpe {

// A stretch of text that is one added token, or ordinary text (id -1).
struct Stretch {
    Span span;
    int32_t id = -1;
};

// A trie over the contents of some added tokens.
class AddedTokens {
public:
    AddedTokens() = default;
    // Takes those whose `normalized` has the given value.
    AddedTokens(const std::vector<AddedToken>& tokens, bool normalized);
    bool empty() const { return tokens_.empty(); }

    // Appends the stretches of text[within]. parse_special false: a special token's text stays
    // ordinary text, and hides what it overlaps (HF's encode_special_tokens).
    void find(std::string_view text, Span within, bool parse_special,
              std::vector<Stretch>& out) const;

private:
    struct Node {
        int32_t token = -1;  // index into tokens_
        uint32_t first_edge = 0, n_edges = 0;
    };
    struct Edge {
        uint8_t byte;
        uint32_t node;
    };
    void build(uint32_t node, size_t depth, size_t first, size_t last);
    // The longest token that starts at text[at]; -1: none.
    int32_t longest_at(std::string_view text, size_t at) const;

    std::vector<AddedToken> tokens_;  // sorted by content
    std::vector<Node> nodes_;
    std::vector<Edge> edges_;
    bool starts_[256] = {};
};

}  // namespace afs::bpe
