// The two errors that carry every reason: a node that nobody takes, and a named backend that takes
// no node.
#include <map>
#include <string>

#include "planner/context.hpp"

namespace afs {
namespace {

bool owns_used_memory(const Plan& plan, uint32_t backend) {
    for (uint32_t m = 0; m < plan.memories.size(); ++m) {
        if (plan.memories[m].owner != backend) continue;
        for (const ClassPlan& c : plan.classes)
            for (const Placement& p : c.placements)
                if (p.backend != kHostOwned && plan.memory_of_backend[p.backend] == m) return true;
    }
    return false;
}

// What an unused backend says to each node: those it would have taken by who took them instead,
// and its reasons by op.
std::string unused_reasons(const PlanContext& context, const Plan& plan, uint32_t backend) {
    std::map<std::string, uint32_t> taken;  // "rms_norm/1 went to 'reference'"
    std::map<std::string, uint32_t> reasons;
    for (uint32_t c = 0; c < plan.classes.size(); ++c)
        for (uint32_t n = 0; n < context.nodes.size(); ++n) {
            const NodeFacts& node = context.nodes[n];
            const Placement& placement = plan.classes[c].placements[n];
            afs_verdict verdict = make<afs_verdict>();
            const Status status = plan.backends[backend].api->query(plan.query(c, n), verdict);
            std::string who = "the host";
            if (placement.backend != kHostOwned)
                who = "'" + plan.backends[placement.backend].name + "' (" + placement.why + ")";
            if (status.ok() && verdict.supported) {
                ++taken[node.op + " by " + who];
                continue;
            }
            std::string reason = status.ok() ? verdict.reason : status.message();
            for (const Refusal& r : placement.refusals)
                if (r.backend == backend) reason = r.reason;
            ++reasons[node.op + ": " + (reason.empty() ? "gave no reason" : reason)];
        }
    std::string text;
    for (const auto& [what, n] : taken)
        text += (text.empty() ? "taken before it: " : ", ") + what + " x " + std::to_string(n);
    for (const auto& [what, n] : reasons)
        text += (text.empty() ? "" : "; ") + what + " x " + std::to_string(n);
    return text + (taken.empty() ? "" : "; leave it out, put it first or pin it");
}

}  // namespace

Status unplaced_error(const PlanContext& context, const Draft& draft) {
    uint32_t first = kNobody, n_unplaced = 0;
    for (uint32_t n = 0; n < context.nodes.size(); ++n) {
        if (draft.placements[n].backend != kNobody || context.nodes[n].is_sample()) continue;
        if (n_unplaced++ == 0) first = n;
    }
    if (first == kNobody) return {};
    const NodeFacts& node = context.nodes[first];
    std::string text = "cannot place '" + node.tag + "' (" + node.op + ", " +
                       shape_text(context.values[node.output]) + " from ";
    for (size_t i = 0; i < node.inputs.size(); ++i)
        text += (i ? ", " : "") + shape_text(context.values[node.inputs[i]]);
    text += std::string(", ") + class_name(draft.limits.step_class) +
            " class): no listed backend supports it";
    for (const Refusal& r : draft.placements[first].refusals)
        text += "; '" + context.backends[r.backend].name + "': " + r.reason;
    if (context.backends.empty()) text += "; no backend is listed";
    if (n_unplaced > 1) text += "; " + std::to_string(n_unplaced - 1) + " more nodes likewise";
    if (context.request->fallback.empty())
        text += "; list a backend that supports it, or allow \"fallback\": [\"reference\"]";
    return unsupported(text);
}

Status check_unused(const PlanContext& context, Plan& plan) {
    for (uint32_t b = 0; b < plan.backends.size(); ++b) {
        if (context.roles[b] != Role::named || plan.uses(b) || owns_used_memory(plan, b)) continue;
        const std::string text = "backend '" + plan.backends[b].name +
                                 "' is named but unused: " + unused_reasons(context, plan, b);
        if (!context.request->unused_is_warning && plan.backends[b].chosen.empty())
            return unsupported(text);
        plan.warnings.push_back(text);
    }
    return {};
}

}  // namespace afs
