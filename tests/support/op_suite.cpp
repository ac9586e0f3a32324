#include "support/op_suite.hpp"

#include <algorithm>
#include <stdexcept>

#include "conformance/cases/make_case.hpp"
#include "conformance/judge/judgement.hpp"

namespace afs::test {

using namespace conformance;

void each_case(const std::string& op, const std::vector<int32_t>& dtypes,
               const std::vector<int32_t>& stored, const Visit& visit, size_t stride) {
    const auto among = [](const std::vector<int32_t>& all, int32_t dtype) {
        return std::find(all.begin(), all.end(), dtype) != all.end();
    };
    size_t n_seen = 0;
    for (const CaseSpec& spec : op_cases(op, Level::full)) {
        if (!among(dtypes, spec.act) || !among(stored, spec.stored) || n_seen++ % stride) continue;
        const auto made = make_case(spec);
        if (!made) throw std::logic_error(made.status().message());
        visit(spec.id(), *made);
    }
}

Tally run_suite(KernelBackend& backend, const std::string& op, const std::vector<int32_t>& dtypes,
                const std::vector<int32_t>& stored, Device* device, size_t stride) {
    constexpr size_t kShown = 12;
    Tally tally;
    const auto note = [&](const std::string& id, const std::string& what) {
        if (tally.failures.size() < kShown) tally.failures.push_back(id + ": " + what);
    };
    each_case(
        op, dtypes, stored,
        [&](const std::string& id, const OpCase& c) {
            ++tally.listed;
            const Outcome o = run(backend, c, device);
            if (o.refused) {
                ++tally.declined;
                note(id, "declined: " + o.status.message());
                return;
            }
            ++tally.judged;
            const std::string fault = fault_of(c, o);
            if (fault.empty()) return;
            ++tally.failed;
            note(id, fault);
        },
        stride);
    return tally;
}

std::string Tally::text(const std::string& op) const {
    std::string text = op + ": " + std::to_string(listed) + " cases, " + std::to_string(judged) +
                       " judged, " + std::to_string(declined) + " declined, " +
                       std::to_string(failed) + " failed";
    for (const std::string& failure : failures) text += "\n  " + failure;
    return text;
}

}  // namespace afs::test
