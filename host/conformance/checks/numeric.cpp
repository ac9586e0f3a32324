#include "conformance/checks/kernel_checks.hpp"
#include "conformance/diagnose/diagnose.hpp"

namespace afs::conformance {

bool threw(const Status& status) {
    return status.message().find("threw an exception across the contract") != std::string::npos;
}

bool ended_early(const Outcome& o, CaseResult& r) {
    if (o.status.ok()) return false;
    r.text = o.status.message();
    r.device_lost = o.status.code() == Code::device;
    r.ending = o.refused                            ? Ending::declined
               : threw(o.status)                    ? Ending::threw
               : o.status.code() == Code::no_memory ? Ending::out_of_memory
                                                    : Ending::refused;
    if (o.refused) {
        if (r.text.empty()) {
            r.ending = Ending::refused;
            r.text = "its query says no and gives no reason";
        }
        return true;
    }
    r.text = std::string(o.stage) + ": " + r.text +
             (r.ending == Ending::refused ? " (its query had said yes)" : "");
    return true;
}

void check_numeric(Subject& s, const OpCase& c, CaseResult& r) {
    const Outcome o = run(*s.backend, c, s.device, s.stream);
    if (ended_early(o, r)) return;
    r.arithmetic = std::string("acc ") + dtype_name(o.verdict.acc_dtype) + ", inside " +
                   dtype_name(o.verdict.internal_dtype) +
                   (o.verdict.flags & AFS_FLUSH_SUBNORMALS ? ", flushes subnormals" : "") +
                   (o.verdict.flags & AFS_ROUNDED_WEIGHTS ? ", weights as bf16" : "") +
                   (o.verdict.flags & AFS_TENSOR_CORE ? ", tensor cores" : "");
    const Judgement j = judgement(c, o);
    r.h = j.h, r.s = j.s, r.b = j.b, r.nmse = j.nmse;
    if (j.ok()) return;
    r.ending = Ending::failed;
    r.rules = j.rules, r.text = j.text;
    r.element = element_name(j.worst, j.cols);
    r.got = j.got, r.want = j.want, r.ulps = j.ulps;
    r.looks_like = looks_like(c, o, j);
}

void check_slack(Subject& s, const OpCase& c, CaseResult& r) {
    const Outcome o = PreparedCase(*s.backend, c, s.device, s.stream, true).run();
    if (ended_early(o, r)) return;
    const Judgement j = judgement(c, o);
    if (j.ok()) return;
    r.ending = Ending::failed;
    r.rules = j.rules, r.text = "in a step smaller than its limits: " + j.text;
    r.looks_like = looks_like(c, o, j);
}

}  // namespace afs::conformance
