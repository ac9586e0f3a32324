// A toy whole-step plugin: claims every available node through afs.graph/1 and runs the set as one
// program; offers every op singly too. Option "kinds": "layers" claims one set a layer instead,
// "runs" one for each run of available nodes; "split" claims every second node (a set that paths
// leave and re-enter). Option "scaled": the value of this tag is off by 1 %.
#include <map>
#include <vector>

#include "afs/numeric.hpp"
#include "afs/plugin/kernels.hpp"
#include "simple_ops.hpp"

namespace {

class Program final : public afs::GraphProgram {
public:
    Program(const afs_query& query, const afs_region& region, const afs_step& bucket,
            std::string scaled)
        : graph_(query.graph), scaled_(std::move(scaled)) {
        for (uint32_t i = 0; i < region.n_nodes; ++i) {
            afs_query one = query;
            one.node = region.nodes[i];
            nodes_.push_back({afs::Node(one), afs_test::SimpleOp(afs::Node(one))});
            const afs_value out = nodes_.back().node.out();
            if (out.kind != AFS_VALUE_ACT) continue;
            int64_t n = 1;
            for (int32_t d = 0; d < out.rank; ++d) n *= size_of(out.dims[d], bucket);
            inside_[nodes_.back().node.output_id()].resize(static_cast<size_t>(n) *
                                                           afs::dtype_size(out.dtype));
        }
    }
    afs::Status bind(const afs_bind& bind, afs_stream) override {
        values_.assign(bind.values, bind.values + bind.n_values);
        kv_ = bind.kv;
        return {};
    }
    afs::Status exec(const afs_step& step, afs_stream) override {
        for (Step& s : nodes_) AFS_TRY(run(s, step));
        return {};
    }
    afs::Status tap(uint32_t value, const afs_tensor* into) override {
        if (!inside_.count(value) && (value >= values_.size() || !values_[value].data))
            return afs::unsupported("the toy step forms no such value");
        taps_.erase(value);
        if (into) taps_[value] = *into;
        return {};
    }

private:
    struct Step {
        afs::Node node;
        afs_test::SimpleOp op;
    };
    static int64_t size_of(int64_t dim, const afs_step& step) {
        return dim == AFS_DIM_TOKENS ? step.n_tokens : dim == AFS_DIM_ROWS ? step.n_rows : dim;
    }
    // The bound tensor, or scratch of this program; rows as this step has them.
    afs_tensor tensor(uint32_t value, const afs_step& step) {
        const afs_value v = afs::read<afs_value>(graph_->values[value]);
        if (v.kind == AFS_VALUE_WEIGHT) return values_[value];
        afs_tensor t{};
        t.dtype = v.dtype;
        t.rank = v.rank;
        for (int32_t d = AFS_MAX_RANK - 1, pitch = 1; d >= 0; --d) {
            t.dims[d] = d < v.rank ? size_of(v.dims[d], step) : 1;
            t.strides[d] = pitch;
            pitch *= static_cast<int32_t>(t.dims[d]);
        }
        t.data = values_[value].data;
        if (!t.data && inside_.count(value)) t.data = inside_[value].data();
        return t;
    }
    afs::Status run(Step& s, const afs_step& step) {
        const afs_value out = s.node.out();
        if (out.rank > 0 && out.dims[0] == AFS_DIM_ROWS && step.n_rows == 0) return {};
        afs_tensor inputs[2], output = tensor(s.node.output_id(), step);
        const afs_value* kv = out.kind == AFS_VALUE_KV ? &out : nullptr;
        afs_value input{};
        for (uint32_t i = 0; i < s.node.n_inputs(); ++i) {
            inputs[i] = tensor(s.node.input_id(i), step);
            input = s.node.in(i);
            if (input.kind == AFS_VALUE_KV) kv = &input;
        }
        afs_run record = afs::make<afs_run>();
        record.n_inputs = s.node.n_inputs();
        record.inputs = inputs;
        record.output = &output;
        record.step = &step;
        if (kv) record.kv = &kv_[kv->kv_group][kv->kv_layer];
        AFS_TRY(s.op.run(record));
        if (s.node.tag() == scaled_ && output.dtype == AFS_F32)
            for (int64_t i = 0; i < output.dims[0] * output.dims[1]; ++i)
                static_cast<float*>(output.data)[i] *= 1.01f;
        if (s.node.tag() == scaled_ && output.dtype == AFS_BF16)
            for (int64_t i = 0; i < output.dims[0] * output.dims[1]; ++i) {
                auto& x = static_cast<afs::bf16*>(output.data)[i];
                x = afs::to_bf16(1.01f * afs::to_float(x));
            }
        const auto tap = taps_.find(s.node.output_id());
        if (tap == taps_.end()) return {};
        int64_t n = 1;
        for (int64_t dim : output.dims) n *= dim;
        std::memcpy(tap->second.data, output.data,
                    static_cast<size_t>(n) * afs::dtype_size(output.dtype));
        return {};
    }

