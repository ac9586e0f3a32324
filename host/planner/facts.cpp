// The graph's facts, the memories, and how both are named in texts.
#include <string>

#include "afs/numeric.hpp"  // dtype_name
#include "planner/context.hpp"

namespace afs {
namespace {

std::string dim_text(int64_t dim) {
    if (dim == AFS_DIM_TOKENS) return "n_tokens";
    if (dim == AFS_DIM_ROWS) return "n_rows";
    return std::to_string(dim);
}

}  // namespace

std::string shape_text(const afs_value& value) {
    std::string text = dtype_name(value.dtype);
    text += '[';
    for (int32_t i = 0; i < value.rank && i < AFS_MAX_RANK; ++i)
        text += (i ? ", " : "") + dim_text(value.dims[i]);
    return text + ']';
}

const char* class_name(uint32_t step_class) {
    return step_class == AFS_CLASS_DECODE ? "decode" : "general";
}

Status read_graph(PlanContext& context) {
    const afs_graph graph = read<afs_graph>(context.graph);
    context.producer.assign(graph.n_values, kNobody);
    for (uint32_t v = 0; v < graph.n_values; ++v) {
        context.values.push_back(read<afs_value>(graph.values[v]));
        const afs_value& value = context.values.back();
        context.value_tags.push_back(value.tag ? value.tag : "");
        if (value.kind == AFS_VALUE_KV &&
            (value.kv_group < 0 || static_cast<uint32_t>(value.kv_group) >= graph.n_kv_groups))
            return invalid("cannot plan the graph: value '" + context.value_tags.back() +
                           "' is of kv group " + std::to_string(value.kv_group) + ", there are " +
                           std::to_string(graph.n_kv_groups));
    }
    for (uint32_t n = 0; n < graph.n_nodes; ++n) {
        const afs_node node = read<afs_node>(graph.nodes[n]);
        NodeFacts facts;
        facts.op = node.op ? node.op : "";
        if (node.output >= graph.n_values || context.producer[node.output] != kNobody)
            return invalid("cannot plan the graph: node " + std::to_string(n) + " (" + facts.op +
                           ") writes value " + std::to_string(node.output) +
                           ", which is no free value");
        facts.tag = context.value_tags[node.output];
        facts.output = node.output;
        facts.inputs.assign(node.inputs, node.inputs + node.n_inputs);
        if (context.values[node.output].kind == AFS_VALUE_KV)
            facts.kv_group = context.values[node.output].kv_group;
        for (uint32_t input : facts.inputs) {
            if (input >= graph.n_values || (context.values[input].kind != AFS_VALUE_WEIGHT &&
                                            context.producer[input] == kNobody))
                return invalid("cannot plan the graph: node '" + facts.tag + "' reads value " +
                               std::to_string(input) + ", which nothing before it makes");
            if (context.values[input].kind == AFS_VALUE_KV)
                facts.kv_group = context.values[input].kv_group;
        }
        context.producer[node.output] = n;
        context.nodes.push_back(std::move(facts));
    }
    return {};
}

Status find_memories(PlanContext& context) {
    for (const Backend& backend : context.backends) {
        uint32_t memory = kNobody;
        for (uint32_t m = 0; m < context.memories.size(); ++m)
            if (context.memories[m].domain == backend.domain &&
                context.memories[m].ordinal == backend.device)
                memory = m;
        if (memory == kNobody) {
            Memory made;
            made.domain = backend.domain;
            made.ordinal = backend.device;
            for (uint32_t b = 0; b < context.backends.size() && backend.domain != "cpu/1"; ++b) {
                const Backend& other = context.backends[b];
                if (other.domain != backend.domain || other.device != backend.device ||
                    !other.api->device() || made.device)
                    continue;
                made.owner = b;
                made.device = std::shared_ptr<Device>(other.api, other.api->device());
            }
            if (backend.domain != "cpu/1" && !made.device)
                return invalid("cannot use '" + backend.name + "': its tensors live in domain '" +
                               backend.domain +
                               "', which no listed plugin owns (provides afs.device/1); list one "
                               "that does");
            memory = static_cast<uint32_t>(context.memories.size());
            context.memories.push_back(std::move(made));
        }
        context.memory_of_backend.push_back(memory);
    }
    return {};
}

}  // namespace afs
