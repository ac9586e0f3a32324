#include "compare/wrong_case.hpp"

#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "compare/weight_rows.hpp"
#include "conformance/cases/case_spec.hpp"
#include "report/report.hpp"
#include "trace/tensor_file.hpp"

namespace afs {
namespace {

using Json = nlohmann::ordered_json;

Json params_of(const afs_node& node) {
    const std::string op = node.op;
    if (op == "rms_norm/1") {
        const auto p = read<afs_rms_norm_params>(node.params);
        return {{"eps", p.eps}, {"weight_before_cast", p.weight_before_cast}};
    }
    if (op == "rope/1") {
        const auto p = read<afs_rope_params>(node.params);
        return {{"head_dim", p.head_dim},
                {"theta", p.theta},
                {"table_in_act_dtype", p.table_in_act_dtype},
                {"scaling", p.scaling},
                {"factor", p.factor},
                {"low_freq_factor", p.low_freq_factor},
                {"high_freq_factor", p.high_freq_factor},
                {"original_max_position", p.original_max_position}};
    }
    if (op == "attention/1") {
        const auto p = read<afs_attention_params>(node.params);
        return {{"n_heads", p.n_heads},
                {"n_kv_heads", p.n_kv_heads},
                {"head_dim", p.head_dim},
                {"scale", p.scale}};
    }
    return Json::object();
}

// Activations that the node reads; of a cache those that were appended to it.
std::vector<std::string> input_tags(const Plan& plan, const afs_node& node) {
    const afs_graph& graph = *plan.abi;
    std::vector<std::string> tags;
    for (uint32_t i = 0; i < node.n_inputs; ++i) {
        const afs_value& value = *graph.values[node.inputs[i]];
        if (value.kind == AFS_VALUE_ACT) tags.emplace_back(value.tag);
        if (value.kind != AFS_VALUE_KV) continue;
        for (uint32_t n = 0; n < graph.n_nodes; ++n)
            if (graph.nodes[n]->output == node.inputs[i])
                for (const uint32_t side : {0u, 1u})
                    tags.emplace_back(graph.values[graph.nodes[n]->inputs[side]]->tag);
    }
    return tags;
}

}  // namespace

std::string conformance_arguments(const Runtime& side, const WrongTag& wrong, uint32_t n_tokens) {
    const Plan& plan = side.plan();
    const afs_graph& graph = *plan.abi;
    const afs_node& node = *graph.nodes[wrong.node];
    const afs_value& out = *graph.values[node.output];
    const bool decode = wrong.step_class == "decode steps";
    const Weight* weight = node.n_inputs > 1 ? side.weights().of_value(node.inputs[1]) : nullptr;
    const std::string op = node.op;
    if (op == "attention/1") {
        const auto p = read<afs_attention_params>(node.params);
        const afs_value& kv = *graph.values[node.inputs[1]];
        const afs_kv_layout& layout = plan.kv_layouts[static_cast<size_t>(kv.kv_group)];
        auto spec = conformance::spec(op, out.dtype, layout.dtype, "normal");
        spec.set("h", p.n_heads).set("kv", p.n_kv_heads).set("hd", p.head_dim);
        spec.set("bs", layout.block_size);
        spec.set("seqs",
                 decode ? std::to_string(n_tokens - 1) + "+1" : "0+" + std::to_string(n_tokens));
        if (decode) spec.set("decode", 1);
        return "--case " + spec.id();
    }
    if (op == "linear/1" && weight) {
        auto spec = conformance::spec(op, out.dtype, weight->dtype, "normal");
        spec.set("n", decode ? 1 : n_tokens).set("m", weight->dims[0]).set("k", weight->dims[1]);
        if (decode) spec.set("decode", 1);
        return "--case " + spec.id();
    }
    return "--op " + op;
}

Status write_case(Runtime& side, const WrongTag& wrong, const std::vector<int32_t>& ids,
                  const std::string& folder) {
    const Plan& plan = side.plan();
    const afs_node& node = *plan.abi->nodes[wrong.node];
    std::vector<std::string> tags = input_tags(plan, node);
    Json json = {
        {"op", wrong.op},
        {"tag", wrong.tag},
        {"steps", wrong.step_class},
        {"kernels", wrong.backend},
        {"model", side.model_origin()},
        {"dtype", side.dtype()},
        {"plan", plan.id},
        {"params", params_of(node)},
        {"inputs", tags},
        {"output", wrong.tag},
        {"verdict", wrong.text},
        {"looks_like", wrong.looks_like},
        {"conformance", conformance_arguments(side, wrong, static_cast<uint32_t>(ids.size()))},
        {"ids", ids}};
    for (const Backend& backend : plan.backends)
        if (backend.name == wrong.backend) {
            json["path"] = backend.path;
            json["sha256"] = backend.sha256;
        }
    tags.push_back(wrong.tag);
    AFS_ASSIGN(TracedValues values,
               trace_values(side.engine(), tags, ids, wrong.step_class == "decode steps" ? 1 : 0));
    for (uint32_t i = 0; i < node.n_inputs; ++i) {
        const Weight* weight = side.weights().of_value(node.inputs[i]);
        if (!weight || weight->bytes > (uint64_t{64} << 20)) continue;
        TracedValue& value = values["weight"];
        value.dims.assign(weight->dims, weight->dims + weight->rank);
        std::vector<double> rows;
        const size_t n = weight->rank > 1 ? static_cast<size_t>(weight->dims[0]) : 1;
        for (size_t row = 0; row < n; ++row) append_weight_row(plan, *weight, row, rows);
        value.data.assign(rows.begin(), rows.end());
    }
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    AFS_TRY(report::write_file(folder + "/case.json",
                               json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"));
    return write_tensors(folder + "/values.safetensors", values);
}

}  // namespace afs