    const afs_graph* graph_;
    const std::string scaled_;
    std::vector<Step> nodes_;
    std::map<uint32_t, std::vector<char>> inside_;
    std::map<uint32_t, afs_tensor> taps_;
    std::vector<afs_tensor> values_;
    const afs_kv* const* kv_ = nullptr;
};

class SingleOp final : public afs::Op {
public:
    explicit SingleOp(const afs::Node& node) : op_(node) {}
    afs::Status run(const afs_run& run) override { return op_.run(run); }

private:
    afs_test::SimpleOp op_;
};

class Toy final : public afs::KernelBackend, public afs::GraphBackend {
public:
    explicit Toy(const afs::OpenArgs& args)
        : kinds_(args.option("kinds", "step")), scaled_(args.option("scaled", "")) {}
    static afs::Result<std::unique_ptr<afs::KernelBackend>> create(const afs::OpenArgs& args) {
        return std::unique_ptr<afs::KernelBackend>(new Toy(args));
    }
    afs::GraphBackend* graph() override { return this; }

    afs::Status query(const afs_query& query, afs_verdict& out) override {
        const std::string why = afs_test::SimpleOp::why_not(afs::Node(query));
        out.supported = why.empty();
        afs::put(out.reason, why);
        out.acc_dtype = out.internal_dtype = AFS_F32;
        out.flags = AFS_DETERMINISTIC | AFS_BATCH_INVARIANT | AFS_CAPTURE_SAFE;
        return {};
    }
    afs::Result<std::unique_ptr<afs::Op>> prepare(const afs_query& query) override {
        return std::unique_ptr<afs::Op>(new SingleOp(afs::Node(query)));
    }

    afs::Status claim(const afs_query& query, const uint8_t* available, afs_claims& out) override {
        set_of_node_.assign(query.graph->n_nodes, AFS_NO_SET);
        kinds_of_.clear();
        uint32_t last_set = AFS_NO_SET;
        int32_t last_layer = -2;
        for (uint32_t n = 0; n < query.graph->n_nodes; ++n) {
            afs_query one = query;
            one.node = n;
            const afs::Node node(one);
            if (!available[n] || !afs_test::SimpleOp::why_not(node).empty()) {
                if (kinds_ == "runs") last_set = AFS_NO_SET;
                continue;
            }
            if (kinds_ == "split" && n % 2) continue;
            const bool new_set =
                last_set == AFS_NO_SET || (kinds_ == "layers" && node.layer() != last_layer);
            if (new_set) {
                last_set = static_cast<uint32_t>(kinds_of_.size());
                kinds_of_.push_back(kinds_ == "layers" && node.layer() >= 0 ? 1 : last_set + 2);
            }
            last_layer = node.layer();
            set_of_node_[n] = last_set;
        }
        out.n_sets = static_cast<uint32_t>(kinds_of_.size());
        out.set_of_node = set_of_node_.data();
        out.kind_of_set = kinds_of_.data();
        afs::put(out.reason, "the toy step claims what it can compute");
        return {};
    }
    afs::Result<std::unique_ptr<afs::GraphProgram>> compile(const afs_query& query,
                                                            const afs_region& region,
                                                            const afs_step& bucket,
                                                            afs_compiled& out) override {
        out.flags = AFS_DETERMINISTIC;
        return std::unique_ptr<afs::GraphProgram>(new Program(query, region, bucket, scaled_));
    }

private:
    std::string kinds_, scaled_;
    std::vector<uint32_t> set_of_node_, kinds_of_;
};

}  // namespace

AFS_KERNELS_PLUGIN(Toy, "test-toy", "0.1", "Apache-2.0", "cpu/1", nullptr, "afs.ops/1",
                   "afs.graph/1");
