// Finds stop strings in the bytes of a growing text, across the boundaries of its pieces.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace afs {

class StopStrings {
public:
    StopStrings() = default;
    explicit StopStrings(std::vector<std::string> strings);  // empty ones are ignored

    bool any() const { return longest_ > 0; }
    // Takes further bytes; true when a stop string is complete. What take_rest() then returns ends
    // before the first stop string.
    bool push(std::string_view bytes);
    // After push() returned false: bytes that no stop string can start in any more.
    std::string take_safe();
    // Everything held back: the text ended, or a stop string did.
    std::string take_rest();

private:
    std::vector<std::string> strings_;
    size_t longest_ = 0;
    std::string held_;  // not yet handed out
};

}  // namespace afs
