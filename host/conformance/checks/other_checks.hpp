// The checks of plugins that are no kernels: one file a kind. Each opens instances of its own.
#pragma once
#include "conformance/checks/subject.hpp"

namespace afs::conformance {

struct OtherCheck {
    const char* id;  // "model.graphs"
    void (*run)(Subject&, CaseResult&);
};

const std::vector<OtherCheck>& model_checks();
const std::vector<OtherCheck>& tokenizer_checks();
const std::vector<OtherCheck>& env_checks();

// The group of a kind's own checks: the id up to the dot, "env-check" for env.
std::string group_of(const std::string& kind);
const std::vector<OtherCheck>& other_checks(const std::string& kind);
CaseResult check_other(Subject& s, const std::string& id);

// The plugin's own failure: threw, else refused with what was being done.
void other_fail(CaseResult& r, const std::string& doing, const Status& status);

}  // namespace afs::conformance
