// Which checks a plugin of another kind than kernels gets.
#include <algorithm>

#include "conformance/checks/abi_checks.hpp"
#include "conformance/checks/other_checks.hpp"
#include "conformance/suite/suite.hpp"

namespace afs::conformance {

std::vector<std::string> groups_of(const std::string& kind) {
    if (kind == "kernels") return {"abi", "contract", "numeric", "region", "promise", "stress"};
    return {"abi", group_of(kind)};
}

std::vector<std::string> other_ids(const SuiteRequest& request, const std::string& kind) {
    const auto wanted = [&groups = request.groups](const std::string& group) {
        return groups.empty() || std::find(groups.begin(), groups.end(), group) != groups.end();
    };
    std::vector<std::string> ids;
    if (wanted("abi")) ids = abi_checks(kind);
    if (wanted(group_of(kind)))
        for (const OtherCheck& each : other_checks(kind)) ids.push_back(each.id);
    return ids;
}

}  // namespace afs::conformance
