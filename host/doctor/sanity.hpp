// Whether the staged model runs on each backend that works here, and whether they agree.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "afs/config/config.hpp"
#include "doctor/diagnosis.hpp"
#include "doctor/recorded_run.hpp"
#include "report/report.hpp"

namespace afs {

// The runs' findings stand under this name beside those of the env plugins.
inline constexpr const char* kSanityChecks = "sanity";

struct SanityRun {
    std::string kernels;
    Result<RecordedRun> run;
    report::Mark mark = report::Mark::ok;
    std::string verdict;  // "the same 12 tokens as reference"

    double tokens_per_second() const;  // of generation; 0: none
};

struct Sanity {
    std::string prompt;
    std::vector<SanityRun> runs;
    bool ok() const;  // something ran, and nothing that ran disagreed
};

struct SanityOptions {
    uint32_t max_tokens = 12;
    double timeout_seconds = 120;
    std::function<void(const std::string& kernels, size_t tokens)> progress;
    std::string program = "/proc/self/exe";
};

// What to run: the kernels that the command line names, else all that work here; the readable
// backend first where it is among them, for it judges the others.
std::vector<std::string> sanity_kernels(const Config& config, const Diagnosis& diagnosis);

// Greedy, so that two backends that compute the same draw the same.
Sanity run_sanity(const Config& config, const std::vector<std::string>& kernels,
                  const SanityOptions& options = {});

// The verdict on b beside a, which ran well: the same ids, or a first difference where both
// candidates were as likely as rounding leaves open.
void judge(const std::string& a_name, const RecordedRun& a, SanityRun& b);

// Each run as a finding, so that one that failed counts among what failed.
void add_findings(const Sanity& sanity, Diagnosis& out);

// Fills a section; the speeds stand in `timings`, which is momentary.
void write_sanity(const Sanity& sanity, report::Section& section, report::Section& timings);
std::string sanity_json(const Sanity& sanity);  // with every run as a record

}  // namespace afs
