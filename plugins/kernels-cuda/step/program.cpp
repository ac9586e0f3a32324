#include "step/program.hpp"

#include <algorithm>
#include <map>

#include "afs/numeric.hpp"
#include "device/launch.hpp"
#include "step/match.hpp"

namespace afs::cuda {
namespace {

// The tensor of a value in a step of these sizes, its rows close together, without its data.
afs_tensor tensor_of(const afs_value& value, const afs_step& sizes) {
    afs_tensor t{};
    t.dtype = value.dtype;
    t.rank = value.rank;
    int64_t stride = 1;
    for (int axis = AFS_MAX_RANK - 1; axis >= 0; --axis) {
        int64_t extent = axis < value.rank ? value.dims[axis] : 1;
        if (extent == AFS_DIM_TOKENS) extent = sizes.n_tokens;
        if (extent == AFS_DIM_ROWS) extent = sizes.n_rows;
        t.dims[axis] = extent;
        t.strides[axis] = stride;
        stride *= extent;
    }
    return t;
}
uint64_t bytes_of(const afs_tensor& t) {
    uint64_t bytes = dtype_size(t.dtype);
    for (const int64_t extent : t.dims) bytes *= static_cast<uint64_t>(extent);
    return bytes;
}
uint64_t aligned(uint64_t bytes) {
    return (bytes + 255) / 256 * 256;
}

class Program final : public GraphProgram {
public:
    Program(const afs_graph& graph, const afs_step& sizes, std::function<Status()> enter)
        : graph_(graph), sizes_(sizes), enter_(std::move(enter)) {}

    void add(std::unique_ptr<Stage> stage) { stages_.push_back(std::move(stage)); }

    // Gives every value that only stages know a place in the workspace: those that live at the same
    // time lie apart. Returns the workspace's size.
    uint64_t plan(const afs_region& region) {
        std::map<uint32_t, size_t> last_use;
        for (size_t s = 0; s < stages_.size(); ++s)
            for (const uint32_t value : stages_[s]->inputs) last_use[value] = s;
        const std::set<uint32_t> outside(region.outputs, region.outputs + region.n_outputs);
        struct Range {
            uint64_t begin, end;
            size_t last;
        };
        std::vector<Range> busy;  // by begin
        uint64_t most = 0;
        for (size_t s = 0; s < stages_.size(); ++s) {
            busy.erase(std::remove_if(busy.begin(), busy.end(),
                                      [&](const Range& r) { return r.last < s; }),
                       busy.end());
            for (const uint32_t value : stages_[s]->outputs) {
                if (outside.count(value)) continue;
                const uint64_t bytes = aligned(bytes_of(tensor(value)));
                uint64_t begin = 0;
                auto before = busy.begin();
                for (; before != busy.end() && before->begin < begin + bytes; ++before)
                    begin = std::max(begin, before->end);
                const auto use = last_use.find(value);
                busy.insert(before,
                            {begin, begin + bytes, use == last_use.end() ? s : use->second});
                offsets_[value] = begin;
                most = std::max(most, begin + bytes);
            }
        }
        stages_at_ = most;
        uint64_t stages = 0;
        for (const auto& stage : stages_) stages = std::max(stages, stage->workspace_bytes);
        return most + stages;
    }
    uint64_t state_bytes() const {
        uint64_t bytes = 0;
        for (const auto& stage : stages_) bytes += aligned(stage->state_bytes);
        return bytes;
    }

    Status bind(const afs_bind& bind, afs_stream) override {
        AFS_TRY(enter_());
        char* const workspace = static_cast<char*>(bind.workspace);
        bound_.tensors.assign(bind.values, bind.values + bind.n_values);
        for (const auto& [value, offset] : offsets_) {
            bound_.tensors[value] = tensor(value);
            bound_.tensors[value].data = workspace + offset;
        }
        bound_.kv = bind.kv;
        bound_.turns_before = nullptr;
        bound_.workspace = workspace + stages_at_;
        char* state = static_cast<char*>(bind.state);
        for (const auto& stage : stages_) {
            AFS_TRY(stage->bind(bound_, state));
            if (stage->turns) bound_.turns_before = stage->turns;
            state += aligned(stage->state_bytes);
        }
        return {};
    }

    Status exec(const afs_step& step, afs_stream stream) override {
        AFS_TRY(enter_());
        bool early = false;  // what comes before the first stage is not ours
        for (const auto& stage : stages_) {
            if (stage->per_row && step.n_rows == 0) continue;
            AFS_TRY(stage->exec(step, early, static_cast<cudaStream_t>(stream)));
            early = true;
            if (!taps_.empty()) AFS_TRY(copy_taps(*stage, static_cast<cudaStream_t>(stream)));
        }
        return {};
    }

