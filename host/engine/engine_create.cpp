// Engine::create: sizes, memories, executor.
#include <algorithm>

#include "engine/engine_impl.hpp"
#include "engine/step_sizes.hpp"

namespace afs {
namespace {

Result<std::vector<std::unique_ptr<Domain>>> open_domains(const Plan& plan,
                                                          const StepSizes& sizes) {
    uint64_t bytes = 0;
    for (const afs_limits& limits : sizes.limits)
        bytes = std::max(
            bytes, RecordLayout(Bucket{limits.step_class, limits.max_tokens, limits.max_seqs,
                                       limits.max_rows, limits.max_blocks, limits.max_context})
                       .bytes());
    std::vector<std::unique_ptr<Domain>> domains;
    for (const Memory& memory : plan.memories) {
        auto domain = Domain::create(memory, bytes);
        if (!domain.ok())
            return domain.status().context("cannot open memory '" + memory.domain + "'");
        domains.push_back(std::move(*domain));
    }
    return domains;
}

Result<ExecutorOptions> executor_options(const Plan& plan, const EngineOptions& options,
                                         const std::vector<std::unique_ptr<Domain>>& domains) {
    bool asynchronous = false, programs = false;
    for (const auto& domain : domains)
        asynchronous = asynchronous || !domain->synchronous() || domain->captures();
    for (const ClassPlan& c : plan.classes)
        for (const Unit& unit : c.units) programs = programs || unit.kind == UnitKind::program;
    const bool possible = Executor::can_run_ahead(plan);
    using RunAhead = EngineOptions::RunAhead;
    using Buckets = EngineOptions::Buckets;
    if (options.run_ahead == RunAhead::on && !possible)
        return invalid("cannot run ahead with plan " + plan.id +
                       ": sample/1 and embed/1 must run in the same memory, in every step class");
    ExecutorOptions chosen;
    chosen.run_ahead = options.run_ahead == RunAhead::on ||
                       (options.run_ahead == RunAhead::automatic && possible && asynchronous);
    chosen.packed_cache = options.packed_cache;
    chosen.padded = options.buckets == Buckets::padded ||
                    (options.buckets == Buckets::automatic && (asynchronous || programs));
    return chosen;
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::create(std::shared_ptr<const Plan> plan,
                                               const WeightSet& weights,
                                               const EngineOptions& options) {
    AFS_ASSIGN(StepSizes sizes, step_sizes(*plan, options));
    AFS_ASSIGN(auto domains, open_domains(*plan, sizes));
    AFS_TRY(size_cache(*plan, weights, options, domains, sizes));
    AFS_ASSIGN(const ExecutorOptions chosen, executor_options(*plan, options, domains));
    AFS_ASSIGN(auto executor,
               Executor::create(std::move(plan), weights, sizes, chosen, std::move(domains)));
    return std::unique_ptr<Engine>(new EngineImpl(std::move(executor), sizes, chosen));
}

}  // namespace afs
