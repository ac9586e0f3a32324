// One request driven to its end, its text streamed as it comes: what generate and chat share.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "engine/engine.hpp"

namespace afs {

class Runtime;

struct Answer {
    std::string text;
    std::vector<int32_t> ids;
    FinishReason finish = FinishReason::none;
    double first_token_seconds = 0;  // since it was submitted
    uint64_t prompt_tokens = 0;      // processed for it
    double prefill_seconds = 0, decode_seconds = 0;
};

struct AnswerOptions {
    bool print = true;          // to standard output, as it comes
    uint32_t decode_flags = 0;  // AFS_DECODE_*
    std::function<void(const TokenEvent&)> on_token = {};
};

// Runs until the answer ends, or an interrupt cancels it: then its finish says so. Filled as far as
// it came where the status is an error.
Status stream_answer(Runtime& runtime, const Request& request, const AnswerOptions& options,
                     Answer& answer);

// "prompt 4 tokens, 261.9 tok/s; generated 158 tokens, 150.5 tok/s"
std::string speeds(const Answer& answer);

}  // namespace afs
