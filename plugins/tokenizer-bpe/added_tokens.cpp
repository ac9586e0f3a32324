#include "added_tokens.hpp"

#include <algorithm>

#include "afs/utf8.hpp"

namespace afs::bpe {
namespace {

bool is_space(uint32_t c) {
    return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

size_t start_of_last(std::string_view text, size_t end) {
    do --end;
    while ((static_cast<uint8_t>(text[end]) & 0xc0) == 0x80);
    return end;
}

size_t skip_space(std::string_view text, size_t at) {
    for (size_t length = 0; at < text.size(); at += length)
        if (!is_space(utf8_decode(text, at, length))) break;
    return at;
}

size_t skip_space_back(std::string_view text, size_t at) {
    while (at > 0) {
        size_t length = 0;
        const size_t start = start_of_last(text, at);
        if (!is_space(utf8_decode(text, start, length))) break;
        at = start;
    }
    return at;
}

// \w of Rust's regex: Alphabetic, M, Nd, Pc, Join_Control.
const Regex& word_character() {
    static const Regex regex = [] {
        auto made = Regex::compile(
            "[\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{200c}\\x{200d}\\x{24b6}-\\x{24e9}"
            "\\x{1f130}-\\x{1f149}\\x{1f150}-\\x{1f169}\\x{1f170}-\\x{1f189}]");
        return std::move(*made);
    }();
    return regex;
}

bool is_word(std::string_view text, size_t at) {
    Span match;
    bool found = false;
    const Status status =
        word_character().search(text.substr(at, utf8_length(text, at)), 0, match, found);
    return status.ok() && found;
}

}  // namespace

AddedTokens::AddedTokens(const std::vector<AddedToken>& tokens, bool normalized) {
    for (const AddedToken& token : tokens)
        if (token.normalized == normalized) tokens_.push_back(token);
    std::sort(tokens_.begin(), tokens_.end(),
              [](const AddedToken& a, const AddedToken& b) { return a.content < b.content; });
    for (const AddedToken& token : tokens_) starts_[static_cast<uint8_t>(token.content[0])] = true;
    nodes_.emplace_back();
    build(0, 0, 0, tokens_.size());
}

// tokens_[first, last) share their first `depth` bytes, which lead to `node`.
void AddedTokens::build(uint32_t node, size_t depth, size_t first, size_t last) {
    if (first < last && tokens_[first].content.size() == depth)
        nodes_[node].token = static_cast<int32_t>(first++);
    std::vector<std::pair<size_t, size_t>> groups;
    for (size_t i = first; i < last;) {
        size_t end = i;
        while (end < last && tokens_[end].content[depth] == tokens_[i].content[depth]) ++end;
        groups.emplace_back(i, end);
        i = end;
    }
    const uint32_t first_edge = static_cast<uint32_t>(edges_.size());
    nodes_[node].first_edge = first_edge;
    nodes_[node].n_edges = static_cast<uint32_t>(groups.size());
    for (const auto& [begin, end] : groups) {
        edges_.push_back({static_cast<uint8_t>(tokens_[begin].content[depth]),
                          static_cast<uint32_t>(nodes_.size())});
        nodes_.emplace_back();
    }
    for (size_t i = 0; i < groups.size(); ++i)
        build(edges_[first_edge + i].node, depth + 1, groups[i].first, groups[i].second);
}

int32_t AddedTokens::longest_at(std::string_view text, size_t at) const {
    int32_t longest = -1;
    uint32_t node = 0;
    for (;; ++at) {
        if (nodes_[node].token >= 0) longest = nodes_[node].token;
        if (at >= text.size()) return longest;
        const Edge* edge = edges_.data() + nodes_[node].first_edge;
        const Edge* end = edge + nodes_[node].n_edges;
        while (edge != end && edge->byte != static_cast<uint8_t>(text[at])) ++edge;
        if (edge == end) return longest;
        node = edge->node;
    }
}

void AddedTokens::find(std::string_view whole, Span within, bool parse_special,
                       std::vector<Stretch>& out) const {
    const std::string_view text = whole.substr(within.begin, within.size());
    const auto put = [&](size_t begin, size_t end, int32_t id) {
        out.push_back({{within.begin + begin, within.begin + end}, id});
    };
    size_t done = 0;
    for (size_t at = 0; at < text.size();) {
        const int32_t index = starts_[static_cast<uint8_t>(text[at])] ? longest_at(text, at) : -1;
        if (index < 0) {
            ++at;
            continue;
        }
        const AddedToken& token = tokens_[static_cast<size_t>(index)];
        size_t begin = at, end = at + token.content.size();
        at = end;  // also where the match is dropped: matches never overlap
        if (token.special && !parse_special) continue;
        if (token.single_word && ((begin > 0 && is_word(text, start_of_last(text, begin))) ||
                                  (end < text.size() && is_word(text, end))))
            continue;
        if (token.lstrip) begin = std::max(skip_space_back(text, begin), done);
        if (token.rstrip) end = skip_space(text, end);
        if (done < begin) put(done, begin, -1);
        put(begin, end, token.id);
        done = end;
    }
    if (done < text.size()) put(done, text.size(), -1);
}

}  // namespace afs::bpe
