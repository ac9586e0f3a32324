// What is wrong with one outcome, by rule: H per element, S shape of the error, B bias, X exact.
#pragma once
#include "conformance/judge/judge_case.hpp"

namespace afs::conformance {

struct Judgement {
    std::string rules;  // those that broke, of "HSBX"; empty: nothing is wrong
    std::string text;   // one line: the rules, the worst element, its numbers
    size_t worst = 0;   // its index, in rows of `cols`
    size_t cols = 1;
    double got = 0, want = 0, ulps = 0;
    // How far along each rule: |error| over its bound, RMS over its limit, mean over its limit.
    double h = 0, s = 0, b = 0;
    double nmse = 0;       // sum of squared errors over sum of squares, where r is finite
    bound::Judged judged;  // of ops with a bound
    bool ok() const { return rules.empty(); }
};

// The outcome's status is OK.
Judgement judgement(const OpCase& c, const Outcome& o);

// What is wrong with an outcome in one line; empty: nothing.
std::string fault_of(const OpCase& c, const Outcome& o);

// "row 3, column 17"
std::string element_name(size_t index, size_t cols);

}  // namespace afs::conformance
