#include "conformance/checks/other_checks.hpp"

#include "conformance/checks/abi_checks.hpp"
#include "conformance/checks/kernel_checks.hpp"

namespace afs::conformance {

std::string group_of(const std::string& kind) {
    return kind == "env" ? "env-check" : kind;
}

const std::vector<OtherCheck>& other_checks(const std::string& kind) {
    static const std::vector<OtherCheck> none;
    if (kind == "model") return model_checks();
    if (kind == "tokenizer") return tokenizer_checks();
    return kind == "env" ? env_checks() : none;
}

void other_fail(CaseResult& r, const std::string& doing, const Status& status) {
    abi_fail(r, doing + ": " + status.message(), threw(status) ? Ending::threw : Ending::refused);
}

CaseResult check_other(Subject& s, const std::string& id) {
    CaseResult r;
    r.id = id;
    r.group = group_of(s.file->kind);
    for (const OtherCheck& each : other_checks(s.file->kind))
        if (id == each.id) return each.run(s, r), r;
    abi_fail(r, "a " + s.file->kind + " plugin has no such check", Ending::refused);
    return r;
}

}  // namespace afs::conformance
