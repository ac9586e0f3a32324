#include "engine/detokeniser.hpp"

#include <algorithm>

#include "afs/tokenizer.hpp"

namespace afs {

void Detokeniser::follow(const std::vector<int32_t>& ids) {
    if (!tokenizer_) return;
    const size_t n = std::min(ids.size(), kWindow / 2);
    window_.assign(ids.end() - static_cast<std::ptrdiff_t>(n), ids.end());
    if (tokenizer_->decode(window_.data(), n, flags_, before_).ok()) return;
    window_.clear();
    before_.clear();
}

Result<std::string> Detokeniser::push(int32_t id) {
    if (!tokenizer_) return invalid("cannot make text of tokens: no tokenizer was given");
    window_.push_back(id);
    AFS_TRY(tokenizer_->decode(window_.data(), window_.size(), flags_, both_));
    // A tokenizer that rewrites earlier bytes cannot be streamed; keep what is common.
    size_t common = 0;
    while (common < before_.size() && common < both_.size() && both_[common] == before_[common])
        ++common;
    std::string added = both_.substr(common);
    if (window_.size() > kWindow) {
        window_.erase(window_.begin(), window_.begin() + kWindow / 2);
        AFS_TRY(tokenizer_->decode(window_.data(), window_.size(), flags_, both_));
    }
    before_.swap(both_);
    return added;
}

}  // namespace afs
