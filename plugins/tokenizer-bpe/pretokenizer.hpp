// Cuts text into the pre-tokens that BPE then works on, one by one.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "afs/status.hpp"
#include "definition.hpp"
#include "regex.hpp"

namespace afs::bpe {

class Pretokenizer {
public:
    static Result<Pretokenizer> make(const std::vector<SplitRule>& rules);
    // Replaces spans by the pre-tokens of text (valid UTF-8), in order. What a rule removes is in
    // none of them.
    Status split(std::string_view text, std::vector<Span>& spans);

private:
    struct Step {
        Regex regex;
        Behavior behavior;
        bool invert;
    };
    Status apply(const Step& step, std::string_view text, Span piece);
    void put(const Step& step, Span span, bool matched);

    std::vector<Step> steps_;
    std::vector<Span> out_;  // what the current step has made so far
    bool joins_ = false;     // the next span of this piece may join the last of out_
    bool last_matched_ = false;
};

}  // namespace afs::bpe
