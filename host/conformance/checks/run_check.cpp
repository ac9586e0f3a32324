// From an id to its check.
#include <chrono>

#include "conformance/cases/make_case.hpp"
#include "conformance/checks/abi_checks.hpp"
#include "conformance/checks/kernel_checks.hpp"
#include "conformance/checks/other_checks.hpp"
#include "loader/plugin_instance.hpp"

namespace afs::conformance {
namespace {

struct Named {
    const char* name;
    const char* group;
    void (*run)(Subject&, const OpCase&, CaseResult&);
};

// Stands in the list for its name: it gets no data.
void check_offer(Subject&, const OpCase&, CaseResult&) {}

constexpr Named kChecks[] = {
    {"", "numeric", check_numeric},     {"repeat", "promise", check_repeat},
    {"alone", "promise", check_alone},  {"replay", "promise", check_replay},
    {"slack", "contract", check_slack}, {"pure", "contract", check_pure},
    {"leak", "stress", check_leak},     {"random", "stress", check_numeric},
    {"offer", "contract", check_offer}};

Result<const Named*> named(const CaseSpec& spec) {
    for (const Named& check : kChecks)
        if (spec.check == check.name) return &check;
    return invalid("there is no check '" + spec.check + "'");
}

// A question at the real shape needs no data of it: asked of a small case whose sizes are replaced.
Result<OpCase> make_data(const CaseSpec& spec, const Named& check) {
    CaseSpec small = spec;
    if (check.run == check_offer && spec.op == "linear/1") small.set("m", 1);
    if (check.run == check_offer && spec.op == "embed/1") small.set("v", 2);
    return make_case(small);
}

void offer(Subject& s, const CaseSpec& spec, const OpCase& c, CaseResult& r) {
    OneNode node(c);
    if (spec.op == "linear/1") node.value(1).dims[0] = node.value(2).dims[1] = spec.number("m");
    if (spec.op == "embed/1") node.value(0).dims[0] = spec.number("v");
    auto verdict = make<afs_verdict>();
    const Status status = s.backend->query(node.query(), verdict);
    verdict.reason[sizeof verdict.reason - 1] = '\0';
    if (!status.ok()) {
        r.ending = threw(status) ? Ending::threw : Ending::refused;
        r.text = "query: " + status.message();
    } else if (!verdict.supported) {
        r.ending = Ending::declined;
        r.text = verdict.reason;
    }
}

void run_case_check(Subject& s, const std::string& id, CaseResult& r) {
    const auto invalid_id = [&](const std::string& why) {
        r.ending = Ending::refused;
        r.text = why;
    };
    const auto spec = parse_case(id);
    if (!spec) return invalid_id(spec.status().message());
    r.op = spec->op;
    const auto check = named(*spec);
    if (!check) return invalid_id(check.status().message());
    r.group = (*check)->group;
    const auto c = make_data(*spec, **check);
    if (!c) return invalid_id(c.status().message());
    if ((*check)->run == check_offer) return offer(s, *spec, *c, r);
    (*check)->run(s, *c, r);
}

}  // namespace

Status check_case_id(const std::string& id) {
    AFS_ASSIGN(const CaseSpec spec, parse_case(id));
    AFS_ASSIGN(const Named* check, named(spec));
    return make_data(spec, *check).status();
}

CaseResult run_check(Subject& s, const std::string& id) {
    CaseResult r;
    r.id = id;
    const auto start = std::chrono::steady_clock::now();
    try {
        if (id.rfind("abi.", 0) == 0)
            r = check_abi(s, id);
        else if (id.rfind("region.", 0) == 0 && s.file->kind == "kernels")
            r = check_region(s, id);
        else if (s.file->kind == "kernels")
            run_case_check(s, id, r);
        else
            r = check_other(s, id);
    } catch (const std::bad_alloc&) {
        r.ending = Ending::out_of_memory;
        r.text = "no memory for the case itself";
    }
    for (const std::string& name : take_throws())
        abi_fail(r, name + ": it threw an exception across the contract", Ending::threw);
    r.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return r;
}

}  // namespace afs::conformance
