// The abi group: ids, and the checks of kernels plugins among them.
#pragma once
#include "conformance/checks/subject.hpp"

namespace afs::conformance {

std::vector<std::string> abi_checks(const std::string& kind);
CaseResult check_abi(Subject& s, const std::string& id);

// The first thing that is wrong stays.
void abi_fail(CaseResult& r, const std::string& text, Ending ending = Ending::failed);

void abi_unknown_op(Subject& s, CaseResult& r);
void abi_null_error(Subject& s, CaseResult& r);
void abi_wishes(Subject& s, CaseResult& r);  // cache layouts it would like, how it describes itself
void abi_growth(Subject& s, CaseResult& r);  // structs of a newer host

}  // namespace afs::conformance
