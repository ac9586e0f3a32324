// Judges one plugin: which cases, in workers, with their failures explained and shrunk.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "conformance/cases/case_list.hpp"
#include "conformance/report/case_result.hpp"
#include "conformance/suite/profile.hpp"
#include "conformance/suite/waivers.hpp"
#include "conformance/worker/pool.hpp"

namespace afs::conformance {

// Of the cases and rules: raised when a case is added or a constant of a bound changes.
inline constexpr int kSuiteVersion = 2;

struct SuiteRequest {
    SubjectRequest subject;
    PoolOptions pool;
    Level level = Level::quick;
    std::vector<std::string> only;            // ids to run, nothing else; empty: all
    std::vector<std::string> ops;             // of these; empty: all
    std::vector<std::string> groups;          // of these; empty: all
    uint64_t n_random = 0, first_random = 0;  // 0: as many as the level has
    std::vector<Profile> profiles;
    std::vector<Waiver> waivers;
    std::string journal;  // results so far, read and continued; empty: none
    bool shrink = true;
    std::function<void(uint64_t done, uint64_t total)> progress = {};
    std::function<bool()> stop = {};  // true: end early

    // Random cases that were asked for run alone, or beside the groups that are named.
    bool only_random() const { return n_random > 0 && groups.empty(); }
    // What makes it less than the whole suite: "--op add/1"; empty: nothing.
    std::vector<std::string> narrowed_by() const;
};

struct Tally {
    size_t cases = 0, passed = 0, failed = 0, declined = 0, waived = 0;
    double seconds = 0;
    void count(const CaseResult& r);
};

struct SuiteResult {
    SubjectFacts facts;
    std::string path, sha256;
    Level level = Level::quick;
    std::vector<std::string> narrowed_by;  // as the request's
    std::vector<CaseResult> results;       // in the order of the ids
    std::vector<ProfileVerdict> profiles;
    std::vector<std::string>
        stale_waivers;                // each a line: what it forgives no longer happens, or worse
    std::map<std::string, bool> ops;  // op -> some case of it was judged
    double seconds = 0;
    bool stopped = false;
    size_t n_resumed = 0;

    size_t n_faults() const;        // not waived
    size_t n_ops() const;           // that are offered
    bool judged_something() const;  // an op was offered, a vocabulary read, ..
    bool passed() const;            // all that was asked
    bool conformant() const;        // and that was the whole suite
    std::map<std::string, Tally> by_group() const;
    std::map<std::string, Tally> by_op() const;
};

// NOT OK: the plugin cannot be opened, or a file cannot be read or written.
Result<SuiteResult> run_suite(const SuiteRequest& request);

// The groups that a plugin of a kind has.
std::vector<std::string> groups_of(const std::string& kind);
// The ids of a kernels plugin's suite, in the order they run. claims: it offers afs.graph/1.
std::vector<std::string> kernel_ids(const SuiteRequest& request, bool claims);
// Of another kind's.
std::vector<std::string> other_ids(const SuiteRequest& request, const std::string& kind);

}  // namespace afs::conformance
