// Places the nodes of one step class: pins, then each backend's sets and single ops in order.
#include <algorithm>
#include <string>

#include "planner/context.hpp"

namespace afs {
namespace {

class Placer {
public:
    Placer(const PlanContext& context, const afs_limits& limits,
           const std::vector<const afs_kv_layout*>& layouts)
        : context_(context), layouts_(layouts) {
        draft_.limits = limits;
        draft_.placements.resize(context.nodes.size());
        draft_.verdicts.resize(context.nodes.size());
        draft_.set_of_node.assign(context.nodes.size(), kNobody);
    }

    Status pins() {
        for (uint32_t b = 0; b < context_.backends.size(); ++b) {
            std::vector<uint8_t> refused(context_.nodes.size(), 0);
            bool any = false;
            for (uint32_t n = 0; n < context_.nodes.size(); ++n) {
                if (context_.nodes[n].pin != b) continue;
                const std::string why = "pinned by '" + context_.nodes[n].pinned_by + "'";
                AFS_ASSIGN(const bool taken, ask(b, n, why));
                if (!taken) refused[n] = any = true;
            }
            if (any && context_.backends[b].api->graph())
                AFS_TRY(claims(b, refused, "pinned, claimed as a set"));
            for (uint32_t n = 0; n < context_.nodes.size(); ++n)
                if (refused[n] && free(n)) return pin_refused(b, n);
        }
        return {};
    }

    Status backend(uint32_t b) {
        if (context_.backends[b].api->graph()) {
            std::vector<uint8_t> available(context_.nodes.size(), 0);
            bool any = false;
            for (uint32_t n = 0; n < available.size(); ++n)
                if (offered(b, n)) available[n] = any = true;
            if (any) AFS_TRY(claims(b, available, "claimed as a set"));
        }
        const char* why = context_.roles[b] == Role::fallback ? "fallback" : "first to support it";
        for (uint32_t n = 0; n < context_.nodes.size(); ++n)
            if (offered(b, n)) AFS_TRY(ask(b, n, why).status());
        return {};
    }

    Draft& draft() { return draft_; }

private:
    bool free(uint32_t n) const { return draft_.placements[n].backend == kNobody; }
    // sample/1 never falls back: the host samples.
    bool offered(uint32_t b, uint32_t n) const {
        const NodeFacts& node = context_.nodes[n];
        return free(n) && node.pin == kNobody &&
               !(node.is_sample() && context_.roles[b] == Role::fallback);
    }
    afs_query query(uint32_t n) const {
        afs_query q = make<afs_query>();
        q.node = n;
        q.graph = context_.graph;
        q.limits = &draft_.limits;
        q.kv_layouts = layouts_.data();
        return q;
    }
    std::string subject(uint32_t b, uint32_t n) const {
        return "'" + context_.nodes[n].tag + "' (" + context_.nodes[n].op + ", " +
               class_name(draft_.limits.step_class) + ") on '" + context_.backends[b].name + "'";
    }
    void place(uint32_t b, uint32_t n, const std::string& why) {
        Placement& placement = draft_.placements[n];
        placement.backend = b;
        placement.why = why;
        placement.fallback = context_.roles[b] == Role::fallback;
    }
    // Sampled ids are declared outputs, but logits that had to move to be sampled would be a copy
    // in every step: then the host samples.
    bool sample_is_elsewhere(uint32_t b, uint32_t n) {
        const NodeFacts& node = context_.nodes[n];
        if (!node.is_sample() || node.pin != kNobody || node.inputs.empty()) return false;
        const uint32_t maker = context_.producer[node.inputs[0]];
        if (maker == kNobody) return false;
        const uint32_t other = draft_.placements[maker].backend;
        if (other == kNobody || context_.memory_of_backend[other] == context_.memory_of_backend[b])
            return false;
        draft_.placements[n].refusals.push_back({b, "the logits are made in another memory, by '" +
                                                        context_.backends[other].name + "'"});
        return true;
    }
    Result<bool> ask(uint32_t b, uint32_t n, const std::string& why) {
        if (sample_is_elsewhere(b, n)) return false;
        afs_verdict verdict = make<afs_verdict>();
        const Status status = context_.backends[b].api->query(query(n), verdict);
        if (!status.ok() && status.code() != Code::unsupported)
            return status.context("cannot place " + subject(b, n) + ": its query failed");
        if (status.ok() && verdict.supported) {
            place(b, n, why);
            draft_.verdicts[n] = verdict;
            return true;
        }
        std::string reason = status.ok() ? verdict.reason : status.message();
        if (reason.empty()) reason = "gave no reason";
        auto& refusals = draft_.placements[n].refusals;
        // A claim's reason for this backend stands there already: both grips said no.
        if (!refusals.empty() && refusals.back().backend == b)
            refusals.back().reason = reason + " (as a set: " + refusals.back().reason + ")";
        else
            refusals.push_back({b, reason});
        return false;
    }
    Status pin_refused(uint32_t b, uint32_t n) const {
        return unsupported("cannot place " + subject(b, n) + ": pin '" +
                           context_.nodes[n].pinned_by +
                           "' demands it, but: " + draft_.placements[n].refusals.back().reason +
                           "; take the pin away or pin it elsewhere");
    }

