#include "compare/timing.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "trace/workload.hpp"

namespace afs {
namespace {

constexpr double kVisitSeconds = 0.12;                     // of each of its two parts
constexpr uint32_t kTrialPrompt = 32, kTrialGenerate = 8;  // tell how long a token takes
constexpr uint32_t kSessions = 3, kLeastRounds = 2, kMostRounds = 14;

std::vector<int32_t> some_prompt(uint32_t n, int32_t n_vocab) {
    std::vector<int32_t> ids(n);
    for (uint32_t i = 0; i < n; ++i)
        ids[i] = static_cast<int32_t>((i * 2654435761u >> 7) % static_cast<uint32_t>(n_vocab));
    return ids;
}

struct Opened {
    size_t side;  // index into Timing::sides
    std::unique_ptr<Runtime> runtime;
};

class Timer {
public:
    Timer(const std::vector<Side>& sides, const TimingOptions& options)
        : sides_(sides), options_(options) {
        for (const Side& side : sides) timing_.sides.push_back({side.name, {}, {}});
        timing_.sides.push_back({sides[0].name + " again", {}, {}});
        timing_.prompt = options.prompt;
        timing_.generate = options.generate;
    }

    Result<Timing> run() {
        std::vector<std::vector<size_t>> groups = {all()};
        for (uint32_t session = 0; session < kSessions; ++session) {
            Status status = run_session(groups, session);
            if (status.code() == Code::no_memory && session == 0 && groups.size() == 1 &&
                all().size() > 2) {
                timing_.note = "memory does not hold " + std::to_string(all().size()) +
                               " engines at once (" + status.message() +
                               "): each was timed beside the base alone";
                groups = pairs();
                status = run_session(groups, session);
            }
            AFS_TRY(status);
        }
        timing_.n_sessions = kSessions;
        timing_.n_rounds = n_rounds_ * kSessions;
        return std::move(timing_);
    }

private:
    std::vector<size_t> all() const {
        std::vector<size_t> every(timing_.sides.size());
        for (size_t i = 0; i < every.size(); ++i) every[i] = i;
        return every;
    }
    // The base with each other side.
    std::vector<std::vector<size_t>> pairs() const {
        std::vector<std::vector<size_t>> made;
        for (size_t i = 1; i < timing_.sides.size(); ++i) made.push_back({0, i});
        return made;
    }
    const Side& side(size_t index) const {
        return index < sides_.size() ? sides_[index] : sides_[0];
    }

    Result<std::unique_ptr<Runtime>> open(size_t index) {
        const uint32_t prompt = std::max(kTrialPrompt, timing_.prompt),
                       generate = std::max(kTrialGenerate, timing_.generate);
        const std::string what =
            "timing --pp " + std::to_string(prompt) + " and --tg " + std::to_string(generate);
        const uint64_t room = uint64_t{prompt} + generate;
        AFS_ASSIGN(const Config config, with_room(side(index).config, room, 1, what.c_str()));
        RuntimeOptions wanted;
        wanted.tokenizer = false;
        wanted.random_weights = options_.random_weights;
        wanted.weights_of = options_.weights_of;
        AFS_ASSIGN(auto runtime, Runtime::open(config, wanted));
        AFS_TRY(check_context(runtime->engine(), room, what));
        return runtime;
    }

    Result<WorkloadTimes> visit(Runtime& runtime, uint32_t prompt, uint32_t generate) {
        Workload workload;
        workload.n_vocab = valid_ids(runtime);
        workload.prompt = some_prompt(prompt, workload.n_vocab);
        workload.new_tokens = generate;
        return run_workload(runtime.engine(), workload, options_.stop);
    }

    // Sizes and rounds, from how long the base takes.
    Status plan_visits() {
        AFS_ASSIGN(const auto base, open(0));
        AFS_TRY(visit(*base, 8, 2).status());
        AFS_ASSIGN(const WorkloadTimes times, visit(*base, kTrialPrompt, kTrialGenerate));
        const double a_prompt = times.prompt_seconds / kTrialPrompt,
                     a_token = times.token_seconds / kTrialGenerate;
        const auto fit = [](double each, double least, double most) {
            return static_cast<uint32_t>(std::clamp(kVisitSeconds / each, least, most));
        };
        if (!timing_.prompt) timing_.prompt = fit(a_prompt, 16, 512);
        if (!timing_.generate) timing_.generate = fit(a_token, 8, 128);
        const double one = a_prompt * timing_.prompt + a_token * timing_.generate;
        const double per_round = 2 * one * static_cast<double>(timing_.sides.size());
        n_rounds_ = static_cast<uint32_t>(std::clamp(options_.seconds / kSessions / per_round,
                                                     double{kLeastRounds}, double{kMostRounds}));
        return {};
    }

