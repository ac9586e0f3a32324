#include "engine/step_sizes.hpp"

#include <algorithm>
#include <climits>

#include "engine/memory_needs.hpp"

namespace afs {
namespace {

Result<uint32_t> choose(uint32_t wanted, uint32_t limit, const char* name) {
    if (wanted > limit)
        return invalid("engine." + std::string(name) + " is " + std::to_string(wanted) +
                       ", but the plan was made for at most " + std::to_string(limit) +
                       "; make the plan with a larger limit");
    return wanted ? wanted : limit;
}

// n blocks do not fit beside all else.
Status too_much(const MemoryNeeds& needs, const std::string& what, uint64_t cache,
                const std::string& remedy) {
    return Status(Code::no_memory, "out of memory on " + needs.name + " for the KV cache: " + what +
                                       " needs " + mib(cache) + " beside " + needs.text() +
                                       ", available " + mib(needs.available) + "; " + remedy);
}

}  // namespace

Result<StepSizes> step_sizes(const Plan& plan, const EngineOptions& options) {
    if (plan.classes.empty()) return invalid("cannot run a plan without step classes");
    StepSizes sizes;
    sizes.prompts_first = options.prompts_first;
    const afs_limits& general = plan.classes[AFS_CLASS_GENERAL].limits;
    AFS_ASSIGN(sizes.block_size, KvCache::block_size(plan));
    const uint32_t context = std::min(general.max_context, general.max_blocks * sizes.block_size);
    AFS_ASSIGN(sizes.max_context, choose(options.max_context, context, "max_context"));
    const uint32_t sequences = std::min({general.max_seqs, general.max_tokens, general.max_rows});
    AFS_ASSIGN(sizes.max_sequences, choose(options.max_sequences, sequences, "max_sequences"));
    AFS_ASSIGN(sizes.prefill_chunk,
               choose(options.prefill_chunk, general.max_tokens, "prefill_chunk"));
    if (sizes.max_context == 0 || sizes.max_sequences == 0 || sizes.prefill_chunk == 0)
        return invalid("cannot run a plan whose limits allow no token: max_context " +
                       std::to_string(sizes.max_context) + ", max_seqs " +
                       std::to_string(sizes.max_sequences) + ", max_tokens " +
                       std::to_string(sizes.prefill_chunk));
    sizes.prefill_chunk = std::max(sizes.prefill_chunk, sizes.max_sequences);
    sizes.max_rows = std::min(general.max_rows, sizes.prefill_chunk);
    sizes.max_blocks = (sizes.max_context + sizes.block_size - 1) / sizes.block_size;
    for (const ClassPlan& c : plan.classes) {
        afs_limits limits = c.limits;
        limits.max_tokens = std::min(limits.max_tokens, sizes.prefill_chunk);
        limits.max_seqs = std::min(limits.max_seqs, sizes.max_sequences);
        limits.max_rows = std::min(limits.max_rows, sizes.max_rows);
        if (limits.step_class == AFS_CLASS_DECODE) {
            limits.max_tokens = std::min(limits.max_tokens, limits.max_seqs);
            limits.max_rows = std::min(limits.max_rows, limits.max_seqs);
        }
        limits.max_blocks = std::min(limits.max_blocks, sizes.max_blocks);
        limits.max_context = std::min(limits.max_context, sizes.max_context);
        sizes.limits.push_back(limits);
    }
    return sizes;
}

Status size_cache(const Plan& plan, const WeightSet& weights, const EngineOptions& options,
                  const std::vector<std::unique_ptr<Domain>>& domains, StepSizes& sizes) {
    const uint64_t block = std::max<uint64_t>(KvCache::block_bytes(*plan.abi, plan), 1);
    const bool configured = options.kv_bytes != 0;
    uint64_t n = uint64_t{sizes.max_sequences} * sizes.max_blocks;
    if (configured) {
        n = std::min(n, options.kv_bytes / block > 0 ? options.kv_bytes / block - 1 : 0);
        if (n == 0)
            return Status(Code::no_memory, "engine.kv_memory_mib gives the KV cache " +
                                               std::to_string(options.kv_bytes) +
                                               " bytes, but two blocks need " +
                                               std::to_string(2 * block) + ": raise it");
    }
    for (MemoryNeeds& needs : memory_needs(plan, weights, sizes, domains)) {
        if (configured) needs.margin = 0;  // who gives a number wants all of it
        const uint64_t fit = needs.left() / block, one = (uint64_t{sizes.max_blocks} + 1) * block;
        if (configured && fit < n + 1)
            return too_much(needs, "engine.kv_memory_mib", (n + 1) * block,
                            "lower engine.kv_memory_mib");
        if (!configured && fit < uint64_t{sizes.max_blocks} + 1)
            return too_much(needs,
                            "one sequence of " + std::to_string(sizes.max_context) + " tokens", one,
                            needs.remedy(one));
        if (!configured) n = std::min(n, fit - 1);
    }
    // Slots are 32-bit numbers.
    n = std::min<uint64_t>(n, INT_MAX / sizes.block_size - 1);
    sizes.n_blocks = static_cast<uint32_t>(n) + 1;
    sizes.max_context =
        static_cast<uint32_t>(std::min<uint64_t>(sizes.max_context, n * sizes.block_size));
    return {};
}

}  // namespace afs
