#include "planner_answers.hpp"

#include "host/planner/fake_backend.hpp"

namespace afs::fuzz {
namespace {

// Drawn once: what a backend says is a function of what it is asked.
struct Character {
    uint64_t takes = 0;     // bit node % 64: it takes the node as a single op
    uint64_t claims = 0;    // bit node % 64: it wants the node in a set
    uint32_t set_span = 1;  // nodes of one set: neighbours in the graph
    uint32_t lie = 0;       // 1: claims what is not offered, 2: a set number too high, 3: a set
                            // without lists, 4: sets in stripes, 5: its answers fail
    uint32_t packed_bytes = 0, packed_format = 0;
    uint64_t salt = 0;
};

class DrawnBackend final : public KernelBackend, public GraphBackend, public WeightPacker {
public:
    explicit DrawnBackend(FuzzedDataProvider& in) {
        c_.takes = in.ConsumeBool() ? ~uint64_t{0} : in.ConsumeIntegral<uint64_t>();
        has_graph_ = in.ConsumeBool();
        c_.claims = has_graph_ ? in.ConsumeIntegral<uint64_t>() : 0;
        c_.set_span = in.ConsumeIntegralInRange<uint32_t>(1, 8);
        c_.lie = in.ConsumeBool() ? 0 : in.ConsumeIntegralInRange<uint32_t>(0, 5);
        has_weights_ = in.ConsumeBool();
        c_.packed_bytes = in.ConsumeBool() ? in.ConsumeIntegral<uint32_t>() : 0;
        c_.packed_format = in.ConsumeIntegralInRange<uint32_t>(0, 2);
        flags_ = in.ConsumeIntegral<uint8_t>();
        decode_differs_ = in.ConsumeBool();
        owns_memory_ = in.ConsumeBool();
        for (uint32_t n = in.ConsumeIntegralInRange<uint32_t>(0, 2); n > 0; --n)
            wishes_.push_back(draw_layout(in));
        endless_wishes_ = in.ConsumeBool();
    }

    Status query(const afs_query& query, afs_verdict& out) override {
        if (c_.lie == 5) return unsupported("it answers nothing today");
        const bool decode = query.limits->step_class == AFS_CLASS_DECODE;
        out.supported = bit(decode && decode_differs_ ? ~c_.takes : c_.takes, query.node);
        if (!out.supported && query.node % 2 == 0) put(out.reason, "it takes other nodes");
        out.acc_dtype = out.internal_dtype = AFS_F32;
        out.flags = flags_;
        return {};
    }
    Result<std::unique_ptr<Op>> prepare(const afs_query&) override { return no(); }
    bool kv_layout(const afs_graph&, uint32_t, uint32_t i, afs_kv_layout& out) override {
        if (wishes_.empty() || (i >= wishes_.size() && !endless_wishes_)) return false;
        out = wishes_[i % wishes_.size()];
        return true;
    }
    GraphBackend* graph() override { return has_graph_ ? this : nullptr; }
    WeightPacker* weights() override { return has_weights_ ? this : nullptr; }
    Device* device() override { return owns_memory_ ? &device_ : nullptr; }

    Status claim(const afs_query& query, const uint8_t* available, afs_claims& out) override {
        const uint32_t n_nodes = query.graph->n_nodes;
        out.n_sets = n_nodes / c_.set_span + 1;
        sets_.assign(n_nodes, AFS_NO_SET);
        for (uint32_t n = 0; n < n_nodes; ++n) {
            if (!bit(c_.claims, n) || (!available[n] && c_.lie != 1)) continue;
            sets_[n] = c_.lie == 4 ? n % out.n_sets : n / c_.set_span;
            if (c_.lie == 2 && n + 1 == n_nodes) sets_[n] = out.n_sets + 7;
        }
        kinds_.assign(out.n_sets, 3);
        if (c_.lie == 3) return {};
        out.set_of_node = sets_.data();
        out.kind_of_set = kinds_.data();
        return {};
    }
    Result<std::unique_ptr<GraphProgram>> compile(const afs_query&, const afs_region&,
                                                  const afs_step&, afs_compiled&) override {
        return no();
    }
    Status plan(const afs_query&, uint32_t, const uint32_t*, uint32_t, afs_packing& out) override {
        out.bytes = c_.packed_bytes;
        out.format = c_.packed_format;
        return {};
    }
    Status pack(const afs_query&, uint32_t, const afs_packing&, const afs_tensor&, void*,
                afs_stream) override {
        return no();
    }

private:
    static Status no() { return unsupported("a planner has no business here"); }
    static bool bit(uint64_t bits, uint32_t node) { return bits >> (node % 64) & 1; }

    // Most often one that fits the graphs' groups: 1 head of 4.
    static afs_kv_layout draw_layout(FuzzedDataProvider& in) {
        auto layout = make<afs_kv_layout>();
        layout.dtype = in.ConsumeBool() ? AFS_BF16 : in.ConsumeIntegral<int16_t>();
        layout.block_size = in.ConsumeBool() ? 16 : in.ConsumeIntegral<uint32_t>();
        layout.n_kv_heads = in.ConsumeBool() ? 1 : in.ConsumeIntegral<uint32_t>();
        layout.head_dim = in.ConsumeBool() ? 4 : in.ConsumeIntegral<uint32_t>();
        const int64_t block = int64_t{16} * 4;
        const int64_t plain[4] = {block, block, 4, 1};
        for (int i = 0; i < 4; ++i) {
            layout.k_stride[i] = layout.v_stride[i] = plain[i];
            if (!in.ConsumeBool()) continue;
            (in.ConsumeBool() ? layout.k_stride : layout.v_stride)[i] =
                in.ConsumeIntegral<int64_t>();
        }
        layout.block_elems = in.ConsumeBool() ? block : in.ConsumeIntegral<int64_t>();
        return layout;
    }

    Character c_;
    bool has_graph_ = false, has_weights_ = false, owns_memory_ = false, decode_differs_ = false,
         endless_wishes_ = false;
    uint32_t flags_ = 0;
    std::vector<afs_kv_layout> wishes_;
    std::vector<uint32_t> sets_, kinds_;
    afs_test::NoDevice device_;
};

}  // namespace

std::string backend_name(FuzzedDataProvider& in) {
    static const char* const kNames[] = {"a", "b", "c", "d", "e", "f"};
    return in.PickValueInArray(kNames);
}

Backend make_backend(FuzzedDataProvider& in) {
    static const char* const kDomains[] = {"cpu/1", "cpu/1", "cuda/1", "other/1"};
    Backend backend;
    backend.name = backend.plugin = backend_name(in);
    backend.version = "1";
    backend.domain = in.PickValueInArray(kDomains);
    backend.device = in.ConsumeIntegralInRange<uint32_t>(0, 1);
    backend.api = std::make_shared<DrawnBackend>(in);
    return backend;
}

}  // namespace afs::fuzz
