#include "engine/stop_strings.hpp"

#include <algorithm>
#include <utility>

namespace afs {

StopStrings::StopStrings(std::vector<std::string> strings) : strings_(std::move(strings)) {
    std::erase_if(strings_, [](const std::string& s) { return s.empty(); });
    for (const std::string& s : strings_) longest_ = std::max(longest_, s.size());
}

bool StopStrings::push(std::string_view bytes) {
    held_ += bytes;
    size_t first = std::string::npos;
    for (const std::string& s : strings_) first = std::min(first, held_.find(s));
    if (first == std::string::npos) return false;
    held_.resize(first);
    return true;
}

std::string StopStrings::take_safe() {
    // The longest end of the text that begins some stop string stays.
    size_t keep = longest_ > 0 ? std::min(longest_ - 1, held_.size()) : 0;
    const std::string_view text = held_;
    for (; keep > 0; --keep) {
        const std::string_view end = text.substr(text.size() - keep);
        if (std::any_of(strings_.begin(), strings_.end(), [&](const std::string& s) {
                return s.size() > end.size() && std::string_view(s).substr(0, keep) == end;
            }))
            break;
    }
    std::string safe = held_.substr(0, held_.size() - keep);
    held_.erase(0, held_.size() - keep);
    return safe;
}

std::string StopStrings::take_rest() {
    return std::exchange(held_, {});
}

}  // namespace afs
