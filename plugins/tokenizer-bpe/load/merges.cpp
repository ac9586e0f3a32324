// Merges: from text to ids.
#include "afs/utf8.hpp"
#include "byte_alphabet.hpp"
#include "load/load.hpp"

namespace afs::bpe {

MergeResolver::MergeResolver(const Vocabulary& vocabulary, Merges& merges, size_t n)
    : vocabulary_(vocabulary), merges_(merges) {
    merges_.reserve(n);
}

Status MergeResolver::add(std::string_view left, std::string_view right) {
    const bool left_in = bytes_of_token(left, left_);
    const bool right_in = bytes_of_token(right, right_);
    const int32_t left_id = vocabulary_.find(left_, !left_in);
    const int32_t right_id = vocabulary_.find(right_, !right_in);
    const auto whole = [&] { return std::string(left).append(right); };
    const int32_t id = left_in && right_in ? vocabulary_.find(left_.append(right_))
                                           : vocabulary_.find_written(whole());
    if (left_id < 0 || right_id < 0 || id < 0) {
        const std::string missing = left_id < 0    ? std::string(left)
                                    : right_id < 0 ? std::string(right)
                                                   : whole();
        return invalid("merge " + std::to_string(rank_) + " (" + in_quotes(left) + " with " +
                       in_quotes(right) + ") needs token " + in_quotes(missing) +
                       ", which the vocabulary does not have");
    }
    merges_.add(left_id, right_id, {rank_++, static_cast<uint32_t>(id)});
    return {};
}

void PendingMerges::add(const std::string& left, const std::string& right) {
    text_ += left;
    ends_.push_back(text_.size());
    text_ += right;
    ends_.push_back(text_.size());
}

std::pair<std::string_view, std::string_view> PendingMerges::at(size_t i) const {
    const size_t start = i == 0 ? 0 : ends_[2 * i - 1];
    const std::string_view text(text_);
    return {text.substr(start, ends_[2 * i] - start),
            text.substr(ends_[2 * i], ends_[2 * i + 1] - ends_[2 * i])};
}

Status PendingMerges::resolve(const Vocabulary& vocabulary, Merges& merges) const {
    MergeResolver resolver(vocabulary, merges, size());
    for (size_t i = 0; i < size(); ++i) {
        const auto [left, right] = at(i);
        AFS_TRY(resolver.add(left, right));
    }
    return {};
}

}  // namespace afs::bpe
