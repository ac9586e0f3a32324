#include "afs/utf8.hpp"
#include "tokenizer.hpp"

namespace afs::spm {

Status SentencePieceTokenizer::ready() const {
    return loaded_ ? Status() : invalid("no tokenizer is loaded: call load first");
}

Status SentencePieceTokenizer::encode(std::string_view text, uint32_t flags,
                                      std::vector<int32_t>& ids) {
    AFS_TRY(ready());
    constexpr uint32_t kKnown = AFS_ENCODE_ADD_SPECIAL | AFS_ENCODE_PARSE_SPECIAL;
    if (flags & ~kKnown) return invalid("unknown encode flags " + std::to_string(flags & ~kKnown));
    const Model& model = loaded_->model;
    const bool add_special = (flags & AFS_ENCODE_ADD_SPECIAL) != 0;
    const bool parse_special = (flags & AFS_ENCODE_PARSE_SPECIAL) != 0;
    ids.clear();
    if (add_special && model.adds_bos) ids.push_back(model.bos_id);
    for (size_t at = 0; at < text.size();) {
        const size_t end = model.byte_fallback ? utf8_valid_until(text, at) : text.size();
        if (end > at) AFS_TRY(encode_valid(text.substr(at, end - at), parse_special, at == 0, ids));
        at = end;
        if (at < text.size()) ids.push_back(loaded_->byte_ids[static_cast<uint8_t>(text[at++])]);
    }
    if (add_special && model.adds_eos) ids.push_back(model.eos_id);
    return {};
}

// starts: the text is not the continuation of something after an invalid byte.
Status SentencePieceTokenizer::encode_valid(std::string_view text, bool parse_special, bool starts,
                                            std::vector<int32_t>& ids) {
    loaded_->added.find(text, parse_special, stretches_);
    for (const Stretch& stretch : stretches_) {
        if (stretch.id >= 0) {
            ids.push_back(stretch.id);
            continue;
        }
        const bool begins = stretch.begin == 0 ? starts : loaded_->model.prefix_after_added;
        AFS_TRY(loaded_->encoder.encode(text.substr(stretch.begin, stretch.end - stretch.begin),
                                        begins, ids));
    }
    return {};
}

}  // namespace afs::spm
