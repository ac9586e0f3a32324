// Kernel backends whose answers a test sets, and the graph that they are asked about.
#pragma once
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "afs/graph_builder.hpp"
#include "afs/kernels.hpp"
#include "planner/planner.hpp"

namespace afs_test {

// Two layers of norm, q, k, v, cache, attention, o, residual; then head and sampler. bf16.
class TinyGraph {
public:
    TinyGraph() {
        builder_.weight({"embed.weight", "embed", {32, 8}});
        auto x = builder_.embed("embed");
        const uint32_t group = builder_.kv_group(2, 1, 4);
        afs_rms_norm_params norm = afs::make<afs_rms_norm_params>();
        norm.eps = 1e-5f;
        afs_attention_params attention = afs::make<afs_attention_params>();
        attention.n_heads = 2, attention.n_kv_heads = 1, attention.head_dim = 4;
        attention.scale = 0.5f;
        for (int32_t l = 0; l < 2; ++l) {
            builder_.layer(l);
            builder_.weight({"attn.norm.weight", "n{}", {8}});
            builder_.weight({"attn.q.weight", "q{}", {8, 8}});
            builder_.weight({"attn.k.weight", "k{}", {4, 8}});
            builder_.weight({"attn.v.weight", "v{}", {4, 8}});
            builder_.weight({"attn.o.weight", "o{}", {8, 8}});
            const auto n = builder_.rms_norm("attn.norm", x, norm);
            const auto q = builder_.linear("attn.q", n), k = builder_.linear("attn.k", n),
                       v = builder_.linear("attn.v", n);
            const auto kv = builder_.kv_append("attn.kv", k, v, group);
            const auto ctx = builder_.attention("attn.ctx", q, kv, attention);
            x = builder_.add("attn.add", x, builder_.linear("attn.o", ctx));
        }
        builder_.layer(afs::GraphBuilder::kOutside);
        const auto rows = builder_.select_rows("rows", x);
        const auto logits = builder_.linear("logits", rows, builder_.find("embed.weight"));
        builder_.output(logits);
        builder_.output(builder_.sample("ids", logits));
        graph_ = *builder_.finish();
        for (uint32_t v = 0; v < graph_->n_values; ++v) {
            auto* value = const_cast<afs_value*>(graph_->values[v]);
            if (value->kind == AFS_VALUE_WEIGHT) value->dtype = AFS_BF16;
        }
    }
    const afs_graph* abi() const { return graph_; }
    uint32_t node(const std::string& tag) const {
        for (uint32_t n = 0; n < graph_->n_nodes; ++n)
            if (tag == graph_->values[graph_->nodes[n]->output]->tag) return n;
        throw std::runtime_error("no node " + tag);
    }
    std::string tag(uint32_t n) const { return graph_->values[graph_->nodes[n]->output]->tag; }

private:
    afs::GraphBuilder builder_{AFS_BF16};
    const afs_graph* graph_ = nullptr;
};

// Nothing of it is called by the planner: it only has to be there.
class NoDevice final : public afs::Device {
public:
    afs::Status info(afs_device_info&) override { return no(); }
    afs::Result<void*> alloc(int32_t, uint64_t) override { return no(); }
    void release(int32_t, void*) override {}
    afs::Status copy(afs_stream, int32_t, void*, const void*, uint64_t) override { return no(); }
    afs::Status fill(afs_stream, void*, uint8_t, uint64_t) override { return no(); }
    afs::Result<afs_stream> stream_create() override { return no(); }
    void stream_destroy(afs_stream) override {}
    afs::Status stream_sync(afs_stream) override { return no(); }
    afs::Result<afs_event*> event_create() override { return no(); }
    void event_destroy(afs_event*) override {}
    afs::Status event_record(afs_event*, afs_stream) override { return no(); }
    afs::Status event_sync(afs_event*) override { return no(); }
    afs::Status stream_wait(afs_stream, afs_event*) override { return no(); }

private:
    static afs::Status no() { return afs::unsupported("a planner has no business here"); }
};

class FakeBackend final : public afs::KernelBackend,
                          public afs::GraphBackend,
                          public afs::WeightPacker {
public:
    // Empty: every op.
    std::set<std::string> ops;
    // Beyond ops: a reason for a no, or empty.
    std::function<std::string(const afs::Node&, const afs_query&)> refuse;
    afs::Status query_status;
    uint32_t flags = AFS_BATCH_INVARIANT;
    std::vector<afs_kv_layout> wishes;
    // Sets it claims: for each node its set, or AFS_NO_SET; absent: no afs.graph/1.
    std::function<std::vector<uint32_t>(const afs_query&, const uint8_t*)> sets;
    std::function<afs_packing(uint32_t value, const std::vector<uint32_t>& nodes)> packing;
    bool owns_memory = false;
    std::string claim_reason = "wants no more";

    afs::Status query(const afs_query& query, afs_verdict& out) override {
        if (!query_status.ok()) return query_status;
        const afs::Node node(query);
        std::string why = ops.empty() || ops.count(node.op()) ? "" : "no such op here";
        if (why.empty() && refuse) why = refuse(node, query);
        out.supported = why.empty();
        afs::put(out.reason, why);
        out.acc_dtype = out.internal_dtype = AFS_F32;
        out.flags = flags;
        return {};
    }
    afs::Result<std::unique_ptr<afs::Op>> prepare(const afs_query&) override {
        return afs::unsupported("a planner prepares nothing");
    }
    bool kv_layout(const afs_graph&, uint32_t, uint32_t i, afs_kv_layout& out) override {
        if (i >= wishes.size()) return false;
        out = wishes[i];
        return true;
    }
    afs::GraphBackend* graph() override { return sets ? this : nullptr; }
    afs::WeightPacker* weights() override { return packing ? this : nullptr; }
    afs::Device* device() override { return owns_memory ? &device_ : nullptr; }

    afs::Status claim(const afs_query& query, const uint8_t* available, afs_claims& out) override {
        set_of_node_ = sets(query, available);
        uint32_t n_sets = 0;
        for (uint32_t set : set_of_node_)
            if (set != AFS_NO_SET) n_sets = std::max(n_sets, set + 1);
        kinds_.assign(n_sets, 0);
        out.n_sets = n_sets;
        out.set_of_node = set_of_node_.data();
        out.kind_of_set = kinds_.data();
        afs::put(out.reason, claim_reason);
        return {};
    }
    afs::Result<std::unique_ptr<afs::GraphProgram>> compile(const afs_query&, const afs_region&,
                                                            const afs_step&,
                                                            afs_compiled&) override {
        return afs::unsupported("a planner compiles nothing");
    }
    afs::Status plan(const afs_query&, uint32_t value, const uint32_t* nodes, uint32_t n_nodes,
                     afs_packing& out) override {
        out = packing(value, {nodes, nodes + n_nodes});
        return {};
    }
    afs::Status pack(const afs_query&, uint32_t, const afs_packing&, const afs_tensor&, void*,
                     afs_stream) override {
        return afs::unsupported("a planner packs nothing");
    }

private:
    NoDevice device_;
    std::vector<uint32_t> set_of_node_, kinds_;
};

// A request over a TinyGraph that keeps its backends at hand.
struct Case {
    TinyGraph graph;
    afs::PlanRequest request;

