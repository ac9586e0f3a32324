#include "bench/check.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "afs/abi/tensor.h"

namespace afs {
namespace {

constexpr size_t kSequences = 4;  // of a batch
constexpr uint32_t kLeastChunk = 16, kMostChunks = 64;

std::string format(const char* pattern, double value) {
    char text[64];
    std::snprintf(text, sizeof text, pattern, value);
    return text;
}

// The only request in the engine, to its end.
Result<TokenEvent> run_alone(Engine& engine, Request request) {
    AFS_TRY(engine.submit(std::move(request)).status());
    TokenEvent last;
    while (!engine.idle()) {
        AFS_ASSIGN(std::vector<TokenEvent> events, engine.step());
        if (!events.empty()) last = std::move(events.back());
    }
    return last;
}

// How far below the largest logit that follows the prompt the id's is, in standard deviations.
Result<double> distance(Engine& engine, const std::vector<int32_t>& prompt, int32_t id,
                        const CheckOptions& options) {
    const auto n = static_cast<uint32_t>(prompt.size());
    // Chunks of at least two tokens: a step of one is what is to be checked.
    const uint32_t chunk = std::max(kLeastChunk, n / kMostChunks);
    for (uint32_t end = chunk; end + 2 <= n; end += chunk) {
        if (options.stop && options.stop()) return Status(Code::cancelled, "interrupted");
        Request part;
        part.prompt.assign(prompt.begin(), prompt.begin() + end);
        part.max_new_tokens = 0;
        part.n_vocab = options.n_vocab;
        part.keep_cache = true;
        AFS_TRY(run_alone(engine, std::move(part)).status());
    }
    Request request;
    request.prompt = prompt;
    request.max_new_tokens = 1;
    request.n_vocab = options.n_vocab;
    request.n_logprobs = options.n_vocab;
    AFS_ASSIGN(const TokenEvent event, run_alone(engine, std::move(request)));
    double sum = 0, squares = 0, best = -INFINITY, of_id = NAN;
    for (const auto& [each, logprob] : event.top) {
        sum += logprob;
        squares += double{logprob} * logprob;
        best = std::max(best, double{logprob});
        if (each == id) of_id = logprob;
    }
    const auto count = static_cast<double>(event.top.size());
    const double deviation = std::sqrt(std::max(0.0, squares / count - sum / count * sum / count));
    return (best - of_id) / deviation;
}

}  // namespace

double id_tolerance(int32_t dtype) {
    return dtype == AFS_F32 || dtype == AFS_F64 ? 0.002 : 0.15;
}

Result<BenchCheck> check_tokens(Engine& engine, const std::vector<Drawn>& drawn,
                                const CheckOptions& options) {
    BenchCheck check;
    const size_t n = std::min(drawn.size(), kSequences);
    for (size_t i = 0; i < n; ++i) {
        const size_t s = n < 2 ? 0 : i * (drawn.size() - 1) / (n - 1);
        const Drawn& sequence = drawn[s];
        std::vector<size_t> which = {0};
        if (sequence.ids.size() > 1) which.push_back(sequence.ids.size() - 1);
        for (const size_t k : which) {
            std::vector<int32_t> prompt = sequence.prompt;
            prompt.insert(prompt.end(), sequence.ids.begin(),
                          sequence.ids.begin() + static_cast<ptrdiff_t>(k));
            const auto far = distance(engine, prompt, sequence.ids[k], options);
            if (!far && far.status().code() == Code::unsupported) {
                check.text = far.status().message();
                return check;
            }
            if (!far) return far.status();
            ++check.n_compared;
            if (*far <= options.tolerance) continue;  // not a number: wrong
            check.outcome = BenchCheck::Outcome::wrong;
            check.text = "sequence " + std::to_string(s) + ", token " +
                         std::to_string(prompt.size()) + ": drew id " +
                         std::to_string(sequence.ids[k]) + ", whose logit is " +
                         format("%.3g", *far) +
                         " standard deviations below the largest when the prompt is processed in "
                         "chunks; at most " +
                         format("%g", options.tolerance) + " is rounding";
            return check;
        }
    }
    check.outcome = check.n_compared ? BenchCheck::Outcome::right : BenchCheck::Outcome::impossible;
    check.text = check.n_compared ? std::to_string(check.n_compared) + " ids" : "nothing was drawn";
    return check;
}

BenchCheck compare_logits(const std::vector<float>& measured, const std::vector<float>& other,
                          const std::vector<float>& truth, const std::string& other_name) {
    struct Error {
        double max = 0, squares = 0;
        void add(double e) {
            max = e > max || std::isnan(e) ? e : max;
            squares += e * e;
        }
    };
    BenchCheck check;
    if (truth.empty() || measured.size() != truth.size() || other.size() != truth.size()) {
        check.text = "the logits compared have different sizes";
        return check;
    }
    Error ours, theirs;
    for (size_t i = 0; i < truth.size(); ++i) {
        ours.add(std::fabs(double{measured[i]} - truth[i]));
        theirs.add(std::fabs(double{other[i]} - truth[i]));
    }
    const auto n = static_cast<double>(truth.size());
    const double our_rms = std::sqrt(ours.squares / n), their_rms = std::sqrt(theirs.squares / n);
    check.n_compared = static_cast<uint32_t>(truth.size());
    const bool right = our_rms <= 1.5 * their_rms && ours.max <= 3 * theirs.max;  // NaN: wrong
    check.outcome = right ? BenchCheck::Outcome::right : BenchCheck::Outcome::wrong;
    check.text = "rms error " + format("%.3g", our_rms) + ", largest " + format("%.3g", ours.max) +
                 "; " + other_name + " has " + format("%.3g", their_rms) + " and " +
                 format("%.3g", theirs.max);
    return check;
}

}  // namespace afs
