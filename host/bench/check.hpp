// Whether what was timed was right.
//
// Tokens: generation runs captured steps of the decode class, many sequences at once, each step
// enqueued before the last token is read. What it drew is asked again of prompt steps: the sequence
// so far as one prompt, alone, cut into chunks that the timed run did not have. An id is right if
// its logit is the largest, or so near to it that rounding decides: within 0.15 standard deviations
// of the logits (fp32: 0.002). A random id passes once in some 100,000.
//
// Logits: a prompt on the measured kernels, on other kernels in the same dtype, and on these in a
// wider one, which stands for the truth. The measured ones are right if they are as near to the
// truth as the others: at most 1.5 times as far in the mean square, 3 times at the worst.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "engine/engine.hpp"

namespace afs {

// What one sequence of a timed run was given and drew.
struct Drawn {
    std::vector<int32_t> prompt, ids;
};

struct BenchCheck {
    enum class Outcome { right, wrong, impossible } outcome = Outcome::impossible;
    uint32_t n_compared = 0;
    std::string text;  // "3 ids equal prompt steps' "; wrong: what differs; impossible: why
};

struct CheckOptions {
    int32_t n_vocab = 0;
    double tolerance = 0.15;  // in standard deviations of the logits
    std::function<bool()> stop;
};

// Of each sequence the first and the last id, of many sequences some. CANCELLED: stop said so.
Result<BenchCheck> check_tokens(Engine& engine, const std::vector<Drawn>& drawn,
                                const CheckOptions& options);

// Tolerance of check_tokens for activations of a dtype.
double id_tolerance(int32_t dtype);

// All [n] logits of the same prompt; names for the text.
BenchCheck compare_logits(const std::vector<float>& measured, const std::vector<float>& other,
                          const std::vector<float>& truth, const std::string& other_name);

}  // namespace afs
