// The input drives a graph, backends and their answers: honest, mistaken or lying. The plan keeps
// its promises (planner_promises.cpp) or there is a refusal.
#include <fuzzer/FuzzedDataProvider.h>

#include "afs/graph/resolved_graph.hpp"
#include "afs/graph/validate.hpp"
#include "allocations.hpp"
#include "planner/explain.hpp"
#include "planner_answers.hpp"
#include "planner_graph.hpp"
#include "planner_promises.hpp"
#include "require.hpp"

using namespace afs::fuzz;

namespace {

afs::PlanRequest make_request(FuzzedDataProvider& in, const afs_graph& graph) {
    afs::PlanRequest request;
    request.limits.max_tokens = in.ConsumeIntegral<uint16_t>();
    request.limits.max_seqs = in.ConsumeIntegral<uint8_t>();
    request.limits.max_rows = in.ConsumeIntegral<uint8_t>();
    request.limits.max_context = in.ConsumeBool() ? in.ConsumeIntegral<uint32_t>() : 100;
    request.limits.max_blocks = in.ConsumeBool() ? in.ConsumeIntegral<uint8_t>() : 0;
    request.deterministic = in.ConsumeBool();
    request.allow_copies = in.ConsumeIntegralInRange<uint32_t>(0, 8);
    request.block_size = in.ConsumeBool() ? in.ConsumeIntegral<uint16_t>() : 0;
    request.unused_is_warning = in.ConsumeBool();
    for (auto* list : {&request.backends, &request.pinned, &request.fallback})
        for (uint32_t n = in.ConsumeIntegralInRange<uint32_t>(0, 3); n > 0; --n)
            list->push_back(make_backend(in));
    for (uint32_t n = in.ConsumeIntegralInRange<uint32_t>(0, 3); n > 0; --n)
        request.pins.push_back({pin_pattern(in, graph), backend_name(in)});
    return request;
}

void plan(FuzzedDataProvider& in, const afs_graph& built) {
    std::vector<int32_t> dtypes;
    for (uint32_t i = 0; i < built.n_weights; ++i) dtypes.push_back(weight_dtype(in, built, i));
    const auto resolved = afs::ResolvedGraph::resolve(built, dtypes);
    if (!resolved.ok()) return require_clean(resolved.status());
    const afs::Status valid = afs::validate((*resolved)->graph());
    require(valid.ok(), "resolving makes a graph invalid: " + valid.message());
    afs::PlanRequest request = make_request(in, (*resolved)->graph());
    request.graph = *resolved;
    const auto made = afs::make_plan(request);
    if (!made.ok()) return require_clean(made.status());
    check_promises(**made, request);
    require(!afs::explain_text(**made).empty(), "a plan without a text");
    const auto again = afs::make_plan(request);
    require(again.ok() && (*again)->id == (*made)->id, "the same request gives another plan");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    FuzzedDataProvider in(data, size);
    const AllocationLimit limit;
    const auto graph = make_graph(in);
    const afs::Status valid = afs::validate(graph->open.graph);
    if (valid.ok())
        plan(in, graph->open.graph);
    else
        require_clean(valid);
    return 0;
}
