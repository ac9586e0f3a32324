// Which cases a kernels plugin gets, beside those of the profiles: a few of each check for every
// op, and the whole list of the numeric ones.
#include <algorithm>
#include <set>

#include "conformance/checks/abi_checks.hpp"
#include "conformance/checks/kernel_checks.hpp"
#include "conformance/suite/suite.hpp"

namespace afs::conformance {
namespace {

constexpr int32_t kReal[] = {AFS_F32, AFS_BF16, AFS_F16};

// Cases of other checks are small ones of the numeric list.
std::vector<CaseSpec> examples(const std::string& op, int32_t dtype, size_t n) {
    std::vector<CaseSpec> some;
    for (const CaseSpec& each : op_cases(op, Level::quick)) {
        if (each.act != dtype || each.stored != dtype || each.family != "normal") continue;
        some.push_back(each);
    }
    std::vector<CaseSpec> chosen;  // spread over the list
    for (size_t i = 0; i < std::min(n, some.size()); ++i)
        chosen.push_back(some[i * some.size() / std::min(n, some.size())]);
    return chosen;
}

class Ids {
public:
    explicit Ids(const SuiteRequest& request) : request_(request) {}
    void add(CaseSpec spec, const std::string& check, const std::string& group) {
        const bool asked = request_.n_random > 0 && check == "random";
        if (!asked && !wanted(group)) return;
        spec.check = check;
        std::string id = spec.id();
        if (seen_.insert(id).second) ids_.push_back(std::move(id));
    }
    void add(const std::string& id, const std::string& group) {
        if (wanted(group) && seen_.insert(id).second) ids_.push_back(id);
    }
    std::vector<std::string> take() { return std::move(ids_); }

private:
    bool wanted(const std::string& group) const {
        if (request_.only_random()) return false;
        return request_.groups.empty() || std::find(request_.groups.begin(), request_.groups.end(),
                                                    group) != request_.groups.end();
    }
    const SuiteRequest& request_;
    std::set<std::string> seen_;
    std::vector<std::string> ids_;
};

}  // namespace

std::vector<std::string> kernel_ids(const SuiteRequest& request, bool claims) {
    Ids ids(request);
    const bool full = request.level == Level::full;
    const std::vector<std::string>& ops = request.ops.empty() ? all_ops() : request.ops;
    const auto among = [&](const std::string& op) {
        return std::find(ops.begin(), ops.end(), op) != ops.end();
    };
    for (const std::string& id : abi_checks("kernels")) ids.add(id, "abi");
    for (const std::string& op : ops)
        for (const int32_t dtype : kReal)
            for (const CaseSpec& c : examples(op, dtype, 1)) ids.add(c, "pure", "contract");
    for (const Profile& profile : request.profiles)
        for (const CaseSpec& need : profile.needs)
            if (among(need.op)) ids.add(need, "offer", "contract");
    for (const std::string& op : ops)
        for (const CaseSpec& c : op_cases(op, request.level)) ids.add(c, "", "numeric");
    for (const Profile& profile : request.profiles)
        for (const CaseSpec& need : profile.needs)
            if (among(need.op)) ids.add(affordable(need, request.level), "", "numeric");
    if (claims && (request.ops.empty() || !request.groups.empty()))
        for (const std::string& id : region_ids(request.subject.files)) ids.add(id, "region");
    for (const std::string& op : ops)
        for (const int32_t dtype : kReal) {
            for (const CaseSpec& c : examples(op, dtype, full ? 6 : 2))
                ids.add(c, "slack", "contract");
            for (const CaseSpec& c : examples(op, dtype, full ? 12 : 3)) {
                ids.add(c, "repeat", "promise");
                ids.add(c, "replay", "promise");
                if (op != "kv_append/1" && op != "sample/1" && op != "embed/1" &&
                    op != "select_rows/1")
                    ids.add(c, "alone", "promise");
            }
        }
    for (const std::string& op : ops)
        for (const CaseSpec& c : examples(op, AFS_BF16, 1)) ids.add(c, "leak", "stress");
    const uint64_t n = request.n_random ? request.n_random : full ? 2000 : 100;
    for (uint64_t i = 0; i < n; ++i)
        ids.add(random_case(request.first_random + i, ops[i % ops.size()]), "random", "stress");
    return ids.take();
}

}  // namespace afs::conformance
