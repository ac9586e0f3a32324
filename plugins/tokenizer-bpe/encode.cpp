#include "afs/utf8.hpp"
#include "tokenizer.hpp"

namespace afs::bpe {

Status BpeTokenizer::ready() const {
    return loaded_ ? Status() : invalid("no tokenizer is loaded: call load first");
}

Status BpeTokenizer::encode(std::string_view text, uint32_t flags, std::vector<int32_t>& ids) {
    AFS_TRY(ready());
    constexpr uint32_t kKnown = AFS_ENCODE_ADD_SPECIAL | AFS_ENCODE_PARSE_SPECIAL;
    if (flags & ~kKnown) return invalid("unknown encode flags " + std::to_string(flags & ~kKnown));
    const Definition& definition = loaded_->definition;
    const bool add_special = (flags & AFS_ENCODE_ADD_SPECIAL) != 0;
    ids.clear();
    if (add_special) ids = definition.prefix;
    for (size_t at = 0; at < text.size();) {
        const size_t end = utf8_valid_until(text, at);
        if (end > at)
            AFS_TRY(encode_valid(text.substr(at, end - at), (flags & AFS_ENCODE_PARSE_SPECIAL) != 0,
                                 at == 0, ids));
        at = end;
        if (at < text.size()) AFS_TRY(loaded_->bpe.encode(text.substr(at++, 1), ids));
    }
    if (add_special) ids.insert(ids.end(), definition.suffix.begin(), definition.suffix.end());
    return {};
}

// starts: the text is not the continuation of something after an invalid byte.
Status BpeTokenizer::encode_valid(std::string_view text, bool parse_special, bool starts,
                                  std::vector<int32_t>& ids) {
    stretches_.clear();
    loaded_->raw.find(text, {0, text.size()}, parse_special, stretches_);
    for (const Stretch& outer : stretches_) {
        inner_.assign(1, outer);
        if (outer.id < 0 && !loaded_->normalized.empty()) {
            inner_.clear();
            loaded_->normalized.find(text, outer.span, parse_special, inner_);
        }
        for (const Stretch& stretch : inner_) {
            if (stretch.id >= 0) {
                ids.push_back(stretch.id);
                continue;
            }
            const bool prefix =
                loaded_->definition.add_prefix_space && (starts || stretch.span.begin > 0);
            AFS_TRY(
                encode_plain(text.substr(stretch.span.begin, stretch.span.size()), prefix, ids));
        }
    }
    return {};
}

// Text without added tokens. The byte-level step splits piece by piece, since it may put a space
// before each.
Status BpeTokenizer::encode_plain(std::string_view text, bool prefix_space,
                                  std::vector<int32_t>& ids) {
    AFS_TRY(loaded_->splits.split(text, pieces_));
    for (const Span& span : pieces_) {
        std::string_view piece = text.substr(span.begin, span.size());
        if (prefix_space && piece[0] != ' ') {
            spaced_.assign(1, ' ');
            spaced_.append(piece);
            piece = spaced_;
        }
        AFS_TRY(loaded_->byte_level.split(piece, pretokens_));
        for (const Span& pretoken : pretokens_)
            AFS_TRY(loaded_->bpe.encode(piece.substr(pretoken.begin, pretoken.size()), ids));
    }
    return {};
}

}  // namespace afs::bpe
