// Which checks a plugin of another kind than kernels gets.
#include "conformance/checks/abi_checks.hpp"
#include "conformance/suite/suite.hpp"

namespace afs::conformance {

std::vector<std::string> other_ids(const std::string& kind) {
    return abi_checks(kind);
}

}  // namespace afs::conformance
