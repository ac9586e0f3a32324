// Times several sides fairly: in each round every side runs once in order and once in reverse (A B
// B A), so that drift cancels; engines are made anew between sessions, so that no side keeps a
// lucky place in memory; the base runs twice under two names, and what that differs by is the noise
// floor.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "compare/sides.hpp"
#include "compare/statistics.hpp"
#include "runtime/runtime.hpp"

namespace afs {

struct TimingOptions {
    uint32_t prompt = 0,
             generate = 0;  // tokens; 0: chosen so that a visit is neither short nor long
    double seconds = 12;    // about this long in all
    std::string random_weights;
    const Runtime* weights_of = nullptr;
    std::function<bool()> stop;
    std::function<void(uint64_t done, uint64_t total)> progress;
};

// One side, a value a round.
struct Samples {
    std::vector<double> seconds;  // of its two visits together
    std::vector<double> change;   // log of that over the base's in the same round
};
struct SideTimes {
    std::string name;
    Samples prompt, token;
};

struct Timing {
    uint32_t prompt = 0, generate = 0, n_rounds = 0, n_sessions = 0;
    std::vector<SideTimes> sides;  // as given, then "base again"
    std::string note;              // what had to be done otherwise, and why; may be empty
};

// sides[0] is the base. Where memory does not hold all engines at once, they are compared with the
// base pair by pair.
Result<Timing> time_sides(const std::vector<Side>& sides, const TimingOptions& options);

// How much longer `test` takes than `base`, as a logarithm, with the noise floor of the same run.
struct SpeedVerdict {
    std::string what;                     // "tg32", "pp64"
    Interval change;                      // log(test / base) of the time
    double floor = 0;                     // a change below it is noise
    double base_rate = 0, test_rate = 0;  // tokens a second, medians
    enum class Outcome { faster, slower, none } outcome = Outcome::none;
    // "test is 12.3 % faster (95 %: 11.0 to 13.5)", "no difference shown (..)".
    std::string text(const std::string& test, const std::string& base) const;
};

// again: the base's second name.
SpeedVerdict verdict_of(const std::string& what, uint32_t n_tokens, const Samples& base,
                        const Samples& test, const Samples& again);
// From a change and a floor that are known.
void decide(SpeedVerdict& verdict);

}  // namespace afs
