// Runs a resolved graph node by node on one backend and keeps every value of the last step: the
// shortest way from a model plugin to numbers, without planner or engine.
//
//   GraphRunner runner(*resolved, kernels, weight_of_line, {.block_size = 4});
//   runner.run(step);  runner.value("L0.attn.q");  runner.sampled();
//   runner.after = [](const std::string& tag, afs_tensor& value) { look, or put another there };
//
// What fails throws: a test that gets here has nothing to recover.
#pragma once
#include <algorithm>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "afs/graph/resolved_graph.hpp"
#include "afs/kernels.hpp"
#include "conformance/cases/array.hpp"
#include "conformance/run/domain_memory.hpp"

namespace afs::test {

using namespace conformance;

struct RunnerOptions {
    uint32_t block_size = 16, n_blocks = 64, max_tokens = 256;
    Device* device = nullptr;  // the backend's own; NULL: host memory
};

class GraphRunner {
public:
    // weight: the tensor for one line of the graph's weight table; it must outlive the runner.
    GraphRunner(const ResolvedGraph& resolved, KernelBackend& backend,
                const std::function<afs_tensor(uint32_t line)>& weight, RunnerOptions options)
        : graph_(resolved.graph()),
          resolved_(resolved),
          options_(options),
          memory_(options.device),
          step_memory_(std::make_unique<DomainMemory>(options.device)) {
        tensors_.resize(graph_.n_values);
        for (uint32_t line = 0; line < graph_.n_weights; ++line) {
            afs_tensor& t = tensors_[graph_.weights[line]->value] = weight(line);
            void* at = memory_.room(bytes_of(t));
            memory_.put(at, t.data, bytes_of(t));
            t.data = at;
        }
        for (uint32_t g = 0; g < graph_.n_kv_groups; ++g) make_cache(*graph_.kv_groups[g]);
        make_limits();
        for (uint32_t n = 0; n < graph_.n_nodes; ++n) prepare(backend, n);
        ids_ = memory_.put_in(std::vector<int32_t>(options.max_tokens));
        workspace_ = memory_.room(workspace_bytes_);
        must(memory_.status, "memory");
    }

    // Every row is sampled greedily. The rows of `step` are filled in here.
    void run(StepData data) {
        const uint32_t n_rows = data.n_rows();
        afs_row row{};
        row.top_p = 1;
        row.flags = AFS_ROW_SAMPLE | AFS_ROW_LOGITS;
        row.n_vocab = static_cast<int32_t>(graph_.values[graph_.outputs[0]]->dims[1]);
        data.rows.assign(n_rows, row);
        step_memory_ = std::make_unique<DomainMemory>(options_.device);
        const afs_step step = step_in(*step_memory_, data, ids_, nullptr);
        for (uint32_t n = 0; n < graph_.n_nodes; ++n) execute(n, step);
        must(step_memory_->status, "memory");
        n_sampled_ = n_rows;
    }

    // A value of the last step, row by row.
    std::vector<double> value(const std::string& tag) const {
        const uint32_t index = resolved_.find(tag);
        if (index == kNone) throw std::runtime_error("no value " + tag);
        const afs_tensor& t = tensors_[index];
        const std::vector<uint8_t> bytes = read_back(t);
        std::vector<double> out(bytes.size() / dtype_size(t.dtype));
        for (size_t i = 0; i < out.size(); ++i) out[i] = decode(bytes.data(), t.dtype, i);
        return out;
    }
    std::vector<int32_t> sampled() {
        std::vector<int32_t> ids(n_sampled_);
        memory_.take_out(ids, ids_);
        return ids;
    }