    Status claims(uint32_t b, const std::vector<uint8_t>& available, const std::string& why) {
        const std::string failed = "cannot use the sets of '" + context_.backends[b].name + "' (" +
                                   class_name(draft_.limits.step_class) + "): ";
        afs_claims answer = make<afs_claims>();
        const Status status =
            context_.backends[b].api->graph()->claim(query(0), available.data(), answer);
        if (!status.ok() && status.code() != Code::unsupported)
            return status.context(failed + "its claim failed");
        std::string reason = status.ok() ? answer.reason : status.message();
        if (reason.empty()) reason = "not claimed";
        std::vector<uint32_t> set_index;  // by the backend's number
        if (status.ok() && answer.n_sets > 0) {
            if (!answer.set_of_node || !answer.kind_of_set)
                return invalid(failed + "it claims " + std::to_string(answer.n_sets) +
                               " sets without saying which nodes");
            set_index.assign(std::min<size_t>(answer.n_sets, context_.nodes.size()), kNobody);
        }
        for (uint32_t n = 0; n < context_.nodes.size(); ++n) {
            const uint32_t set = set_index.empty() ? AFS_NO_SET : answer.set_of_node[n];
            if (set == AFS_NO_SET) {
                if (available[n] && !claimed_pin(n))
                    draft_.placements[n].refusals.push_back({b, reason});
                continue;
            }
            if (!available[n])
                return invalid(failed + "it claims " + context_.nodes[n].tag +
                               ", which is not available" + holder(n));
            if (set >= set_index.size())
                return invalid(failed + "node " + context_.nodes[n].tag + " is in set " +
                               std::to_string(set) + " of " + std::to_string(answer.n_sets));
            if (set_index[set] == kNobody) {
                set_index[set] = static_cast<uint32_t>(draft_.sets.size());
                draft_.sets.push_back({b, set, answer.kind_of_set[set], {}});
            }
            draft_.sets[set_index[set]].nodes.push_back(n);
            draft_.set_of_node[n] = set_index[set];
            place(b, n, why);
            draft_.placements[n].claimed = true;
        }
        return {};
    }
    // A pinned node whose single-op refusal is written down already.
    bool claimed_pin(uint32_t n) const { return context_.nodes[n].pin != kNobody; }
    std::string holder(uint32_t n) const {
        if (const uint32_t b = draft_.placements[n].backend; b != kNobody)
            return ": '" + context_.backends[b].name + "' has it (" + draft_.placements[n].why +
                   ")";
        return ": '" + context_.nodes[n].pinned_by + "' pins it";
    }

    const PlanContext& context_;
    const std::vector<const afs_kv_layout*>& layouts_;
    Draft draft_;
};

}  // namespace

Result<Draft> place_class(const PlanContext& context, const afs_limits& limits,
                          const std::vector<const afs_kv_layout*>& layouts, bool with_fallback) {
    Placer placer(context, limits, layouts);
    AFS_TRY(placer.pins());
    for (uint32_t b = 0; b < context.backends.size(); ++b) {
        if (context.roles[b] == Role::pinned_only) continue;
        if (context.roles[b] == Role::fallback && !with_fallback) continue;
        AFS_TRY(placer.backend(b));
    }
    return std::move(placer.draft());
}

}  // namespace afs
