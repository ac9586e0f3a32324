#include "conformance/suite/suite.hpp"

#include <algorithm>
#include <chrono>
#include <set>

#include "conformance/suite/journal.hpp"
#include "conformance/suite/shrink.hpp"

namespace afs::conformance {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// One failure of each sort is shrunk: those that look alike are one bug.
void shrink_failures(Pool& pool, Level level, std::vector<CaseResult>& results,
                     const std::function<bool()>& stop) {
    constexpr size_t kMostKinds = 24;  // an op's first failure counts twice
    const size_t most_runs = level == Level::quick ? 60 : 200;
    const auto end = Clock::now() + std::chrono::seconds(level == Level::quick ? 10 : 60);
    std::set<std::string> seen;
    for (CaseResult& r : results) {
        if (!is_fault(r.ending) || r.ending == Ending::skipped || r.ending == Ending::hung ||
            r.op.empty())
            continue;
        const std::string any = r.op + ending_name(r.ending);
        if (r.looks_like.empty() && seen.count(any)) continue;
        seen.insert(any);
        if (!seen.insert(any + r.looks_like).second && !r.looks_like.empty()) continue;
        const auto spec = parse_case(r.id);
        if (!spec || seen.size() > kMostKinds || (stop && stop())) continue;
        const Shrunk small = shrink(
            *spec, r, [&](const std::string& id) { return pool.run_one(id); }, most_runs, end);
        r.smallest = small.spec.id();
        // A smaller case may say more clearly what it is.
        if (r.looks_like.empty()) r.looks_like = small.result.looks_like;
    }
}

// What the results of a journal are of. A plugin's options may choose other kernels.
std::string journal_identity(const SuiteRequest& request, const SubjectFacts& facts,
                             const std::string& sha256) {
    std::string identity =
        facts.name + " " + sha256.substr(0, 16) + " suite " + std::to_string(kSuiteVersion);
    for (const auto& [key, value] : request.subject.options) identity += " " + key + "=" + value;
    return identity;
}

}  // namespace

std::vector<std::string> SuiteRequest::narrowed_by() const {
    std::vector<std::string> out;
    for (const auto& [flag, values] :
         {std::pair("--case ", &only), std::pair("--op ", &ops), std::pair("--group ", &groups)})
        for (const std::string& value : *values) out.push_back(flag + value);
    if (n_random > 0) out.push_back("--random " + std::to_string(n_random));
    if (n_random > 0 && first_random > 0) out.push_back("--seed " + std::to_string(first_random));
    return out;
}

void Tally::count(const CaseResult& r) {
    ++cases;
    seconds += r.seconds;
    passed += r.ending == Ending::passed;
    declined += r.ending == Ending::declined;
    waived += is_fault(r.ending) && !r.waiver.empty();
    failed += is_fault(r.ending) && r.waiver.empty();
}

size_t SuiteResult::n_faults() const {
    return static_cast<size_t>(std::count_if(results.begin(), results.end(), [](const auto& r) {
        return is_fault(r.ending) && r.waiver.empty();
    }));
}

size_t SuiteResult::n_ops() const {
    return static_cast<size_t>(
        std::count_if(ops.begin(), ops.end(), [](const auto& each) { return each.second; }));
}

bool SuiteResult::judged_something() const {
    const bool kernels = facts.kind == "kernels";
    if (kernels && !ops.empty()) return n_ops() > 0;
    return std::any_of(results.begin(), results.end(), [kernels](const CaseResult& r) {
        // Of kernels it may be all that was asked for.
        return (kernels || r.group != "abi") && r.ending != Ending::declined;
    });
}

bool SuiteResult::passed() const {
    return !stopped && judged_something() && n_faults() == 0 && stale_waivers.empty();
}

bool SuiteResult::conformant() const {
    return passed() && narrowed_by.empty();
}

std::map<std::string, Tally> SuiteResult::by_group() const {
    std::map<std::string, Tally> all;
    for (const CaseResult& r : results) all[r.group].count(r);
    return all;
}

std::map<std::string, Tally> SuiteResult::by_op() const {
    std::map<std::string, Tally> all;
    for (const CaseResult& r : results)
        if (!r.op.empty()) all[r.op].count(r);
    return all;
}

Result<SuiteResult> run_suite(const SuiteRequest& request) {
    const auto start = Clock::now();
    SuiteResult out;
    out.level = request.level;
    out.narrowed_by = request.narrowed_by();
    out.path = request.subject.path;
    Pool pool(request.subject, request.pool);
    AFS_ASSIGN(out.facts, pool.open());
    AFS_ASSIGN(out.sha256, file_sha256(request.subject.path));
    const auto& tables = out.facts.provides;
    const bool claims = std::find(tables.begin(), tables.end(), "afs.graph/1") != tables.end();
    const std::vector<std::string> ids = !request.only.empty() ? request.only
                                         : out.facts.kind == "kernels"
                                             ? kernel_ids(request, claims)
                                             : other_ids(request, out.facts.kind);
    AFS_ASSIGN(Journal journal,
               Journal::open(request.journal, journal_identity(request, out.facts, out.sha256)));
    std::vector<std::string> open;
    std::map<std::string, CaseResult> done = journal.known();
    for (const std::string& id : ids)
        if (!done.count(id)) open.push_back(id);
    out.n_resumed = ids.size() - open.size();
    uint64_t n_done = out.n_resumed;
    pool.run(
        open,
        [&](CaseResult r) {
            journal.add(r);
            if (request.progress) request.progress(++n_done, ids.size());
            done[r.id] = std::move(r);
        },
        request.stop);
    for (const std::string& id : ids)
        if (const auto it = done.find(id); it != done.end()) out.results.push_back(it->second);
    out.stopped = out.results.size() < ids.size();
    if (request.shrink && !out.stopped)
        shrink_failures(pool, request.level, out.results, request.stop);
    out.stale_waivers = apply_waivers(request.waivers, out.facts.device, out.results);
    if (out.facts.kind == "kernels")
        for (const CaseResult& r : out.results)
            if (!r.op.empty())
                out.ops[r.op] =
                    out.ops[r.op] || (r.ending != Ending::declined && r.ending != Ending::skipped);
    if (out.narrowed_by.empty())
        for (const Profile& profile : request.profiles)
            out.profiles.push_back(judge_profile(profile, request.level, out.results));
    out.seconds = since(start);
    return out;
}

}  // namespace afs::conformance
