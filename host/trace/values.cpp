#include "trace/values.hpp"

#include "planner/planner.hpp"  // tag_matches

namespace afs {

std::vector<std::string> matching_tags(const Plan& plan, const std::string& pattern) {
    std::vector<std::string> tags;
    for (uint32_t n = 0; n < plan.abi->n_nodes; ++n) {
        const afs_value& value = *plan.abi->values[plan.abi->nodes[n]->output];
        if (value.kind != AFS_VALUE_ACT || value.dtype == AFS_I32) continue;
        if (pattern == "all" || tag_matches(pattern, value.tag)) tags.emplace_back(value.tag);
    }
    return tags;
}

Result<TracedValues> trace_values(Engine& engine, const std::vector<std::string>& tags,
                                  const std::vector<int32_t>& ids, uint32_t chunk,
                                  std::vector<float>* logits) {
    AFS_TRY(engine.tap(tags, Engine::Unformed::skip));
    auto ran = engine.logits(ids, chunk);
    if (!ran) return ran.status();
    AFS_TRY(engine.tap({}));
    if (logits) *logits = std::move(*ran);
    TracedValues values;
    for (Engine::Tap& tap : engine.take_taps()) {
        TracedValue& value = values[tap.tag];
        if (value.dims.empty())
            value.dims = tap.dims;
        else
            value.dims[0] += tap.dims[0];
        value.data.insert(value.data.end(), tap.data.begin(), tap.data.end());
    }
    return values;
}

}  // namespace afs