    // Called after each node that writes an activation, with a host copy that then takes its place.
    std::function<void(const std::string& tag, afs_tensor& value)> after;

private:
    static void must(const Status& status, const std::string& what) {
        if (!status.ok()) throw std::runtime_error(what + ": " + status.message());
    }
    static size_t bytes_of(const afs_tensor& t) {
        size_t n = dtype_size(t.dtype);
        for (const int64_t extent : t.dims) n *= static_cast<size_t>(extent);
        return n;
    }
    std::vector<uint8_t> read_back(const afs_tensor& t) const {
        std::vector<uint8_t> bytes(bytes_of(t));
        step_memory_->sync();
        step_memory_->take_out(bytes, t.data);
        return bytes;
    }
    void make_cache(const afs_kv_group& group) {
        auto layout = make<afs_kv_layout>();
        layout.dtype = graph_.values[graph_.nodes[0]->output]->dtype;
        layout.block_size = options_.block_size;
        layout.n_kv_heads = group.n_kv_heads;
        layout.head_dim = group.head_dim;
        const int64_t hd = group.head_dim, slots = options_.block_size;
        layout.block_elems = group.n_kv_heads * slots * hd;
        const int64_t strides[] = {layout.block_elems, slots * hd, hd, 1};
        std::copy(strides, strides + 4, layout.k_stride);
        std::copy(strides, strides + 4, layout.v_stride);
        layouts_.push_back(std::make_unique<afs_kv_layout>(layout));
        layout_list_.push_back(layouts_.back().get());
        const size_t size =
            options_.n_blocks * static_cast<size_t>(layout.block_elems) * dtype_size(layout.dtype);
        caches_.emplace_back();
        for (uint32_t layer = 0; layer < group.n_layers; ++layer) {
            // 0xff: NaN in every float type, so that reading what nobody wrote shows.
            uint8_t* k = memory_.put_in(std::vector<uint8_t>(2 * size, uint8_t{0xff}));
            caches_.back().push_back({k, k + size, layouts_.back().get()});
        }
    }
    void make_limits() {
        limits_.step_class = AFS_CLASS_GENERAL;
        limits_.max_tokens = limits_.max_rows = limits_.max_seqs = options_.max_tokens;
        limits_.max_blocks = options_.n_blocks;
        limits_.max_context = options_.n_blocks * options_.block_size;
        limits_.deterministic = 1;
    }
    void prepare(KernelBackend& backend, uint32_t node) {
        afs_query query = make<afs_query>();
        query.node = node;
        query.graph = &graph_;
        query.limits = &limits_;
        query.kv_layouts = layout_list_.data();
        afs_verdict verdict = make<afs_verdict>();
        must(backend.query(query, verdict), "query");
        const std::string tag = graph_.values[graph_.nodes[node]->output]->tag;
        if (!verdict.supported) throw std::runtime_error(tag + ": " + verdict.reason);
        auto op = backend.prepare(query);
        must(op.status(), tag);
        ops_.push_back(std::move(*op));
        workspace_bytes_ = std::max(workspace_bytes_, size_t{verdict.workspace_bytes});
        states_.push_back(memory_.put_in(std::vector<uint8_t>(verdict.state_bytes)));
    }
    // Gives an activation its memory for this step. ids: one buffer, as prev_ids wants it.
    void place(uint32_t index, const afs_step& step) {
        const afs_value& v = *graph_.values[index];
        afs_tensor& t = tensors_[index];
        t = afs_tensor{};
        t.dtype = v.dtype;
        t.rank = v.rank;
        std::fill(t.dims, t.dims + AFS_MAX_RANK, 1);
        std::fill(t.strides, t.strides + AFS_MAX_RANK, 1);
        for (int32_t axis = v.rank; axis-- > 0;) {
            const int64_t extent = v.dims[axis];
            t.dims[axis] = extent == AFS_DIM_TOKENS ? step.n_tokens
                           : extent == AFS_DIM_ROWS ? step.n_rows
                                                    : extent;
            if (axis + 1 < v.rank) t.strides[axis] = t.strides[axis + 1] * t.dims[axis + 1];
        }
        t.data = v.dtype == AFS_I32
                     ? static_cast<void*>(ids_)
                     : step_memory_->put_in(std::vector<uint8_t>(bytes_of(t), uint8_t{0xff}));
    }
    void execute(uint32_t index, const afs_step& step) {
        const afs_node& node = *graph_.nodes[index];
        const afs_value& output = *graph_.values[node.output];
        const afs_kv* kv = nullptr;
        std::vector<afs_tensor> inputs;
        for (uint32_t i = 0; i < node.n_inputs; ++i) {
            inputs.push_back(tensors_[node.inputs[i]]);
            if (graph_.values[node.inputs[i]]->kind == AFS_VALUE_KV)
                kv = cache_of(*graph_.values[node.inputs[i]]);
        }
        if (output.kind == AFS_VALUE_KV)
            kv = cache_of(output);
        else
            place(node.output, step);
        if (output.kind == AFS_VALUE_ACT && output.dims[0] == AFS_DIM_ROWS && step.n_rows == 0)
            return;
        afs_run run = make<afs_run>();
        run.n_inputs = node.n_inputs;
        run.inputs = inputs.data();
        run.output = &tensors_[node.output];
        run.step = &step;
        run.kv = kv;
        run.workspace = workspace_;
        run.state = states_[index];
        must(ops_[index]->run(run), output.tag);
        if (!after || output.kind != AFS_VALUE_ACT) return;
        std::vector<uint8_t> bytes = read_back(tensors_[node.output]);
        afs_tensor copy = tensors_[node.output];
        copy.data = bytes.data();
        after(output.tag, copy);
        step_memory_->put(tensors_[node.output].data, bytes.data(), bytes.size());
    }
    const afs_kv* cache_of(const afs_value& v) const {
        return &caches_[static_cast<size_t>(v.kv_group)][static_cast<size_t>(v.kv_layer)];
    }

    const afs_graph& graph_;
    const ResolvedGraph& resolved_;
    RunnerOptions options_;
    afs_limits limits_ = make<afs_limits>();
    std::vector<std::unique_ptr<afs_kv_layout>> layouts_;
    std::vector<const afs_kv_layout*> layout_list_;
    DomainMemory memory_;                        // weights, caches, ids, workspace, states
    std::unique_ptr<DomainMemory> step_memory_;  // what the last step was given and made
    std::vector<afs_tensor> tensors_;            // by value
    std::vector<std::vector<afs_kv>> caches_;    // [group][layer]
    std::vector<std::unique_ptr<Op>> ops_;
    std::vector<void*> states_;  // by node
    size_t workspace_bytes_ = 0;
    void* workspace_ = nullptr;
    int32_t* ids_ = nullptr;
    uint32_t n_sampled_ = 0;
};

}  // namespace afs::test