    Case() {
        request.abi = graph.abi();
        request.limits.max_tokens = 64;
        request.limits.max_seqs = 4;
        request.limits.max_context = 100;
    }
    FakeBackend& add(const std::string& name, std::set<std::string> ops = {},
                     const std::string& domain = "cpu/1") {
        return into(request.backends, name, std::move(ops), domain);
    }
    FakeBackend& add_fallback(const std::string& name) {
        return into(request.fallback, name, {}, "cpu/1");
    }
    FakeBackend& add_pinned(const std::string& name, std::set<std::string> ops = {}) {
        return into(request.pinned, name, std::move(ops), "cpu/1");
    }
    std::shared_ptr<const afs::Plan> plan() const {
        auto made = afs::make_plan(request);
        if (!made.ok()) throw std::runtime_error(made.status().message());
        return *made;
    }
    std::string error() const {
        const auto made = afs::make_plan(request);
        return made.ok() ? "" : made.status().message();
    }
    // Name of the backend that runs a node.
    std::string who(const afs::Plan& plan, const std::string& tag,
                    uint32_t step_class = AFS_CLASS_GENERAL) const {
        const uint32_t b = plan.classes[step_class].placements[graph.node(tag)].backend;
        return b == afs::kHostOwned ? "host" : plan.backends[b].name;
    }

private:
    FakeBackend& into(std::vector<afs::Backend>& list, const std::string& name,
                      std::set<std::string> ops, const std::string& domain) {
        auto fake = std::make_shared<FakeBackend>();
        fake->ops = std::move(ops);
        afs::Backend backend;
        backend.name = backend.plugin = name;
        backend.version = "1";
        backend.domain = domain;
        backend.api = fake;
        list.push_back(backend);
        return *fake;
    }
};

}  // namespace afs_test
