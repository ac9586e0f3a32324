#include "planner/planner.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "afs/graph/resolved_graph.hpp"
#include "planner/context.hpp"

namespace afs {
namespace {

Status add_backends(PlanContext& context) {
    const PlanRequest& request = *context.request;
    std::set<std::string> names;
    const auto add = [&](const std::vector<Backend>& list, Role role) -> Status {
        for (const Backend& backend : list) {
            if (!names.insert(backend.name).second) {
                if (role != Role::named) continue;  // named already: it has its turn there
                return invalid("cannot list backend '" + backend.name + "' twice");
            }
            if (!backend.api)
                return Status(Code::internal, "backend '" + backend.name + "' is not open");
            context.backends.push_back(backend);
            context.roles.push_back(role);
        }
        return {};
    };
    AFS_TRY(add(request.backends, Role::named));
    AFS_TRY(add(request.pinned, Role::pinned_only));
    return add(request.fallback, Role::fallback);
}

// General and decode; max_blocks 0 waits for the layouts.
std::vector<afs_limits> class_limits(const PlanRequest& request) {
    const PlanLimits& l = request.limits;
    afs_limits general = make<afs_limits>();
    general.step_class = AFS_CLASS_GENERAL;
    general.max_tokens = std::max(l.max_tokens, l.max_seqs);
    general.max_seqs = l.max_seqs;
    general.max_rows = l.max_rows ? l.max_rows : l.max_seqs;
    general.max_context = l.max_context;
    general.max_blocks = l.max_blocks;
    general.deterministic = request.deterministic;
    afs_limits decode = general;
    decode.step_class = AFS_CLASS_DECODE;
    decode.max_tokens = l.max_seqs;  // one of each sequence, and its row of logits
    decode.max_rows = std::min(general.max_rows, l.max_seqs);
    return {general, decode};
}

// The same kernel in both classes, by all that a backend tells: then a row's bits cannot differ.
bool same_kernels(const Draft& general, const Draft& decode) {
    for (size_t n = 0; n < general.placements.size(); ++n) {
        const Placement &a = general.placements[n], &b = decode.placements[n];
        if (a.backend != b.backend || a.claimed || b.claimed) return false;
        const afs_verdict &v = general.verdicts[n], &w = decode.verdicts[n];
        if (a.backend != kNobody &&
            (v.acc_dtype != w.acc_dtype || v.internal_dtype != w.internal_dtype ||
             v.flags != w.flags || !(v.flags & AFS_BATCH_INVARIANT)))
            return false;
    }
    return true;
}

// The cache of a group lies in one memory, whatever class reads it.
Status check_cache_memory(const PlanContext& context, const std::vector<ClassPlan>& classes) {
    const afs_graph graph = read<afs_graph>(context.graph);
    std::vector<uint32_t> memory(graph.n_kv_groups, kNobody);
    for (const ClassPlan& c : classes)
        for (uint32_t n = 0; n < context.nodes.size(); ++n) {
            const NodeFacts& node = context.nodes[n];
            if (node.kv_group < 0) continue;
            const uint32_t here = context.memory_of_backend[c.placements[n].backend];
            uint32_t& home = memory[static_cast<size_t>(node.kv_group)];
            if (home == kNobody) home = here;
            if (home != here)
                return unsupported(
                    "cannot keep one cache: '" + node.tag + "' (" +
                    class_name(c.limits.step_class) + ") runs in " + context.memories[here].domain +
                    ", other nodes of its group in " + context.memories[home].domain +
                    "; place kv_append/1 and attention/1 in one memory");
        }
    return {};
}

std::vector<const afs_kv_layout*> pointers_to(const std::vector<afs_kv_layout>& layouts) {
    std::vector<const afs_kv_layout*> pointers;
    pointers.reserve(layouts.size());
    for (const afs_kv_layout& layout : layouts) pointers.push_back(&layout);
    return pointers;
}

Result<std::vector<ClassPlan>> make_classes(const PlanContext& context,
                                            const std::vector<afs_limits>& limits,
                                            const std::vector<afs_kv_layout>& layouts,
                                            std::vector<std::string>& warnings) {
    const auto pointers = pointers_to(layouts);
    std::vector<Draft> drafts;
    for (const afs_limits& l : limits) {
        AFS_ASSIGN(Draft draft, place_class(context, l, pointers, true));
        AFS_TRY(unplaced_error(context, draft));
        drafts.push_back(std::move(draft));
    }
    if (context.request->deterministic && !same_kernels(drafts[0], drafts[1])) {
        drafts.pop_back();
        warnings.push_back(
            "deterministic: every step runs as class general, because decode would use other "
            "kernels");
    }
    std::vector<ClassPlan> classes;
    for (const Draft& draft : drafts) {
        const bool decodes = draft.limits.step_class == AFS_CLASS_DECODE || drafts.size() == 1;
        AFS_ASSIGN(ClassPlan made, make_units(context, draft, decodes));
        classes.push_back(std::move(made));
    }
    AFS_TRY(check_cache_memory(context, classes));
    return classes;
}

Status check_limits(const PlanLimits& l) {
    if (l.max_tokens == 0 || l.max_seqs == 0 || l.max_context == 0)
        return invalid("cannot plan for " + std::to_string(l.max_tokens) + " tokens, " +
                       std::to_string(l.max_seqs) + " sequences and a context of " +
                       std::to_string(l.max_context) + ": each must be at least 1");
    return {};
}

}  // namespace

void set_max_blocks(afs_limits& limits, const std::vector<afs_kv_layout>& layouts) {
    if (limits.max_blocks != 0) return;
    limits.max_blocks = 1;
    for (const afs_kv_layout& layout : layouts)
        limits.max_blocks =
            std::max(limits.max_blocks, limits.max_context / layout.block_size +
                                            (limits.max_context % layout.block_size != 0 ? 1 : 0));
}

Result<std::shared_ptr<const Plan>> make_plan(const PlanRequest& request) {
    PlanContext context;
    context.request = &request;
    context.graph = request.abi || !request.graph ? request.abi : &request.graph->graph();
    if (!context.graph) return Status(Code::internal, "cannot plan: the request has no graph");
    AFS_TRY(check_limits(request.limits));
    AFS_TRY(read_graph(context));
    AFS_TRY(add_backends(context));
    if (context.backends.empty())
        return invalid(
            "cannot plan: no kernels backend is listed; set `kernels`, as in "
            "--kernels reference");
    AFS_TRY(resolve_pins(context));
    AFS_TRY(find_memories(context));

    auto plan = std::make_shared<Plan>();
    plan->graph = request.graph;
    plan->abi = context.graph;
    plan->backends = context.backends;
    plan->memories = context.memories;
    plan->memory_of_backend = context.memory_of_backend;
    plan->deterministic = request.deterministic;

    std::vector<afs_limits> limits = class_limits(request);
    AFS_ASSIGN(Negotiated kv, negotiate_kv(context, limits));
    plan->kv_layouts = std::move(kv.layouts);
    plan->kv_notes = std::move(kv.notes);
    plan->kv_layout_pointers = pointers_to(plan->kv_layouts);
    for (afs_limits& l : limits) set_max_blocks(l, plan->kv_layouts);

    AFS_ASSIGN(plan->classes, make_classes(context, limits, plan->kv_layouts, plan->warnings));
    AFS_TRY(check_unused(context, *plan));
    AFS_TRY(plan_weights(*plan));
    plan->id = plan_id(*plan);
    return std::shared_ptr<const Plan>(std::move(plan));
}

}  // namespace afs
