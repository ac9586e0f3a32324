#include "encoder.hpp"

#include <sentencepiece_processor.h>

#include <limits>

namespace afs::spm {
namespace {

Status status_of(const sentencepiece::util::Status& status) {
    return status.ok() ? Status() : invalid("SentencePiece: " + status.ToString());
}

Status open(const Model& model, bool dummy_prefix,
            std::unique_ptr<sentencepiece::SentencePieceProcessor>& out) {
    out = std::make_unique<sentencepiece::SentencePieceProcessor>();
    return status_of(out->LoadFromSerializedProto(serialize(model, dummy_prefix)));
}

}  // namespace

Encoder::Encoder() = default;
Encoder::Encoder(Encoder&&) noexcept = default;
Encoder& Encoder::operator=(Encoder&&) noexcept = default;
Encoder::~Encoder() = default;

Result<Encoder> Encoder::make(const Model& model) {
    Encoder made;
    made.prefix_ = model.add_dummy_prefix;
    AFS_TRY(open(model, false, made.plain_));
    const bool as_it_is = model.charsmap.empty() && !model.remove_extra_whitespaces;
    if (made.prefix_ && !as_it_is) AFS_TRY(open(model, true, made.prefixing_));
    if (WordCuts::possible(model)) made.cuts_.emplace(model);
    return made;
}

Status Encoder::encode(std::string_view text, bool begins, std::vector<int32_t>& ids) {
    if (text.empty()) return {};
    if (begins && prefixing_) return ask(*prefixing_, text, ids);
    if (begins && prefix_) {
        spaced_.assign(1, ' ');
        spaced_.append(text);
        text = spaced_;
    }
    return cuts_ ? encode_words(text, ids) : ask(*plain_, text, ids);
}

Status Encoder::ask(const Processor& processor, std::string_view text, std::vector<int32_t>& ids) {
    if (text.size() > static_cast<size_t>(std::numeric_limits<int>::max()) / 4)
        return invalid("cannot encode " + std::to_string(text.size()) +
                       " bytes at once: expected at most 536870911");
    AFS_TRY(status_of(processor.Encode(text, &answer_)));
    ids.insert(ids.end(), answer_.begin(), answer_.end());
    return {};
}

Status Encoder::encode_words(std::string_view text, std::vector<int32_t>& ids) {
    for (size_t at = 0; at < text.size();) {
        const size_t end = cuts_->end(text, at);
        const std::string_view word = text.substr(at, end - at);
        at = end;
        if (cache_.append(word, ids)) continue;
        const size_t before = ids.size();
        AFS_TRY(ask(*plain_, word, ids));
        cache_.keep(word, ids.data() + before, ids.size() - before);
    }
    return {};
}

}  // namespace afs::spm
