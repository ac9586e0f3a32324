// A whole comparison: both sides judged, timed and taken apart. The writers beside it turn it into
// a page for the terminal, JSON and a report.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compare/side_judge.hpp"
#include "compare/smallest_set.hpp"
#include "compare/timing.hpp"
#include "report/report.hpp"
#include "trace/trace.hpp"

namespace afs {

struct SideFacts {
    std::string name, kernels, plan, dtype;
    std::vector<Backend> backends;
    uint32_t n_launches = 0, n_copies = 0, n_fallback = 0;  // of a decode step
    std::optional<SideJudgement> judgement;
};

// One kind of unit in a decode step, base against test.
struct Attribution {
    std::string tags, op, base_on, test_on;
    double base_seconds = 0, test_seconds = 0;
    double share = 0;  // of the whole change
};

struct Comparison {
    std::string model, model_origin, machine, made;
    std::vector<std::string> notes;
    uint32_t n_tokens = 0;  // of the judged prompt
    SideFacts base, test;
    std::vector<std::string> changed;  // the settings in which the sides differ
    bool same_kernels = false;         // the plans place every node alike

    // Where it is wrong.
    std::string wrong_side;  // "test", "base", "both"; empty: both are right
    std::optional<SmallestSet> smallest;
    std::vector<std::string> smallest_tags;
    std::string case_folder, conformance, rerun;

    // Where both are right.
    uint32_t n_cut = 0;  // nodes of the base's programs that the test overrides
    std::optional<Timing> timing;
    std::vector<SpeedVerdict> speed;         // test against base, or against the cut base
    std::vector<SpeedVerdict> price_of_cut;  // cut base against base
    std::vector<SpeedVerdict> overall;       // with a cut: test against the fused base
    std::string measurement_error;           // then no speed is shown
    std::vector<Attribution> attribution;
    std::string attribution_of;  // "cut base"; empty: base

    bool single = false;  // the base alone
    bool from_saved = false;
    std::map<std::string, std::string> settings;  // of the base, that must agree between runs

    bool right() const { return wrong_side.empty(); }
};

struct CompareOptions {
    std::string text;           // the judged prompt
    uint32_t judge_tokens = 0;  // 0: as many as the model's size allows
    std::string random_weights;
    std::string case_folder = "compare-case";
    double seconds = 12;
    uint32_t prompt = 0, generate = 0;
    bool timed = true;
    std::function<bool()> stop;
    std::function<void(const std::string& stage, uint64_t done, uint64_t total)> progress;
};

// With test == nullptr the base alone is judged and timed, to be saved.
Result<Comparison> compare(const Side& base, const Side* test, const CompareOptions& options);

std::string comparison_text(const Comparison& comparison);  // at most 25 lines of 100 columns
std::string comparison_json(const Comparison& comparison);
report::Report comparison_report(const Comparison& comparison);

}  // namespace afs
