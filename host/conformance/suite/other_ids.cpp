// Which checks a plugin of another kind than kernels gets.
#include "conformance/checks/abi_checks.hpp"
#include "conformance/checks/other_checks.hpp"
#include "conformance/suite/suite.hpp"

namespace afs::conformance {

std::vector<std::string> other_ids(const std::string& kind) {
    std::vector<std::string> ids = abi_checks(kind);
    for (const OtherCheck& each : other_checks(kind)) ids.push_back(each.id);
    return ids;
}

}  // namespace afs::conformance
