// The checks of a kernels plugin. numeric: rules H, S, B, X. The others' ids begin with their name:
// repeat@linear/1:...
#pragma once
#include "conformance/cases/case_spec.hpp"
#include "conformance/cases/op_case.hpp"
#include "conformance/checks/subject.hpp"
#include "conformance/run/run_case.hpp"

namespace afs::conformance {

// Each fills the result of one case on one subject.
void check_numeric(Subject& s, const OpCase& c, CaseResult& r);
void check_repeat(Subject& s, const OpCase& c, CaseResult& r);  // P: deterministic, under load
void check_alone(Subject& s, const OpCase& c, CaseResult& r);   // P: a row without its neighbours
void check_replay(Subject& s, const OpCase& c, CaseResult& r);  // P: captured and replayed
void check_slack(Subject& s, const OpCase& c, CaseResult& r);   // limits larger than the step
void check_pure(Subject& s, const OpCase& c, CaseResult& r);    // query: same answer, no trace
void check_leak(Subject& s, const OpCase& c, CaseResult& r);    // hundreds of runs, then of lives

// Programs of afs.graph/1 on checkpoints, "region.<folder's name>.<dtype>"; the subject's files.
std::vector<std::string> region_ids(const std::vector<std::string>& checkpoints);
CaseResult check_region(Subject& s, const std::string& id);

// An outcome that is no result: refused, threw, declined. False: it has one.
bool ended_early(const Outcome& o, CaseResult& r);

// Whether a status says that an exception crossed the contract.
bool threw(const Status& status);

// Bytes that the process holds for itself.
uint64_t resident_bytes();

}  // namespace afs::conformance
