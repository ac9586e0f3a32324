#include "added_tokens.hpp"

#include <algorithm>

namespace afs::spm {
namespace {

bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
    const auto first = [](const AddedToken& token) {
        return static_cast<uint8_t>(token.content[0]);
    };
    std::sort(tokens_.begin(), tokens_.end(), [&](const AddedToken& a, const AddedToken& b) {
        return first(a) != first(b) ? first(a) < first(b) : a.content.size() > b.content.size();
    });
    for (const AddedToken& token : tokens_) ++first_[first(token) + 1u];
    for (size_t byte = 0; byte < 256; ++byte) first_[byte + 1] += first_[byte];
}

const AddedToken* AddedTokens::longest_at(std::string_view text, size_t at,
                                          bool parse_special) const {
    const auto byte = static_cast<uint8_t>(text[at]);
    for (uint32_t i = first_[byte]; i < first_[byte + 1u]; ++i) {
        const AddedToken& token = tokens_[i];
        if (token.special && !parse_special) continue;
        if (text.compare(at, token.content.size(), token.content) == 0) return &token;
    }
    return nullptr;
}

void AddedTokens::find(std::string_view text, bool parse_special, std::vector<Stretch>& out) const {
    out.clear();
    size_t done = 0;
    for (size_t at = 0; at < text.size();) {
        const AddedToken* token = longest_at(text, at, parse_special);
        if (!token) {
            ++at;
            continue;
        }
        size_t begin = at, end = at + token->content.size();
        if (token->lstrip)
            while (begin > done && is_space(text[begin - 1])) --begin;
        if (token->rstrip)
            while (end < text.size() && is_space(text[end])) ++end;
        if (done < begin) out.push_back({done, begin, -1});
        out.push_back({begin, end, token->id});
        at = done = end;
    }
    if (done < text.size()) out.push_back({done, text.size(), -1});
}

}  // namespace afs::spm
