// The part of Executor that allocates memory and prepares kernels.
#include <algorithm>
#include <cstring>

#include "engine/executor.hpp"

namespace afs {
namespace {

bool reads_token_ids(const afs_graph& graph, const Unit& unit) {
    return std::any_of(unit.nodes.begin(), unit.nodes.end(),
                       [&](uint32_t n) { return std::strcmp(graph.nodes[n]->op, "embed/1") == 0; });
}
bool samples(const afs_graph& graph, const Unit& unit) {
    return std::any_of(unit.nodes.begin(), unit.nodes.end(), [&](uint32_t n) {
        return std::strcmp(graph.nodes[n]->op, "sample/1") == 0;
    });
}

}  // namespace

Result<std::unique_ptr<Executor>> Executor::create(std::shared_ptr<const Plan> plan,
                                                   const WeightSet& weights, StepSizes sizes,
                                                   const ExecutorOptions& options,
                                                   std::vector<std::unique_ptr<Domain>> domains) {
    std::unique_ptr<Executor> made(new Executor);
    made->options_ = options;
    made->context_.graph = plan->abi;
    made->context_.plan = std::move(plan);
    made->context_.sizes = std::move(sizes);
    made->context_.domains = std::move(domains);
    AFS_TRY(made->find_outputs());
    AFS_TRY(made->allocate(weights));
    return made;
}

Executor::~Executor() {
    for (auto& domain : context_.domains) static_cast<void>(domain->sync().ok());
    classes_.clear();  // kernels go before the memory they were prepared with
}

bool Executor::can_run_ahead(const Plan& plan) {
    const afs_graph& graph = *plan.abi;
    std::set<uint32_t> memories;
    for (const ClassPlan& c : plan.classes) {
        bool sampled = false;
        for (const Unit& unit : c.units) {
            if (unit.kind == UnitKind::copy) continue;
            sampled = sampled || samples(graph, unit);
            if (samples(graph, unit) || reads_token_ids(graph, unit))
                memories.insert(unit_memory(plan, unit));
        }
        if (!sampled) return false;
    }
    return memories.size() == 1;
}

Status Executor::find_outputs() {
    const afs_graph& graph = *context_.graph;
    for (uint32_t n = 0; n < graph.n_nodes; ++n) {
        if (std::strcmp(graph.nodes[n]->op, "sample/1") != 0) continue;
        context_.ids_value = graph.nodes[n]->output;
        context_.logits_value = graph.nodes[n]->inputs[0];
    }
    for (uint32_t i = 0; i < graph.n_outputs && context_.logits_value == kNone; ++i)
        if (graph.values[graph.outputs[i]]->dtype != AFS_I32)
            context_.logits_value = graph.outputs[i];
    if (context_.logits_value == kNone)
        return invalid("cannot run this graph: it has no sample/1 node and no output of logits");
    return {};
}

Status Executor::allocate(const WeightSet& weights) {
    const Plan& plan = *context_.plan;
    for (size_t c = 0; c < plan.classes.size(); ++c) {
        ClassState state;
        state.activations = std::make_unique<ActivationPlan>(
            *context_.graph, plan, plan.classes[c], context_.sizes.limits[c], context_.ids_value);
        classes_.push_back(std::move(state));
    }
    AFS_TRY(allocate_arenas());
    AFS_ASSIGN(context_.weights, WeightStore::create(*context_.graph, plan, weights,
                                                     context_.domains, options_.packed_cache));
    auto kv = KvCache::create(*context_.graph, plan, context_.sizes.n_blocks, context_.domains);
    if (!kv.ok())
        return Status(kv.status().code(),
                      kv.status().message() + "; lower engine.max_context or engine.max_sequences",
                      kv.status().where(), kv.status().native_code())
            .context("cannot allocate the KV cache");
    context_.kv = std::move(*kv);
    has_logits_ = true;
    for (uint32_t c = 0; c < classes_.size(); ++c) {
        ClassState& state = classes_[c];
        AFS_ASSIGN(state.runner, ClassRunner::create(context_, c, *state.activations));
        state.buckets = std::make_unique<BucketCache>(context_, *state.runner);
        state.logits_memory = state.runner->memory_of(context_.logits_value);
        if (context_.ids_value != kNone)
            state.ids_memory = state.runner->memory_of(context_.ids_value);
        has_logits_ = has_logits_ && state.logits_memory != kNone;
        host_samples_ =
            host_samples_ || context_.plan->classes[c].host_samples || state.ids_memory == kNone;
    }
    return compile_largest();
}

// So that one workspace serves all programs: a larger one later would come beside it. What does not
// fit fails here, not in the middle of a run.
Status Executor::compile_largest() {
    if (!options_.padded) return {};
    for (size_t c = 0; c < classes_.size(); ++c) {
        if (!classes_[c].runner->has_programs()) continue;
        const afs_limits& limits = context_.sizes.limits[c];
        const Bucket largest{limits.step_class, limits.max_tokens, limits.max_seqs,
                             limits.max_rows,   limits.max_blocks, limits.max_context};
        const Status made = classes_[c].buckets->get(largest, host_ids_).status();
        if (made.code() == Code::no_memory)
            return Status(made.code(),
                          made.message() + "; lower engine.max_sequences or engine.prefill_chunk",
                          made.where(), made.native_code());
        AFS_TRY(made.context("cannot prepare the largest " + largest.text()));
    }
    return {};
}

Status Executor::allocate_arenas() {
    const uint64_t id_bytes = context_.sizes.max_rows * sizeof(int32_t);
    for (uint32_t m = 0; m < context_.domains.size(); ++m) {
        Domain& domain = *context_.domains[m];
        uint64_t bytes = 0;
        for (const ClassState& state : classes_)
            bytes = std::max(bytes, state.activations->bytes(m));
        auto arena = Buffer::create(domain.shared_device(), AFS_MEM_DEVICE, bytes);
        if (!arena.ok())
            return Status(arena.status().code(),
                          "cannot allocate activations: " + arena.status().message() +
                              "; lower engine.prefill_chunk",
                          arena.status().where(), arena.status().native_code());
        context_.arenas.push_back(std::move(*arena));
        AFS_ASSIGN(Buffer prev, Buffer::create(domain.shared_device(), AFS_MEM_DEVICE, id_bytes));
        AFS_TRY(domain.device().fill(domain.stream(), prev.data(), 0, id_bytes));
        context_.prev_ids.push_back(std::move(prev));
        for (int parity = 0; parity < 2; ++parity) {
            AFS_ASSIGN(Buffer ids,
                       Buffer::create(domain.shared_device(), AFS_MEM_PINNED, id_bytes));
            ids_[parity].push_back(std::move(ids));
            AFS_ASSIGN(Event done, Event::create(domain.shared_device()));
            done_[parity].push_back(std::move(done));
        }
        // With run-ahead the next step would overwrite it before it is read: ids are copied then.
        const bool direct = !options_.run_ahead && !domain.synchronous();
        host_ids_.push_back(direct ? ids_[0][m].as<int32_t>() : nullptr);
    }
    return {};
}

}  // namespace afs