    Status run_session(const std::vector<std::vector<size_t>>& groups, uint32_t session) {
        if (n_rounds_ == 0) AFS_TRY(plan_visits());
        for (size_t g = 0; g < groups.size(); ++g) {
            std::vector<size_t> order = groups[g];
            if (session % 2) std::reverse(order.begin(), order.end());
            std::vector<Opened> opened;
            for (const size_t index : order) {
                AFS_ASSIGN(auto runtime, open(index));
                AFS_TRY(visit(*runtime, timing_.prompt, std::min(4u, timing_.generate)).status());
                opened.push_back({index, std::move(runtime)});
            }
            for (uint32_t round = 0; round < n_rounds_; ++round) {
                AFS_TRY(run_round(opened));
                if (options_.progress)
                    options_.progress((session * groups.size() + g) * n_rounds_ + round + 1,
                                      kSessions * groups.size() * n_rounds_);
            }
        }
        return {};
    }

    // The group's base is among the opened.
    Status run_round(std::vector<Opened>& opened) {
        std::vector<WorkloadTimes> sums(opened.size());
        const auto add = [&](size_t i) -> Status {
            AFS_ASSIGN(const WorkloadTimes times,
                       visit(*opened[i].runtime, timing_.prompt, timing_.generate));
            sums[i].prompt_seconds += times.prompt_seconds;
            sums[i].token_seconds += times.token_seconds;
            return {};
        };
        for (size_t i = 0; i < opened.size(); ++i) AFS_TRY(add(i));
        for (size_t i = opened.size(); i-- > 0;) AFS_TRY(add(i));
        size_t base = 0;
        while (opened[base].side != 0) ++base;
        for (size_t i = 0; i < opened.size(); ++i) {
            SideTimes& times = timing_.sides[opened[i].side];
            times.prompt.seconds.push_back(sums[i].prompt_seconds);
            times.token.seconds.push_back(sums[i].token_seconds);
            times.prompt.change.push_back(
                std::log(sums[i].prompt_seconds / sums[base].prompt_seconds));
            times.token.change.push_back(
                std::log(sums[i].token_seconds / sums[base].token_seconds));
        }
        return {};
    }

    const std::vector<Side>& sides_;
    const TimingOptions& options_;
    Timing timing_;
    uint32_t n_rounds_ = 0;
};

std::string percent(double logarithm) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", 100 * std::abs(std::expm1(logarithm)));
    return text;
}

}  // namespace

Result<Timing> time_sides(const std::vector<Side>& sides, const TimingOptions& options) {
    return Timer(sides, options).run();
}

void decide(SpeedVerdict& v) {
    v.outcome = v.change.high < -v.floor ? SpeedVerdict::Outcome::faster
                : v.change.low > v.floor ? SpeedVerdict::Outcome::slower
                                         : SpeedVerdict::Outcome::none;
}

SpeedVerdict verdict_of(const std::string& what, uint32_t n_tokens, const Samples& base,
                        const Samples& test, const Samples& again) {
    SpeedVerdict v;
    v.what = what;
    std::vector<double> changes;
    for (size_t i = 0; i < std::min(base.change.size(), test.change.size()); ++i)
        changes.push_back(test.change[i] - base.change[i]);
    v.change = paired(changes);
    const Interval noise = paired(again.change);
    v.floor = std::max(std::abs(noise.low), std::abs(noise.high));
    v.base_rate = 2 * n_tokens / median(base.seconds);
    v.test_rate = 2 * n_tokens / median(test.seconds);
    decide(v);
    return v;
}

std::string SpeedVerdict::text(const std::string& test, const std::string& base) const {
    // In tokens a second: the other way round than time.
    const std::string noise = "noise floor " + percent(floor) + " %";
    const double low = -change.high, high = -change.low;
    char range[64];
    std::snprintf(range, sizeof range, "95 %%: %+.1f to %+.1f %%", 100 * std::expm1(low),
                  100 * std::expm1(high));
    if (outcome == Outcome::none)
        return "no difference shown (" + std::string(range) + "; " + noise + ")";
    const double times = std::exp(std::abs(change.estimate));
    if (times >= 2) {
        char text[64];
        std::snprintf(text, sizeof text, " is %.2f times as %s as ", times,
                      outcome == Outcome::faster ? "fast" : "slow");
        return test + text + base + " (" + range + "; " + noise + ")";
    }
    return test + " is " + percent(-change.estimate) + " % " +
           (outcome == Outcome::faster ? "faster" : "slower") + " than " + base + " (" + range +
           "; " + noise + ")";
}

}  // namespace afs