    Status tap(uint32_t value, const afs_tensor* into) override {
        const bool formed = std::any_of(stages_.begin(), stages_.end(), [&](const auto& stage) {
            return std::count(stage->outputs.begin(), stage->outputs.end(), value) > 0;
        });
        if (!formed)
            return unsupported(
                std::string("'") + graph_.values[value]->tag +
                "' is never formed: the step fuses it; open the plugin with fuse=false");
        taps_.erase(value);
        if (into) taps_[value] = *into;
        return {};
    }

private:
    afs_tensor tensor(uint32_t value) const {
        return tensor_of(read<afs_value>(graph_.values[value]), sizes_);
    }
    Status copy_taps(const Stage& stage, cudaStream_t stream) {
        for (const uint32_t value : stage.outputs) {
            const auto tap = taps_.find(value);
            if (tap == taps_.end()) continue;
            AFS_CUDA_TRY(cudaMemcpyAsync(tap->second.data, bound_.tensors[value].data,
                                         bytes_of(tensor(value)), cudaMemcpyDeviceToDevice,
                                         stream));
        }
        return {};
    }

    const afs_graph& graph_;
    afs_step sizes_;
    std::function<Status()> enter_;
    std::vector<std::unique_ptr<Stage>> stages_;  // in order
    std::map<uint32_t, uint64_t> offsets_;        // of values in the workspace
    uint64_t stages_at_ = 0;                      // where the stages' own workspace begins
    Bound bound_;
    std::map<uint32_t, afs_tensor> taps_;
};

}  // namespace

std::string StepGraph::why_not(const afs_query& query) const {
    const auto limits = read<afs_limits>(query.limits);
    if (!options_.fuse) return "opened with fuse=false";
    if (limits.step_class > AFS_CLASS_DECODE) return "only general and decode steps are known";
    if (limits.deterministic) return "deterministic: single ops, alike in every step";
    const bool fits = enter_().ok() && stream_fits_device();
    return fits ? "" : "fused steps need compute capability 9.0 or 10.0";
}

bool StepGraph::supports(const afs_query& query, uint32_t node) const {
    afs_query one = query;
    one.node = node;
    const OpEntry* op = find_(Node(one).op());
    if (!op) return false;
    OpCheck check(one, {AFS_F32, AFS_BF16, AFS_F16});
    afs_verdict verdict = make<afs_verdict>();
    op->query(check, verdict);
    return verdict.supported != 0;
}

// Every node that is available and supported; one set for each stretch between those that are not,
// so that no path leaves a set and comes back.
Status StepGraph::claim(const afs_query& query, const uint8_t* available, afs_claims& out) {
    const std::string why = why_not(query);
    put(out.reason, why.empty() ? "the step takes what single ops take" : why);
    if (!why.empty()) return {};
    const afs_graph& graph = *query.graph;
    set_of_node_.assign(graph.n_nodes, AFS_NO_SET);
    kind_of_set_.clear();
    std::vector<uint32_t> depth_of_value(graph.n_values, 0);  // nodes of others on the way to it
    std::map<uint32_t, uint32_t> set_of_depth;
    for (uint32_t n = 0; n < graph.n_nodes; ++n) {
        afs_query one = query;
        one.node = n;
        const Node node(one);
        uint32_t depth = 0;
        for (uint32_t i = 0; i < node.n_inputs(); ++i)
            depth = std::max(depth, depth_of_value[node.input_id(i)]);
        const bool ours = available[n] && supports(query, n);
        depth_of_value[node.output_id()] = ours ? depth : depth + 1;
        if (!ours) continue;
        const auto [set, is_new] =
            set_of_depth.emplace(depth, static_cast<uint32_t>(set_of_depth.size()));
        if (is_new) kind_of_set_.push_back(set->second);
        set_of_node_[n] = set->second;
    }
    out.n_sets = static_cast<uint32_t>(kind_of_set_.size());
    out.set_of_node = set_of_node_.data();
    out.kind_of_set = kind_of_set_.data();
    return {};
}

Result<std::unique_ptr<GraphProgram>> StepGraph::compile(const afs_query& query,
                                                         const afs_region& region,
                                                         const afs_step& bucket,
                                                         afs_compiled& out) {
    AFS_TRY(enter_());
    const std::vector<Fused> all = find_fused(query, region, bucket);
    std::map<uint32_t, const Fused*> by_place;
    std::set<uint32_t> inside;
    for (const Fused& f : all) {
        by_place[f.place] = &f;
        inside.insert(f.nodes.begin(), f.nodes.end());
    }
    auto program = std::make_unique<Program>(*query.graph, bucket, enter_);
    for (uint32_t i = 0; i < region.n_nodes; ++i) {
        const uint32_t n = region.nodes[i];
        if (const auto fused = by_place.find(n); fused != by_place.end()) {
            const Fused& f = *fused->second;
            program->add(
                f.is_heads
                    ? make_heads_stage(*query.graph, f.product, f.attention, options_.in_flight)
                : f.is_attention   ? make_attention_stage(*query.graph, f.attention)
                : !f.chain.empty() ? make_chain_stage(*query.graph, f.chain)
                : f.is_streamed    ? make_stream_stage(*query.graph, f.product, options_.in_flight)
                                   : make_product_stage(*query.graph, f.product));
        } else if (!inside.count(n)) {
            afs_query one = query;
            one.node = n;
            AFS_ASSIGN(auto stage, make_op_stage(*find_(Node(one).op()), one));
            program->add(std::move(stage));
        }
    }
    out.flags = AFS_CAPTURE_SAFE | AFS_DETERMINISTIC;
    out.workspace_bytes = program->plan(region);
    out.state_bytes = program->state_bytes();
    return std::unique_ptr<GraphProgram>(std::move(program));
}

}  // namespace afs::cuda
