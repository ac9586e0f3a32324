#include "conformance/suite/self_test.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <set>

namespace afs::conformance {
namespace {

constexpr int64_t kRealWidth = 512;

// How wide the sum or the row of a case is.
int64_t width_of(const CaseSpec& spec) {
    int64_t most = 0;
    for (const char* key : {"k", "d", "v"}) most = std::max(most, spec.number(key));
    const auto sequences = parse_sequences(spec.text("seqs"));
    if (sequences && spec.op == "attention/1")
        for (const auto& [past, now] : *sequences) most = std::max<int64_t>(most, past + now);
    return most;
}

bool name_bug(const SubjectFacts& facts, BugResult& bug) {
    const size_t first = facts.about.find('|'), second = facts.about.find('|', first + 1);
    if (first == std::string::npos || second == std::string::npos) return false;
    bug.name = facts.about.substr(0, first);
    bug.op = facts.about.substr(first + 1, second - first - 1);
    bug.what = facts.about.substr(second + 1);
    return true;
}

void tally(const std::vector<CaseResult>& results, BugResult& bug) {
    std::set<std::string> shapes, shapes_caught, families, families_caught;
    double wide = -1, any = 0;
    for (const CaseResult& r : results) {
        const auto spec = parse_case(r.id);
        if (!spec || r.op != bug.op || r.ending == Ending::declined) continue;
        ++bug.n_cases;
        const bool numeric = spec->check.empty();
        if (numeric) {
            shapes.insert(spec->shape()), families.insert(spec->family);
            if (spec->family == "normal" || spec->family == "uniform") {
                if (width_of(*spec) >= kRealWidth) wide = std::max(wide, r.nmse);
                any = std::max(any, r.nmse);
            }
        }
        if (!is_fault(r.ending)) continue;
        ++bug.n_caught;
        if (numeric) shapes_caught.insert(spec->shape()), families_caught.insert(spec->family);
        std::string& rules = bug.rules[numeric ? spec->family : spec->check];
        for (const char rule : r.rules.empty() ? std::string(ending_name(r.ending)) : r.rules)
            if (rules.find(rule) == std::string::npos) rules += rule;
        // that a promise breaks says little of what is wrong with the results
        if (!r.looks_like.empty()) bug.looks_like[r.looks_like] += numeric ? 1000 : 1;
    }
    bug.n_shapes = shapes.size(), bug.n_shapes_caught = shapes_caught.size();
    bug.n_families = families.size(), bug.n_families_caught = families_caught.size();
    bug.nmse = wide >= 0 ? wide : any;
}

// Every case of one op, without what is none of its business.
SuiteRequest of_bug(const SuiteRequest& request, size_t number, const std::string& op) {
    SuiteRequest one = request;
    one.subject.options["bug"] = std::to_string(number);
    one.profiles.clear();
    one.waivers.clear();
    one.journal.clear();
    one.shrink = false;
    one.ops = {op};
    one.groups = {"contract", "numeric", "promise"};
    one.n_random = 0;
    return one;
}

std::string most_named(const BugResult& bug) {
    std::string best;
    size_t most = 0;
    for (const auto& [text, n] : bug.looks_like)
        if (n > most) most = n, best = text;
    return best;
}

std::string number_text(double value) {
    char text[32];
    std::snprintf(text, sizeof text, std::isfinite(value) ? "%.1e" : "inf", value);
    return text;
}

std::string summary(const SelfTest& test) {
    const auto count = [&](auto holds) {
        return static_cast<size_t>(std::count_if(test.bugs.begin(), test.bugs.end(), holds));
    };
    char text[320];
    std::snprintf(text, sizeof text,
                  "%zu of %zu bugs caught; %zu of them pass NMSE <= 5e-4; %zu show at one shape or "
                  "in one family only\nwithout a bug: %zu cases, %zu rejected",
                  count([](const auto& b) { return b.caught(); }), test.bugs.size(),
                  count([](const auto& b) { return b.caught() && b.passes_nmse(); }),
                  count([](const auto& b) { return b.narrow(); }), test.n_without, test.n_rejected);
    return text;
}

}  // namespace

bool SelfTest::ok() const {
    return !stopped && n_rejected == 0 && !bugs.empty() &&
           std::all_of(bugs.begin(), bugs.end(), [](const BugResult& b) { return b.caught(); });
}

Result<SelfTest> self_test(const SuiteRequest& request) {
    const auto start = std::chrono::steady_clock::now();
    SelfTest test;
    std::vector<BugResult> bugs;
    for (size_t number = 1;; ++number) {
        SubjectRequest subject = request.subject;
        subject.options["bug"] = std::to_string(number);
        Pool pool(subject, request.pool);
        const auto facts = pool.open();
        if (!facts && number == 1) return facts.status();
        BugResult bug;
        if (!facts || !name_bug(*facts, bug)) break;
        bugs.push_back(std::move(bug));
    }
    std::set<std::string> ops;
    for (size_t i = 0; i < bugs.size(); ++i) {
        BugResult& bug = bugs[i];
        if (!request.ops.empty() &&
            std::find(request.ops.begin(), request.ops.end(), bug.op) == request.ops.end())
            continue;
        ops.insert(bug.op);
        SuiteRequest one = of_bug(request, i + 1, bug.op);
        one.progress = [&](uint64_t, uint64_t) {
            if (request.progress) request.progress(i, bugs.size());
        };
        AFS_ASSIGN(const SuiteResult result, run_suite(one));
        tally(result.results, bug);
        test.bugs.push_back(bug);
        if ((test.stopped = result.stopped)) return test;
    }
    for (const std::string& op : ops) {
        AFS_ASSIGN(const SuiteResult right, run_suite(of_bug(request, 0, op)));
        test.n_without += right.results.size();
        test.n_rejected += right.n_faults();
        for (const CaseResult& r : right.results)
            if (is_fault(r.ending)) test.rejected.push_back(r.id + ": " + r.text);
        test.stopped = test.stopped || right.stopped;
    }
    test.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return test;
}

std::string as_text(const SelfTest& test) {
    std::string text =
        "bug                 op             caught  shapes  families  NMSE     rules\n";
    for (const BugResult& bug : test.bugs) {
        std::set<char> all;
        for (const auto& [where, rules] : bug.rules) all.insert(rules.begin(), rules.end());
        char row[200];
        std::snprintf(row, sizeof row, "%-19s %-13s %4zu/%-4zu %3zu/%-3zu  %3zu/%-3zu  %8s  %s\n",
                      bug.name.c_str(), bug.op.c_str(), bug.n_caught, bug.n_cases,
                      bug.n_shapes_caught, bug.n_shapes, bug.n_families_caught, bug.n_families,
                      number_text(bug.nmse).c_str(),
                      bug.caught() ? std::string(all.begin(), all.end()).c_str() : "MISSED");
        text += row;
        const std::string named = most_named(bug);
        if (!named.empty()) text += "    " + named.substr(0, 94) + "\n";
    }
    for (size_t i = 0; i < test.rejected.size() && i < 10; ++i)
        text += "rejected without a bug: " + test.rejected[i] + "\n";
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, " (%.0f s)\n", test.seconds);
    return text + "\n" + summary(test) + seconds;
}

std::string as_markdown(const SelfTest& test) {
    std::set<std::string> columns;
    for (const BugResult& bug : test.bugs)
        for (const auto& [where, rules] : bug.rules) columns.insert(where);
    std::string text = "| bug | op | NMSE |", line = "|---|---|---|";
    for (const std::string& column : columns) text += " " + column + " |", line += "---|";
    text += " named as |\n" + line + "---|\n";
    for (const BugResult& bug : test.bugs) {
        text += "| " + bug.name + " | " + bug.op + " | " + number_text(bug.nmse) + " |";
        for (const std::string& column : columns) {
            const auto it = bug.rules.find(column);
            text += " " + (it == bug.rules.end() ? "" : it->second) + " |";
        }
        text += " " + most_named(bug) + " |\n";
    }
    return text + "\n" + summary(test) + "\n";
}

}  // namespace afs::conformance
