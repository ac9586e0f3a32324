#include "planner_graph.hpp"

#include <limits>

namespace afs::fuzz {
namespace {

// Sizes that fit each other: hidden 8, 2 heads of 4, 1 kv head, ffn 12, vocabulary 16.
constexpr int64_t kHidden = 8, kHeadDim = 4, kFfn = 12, kVocab = 16;

class Drawer {
public:
    Drawer(FuzzedDataProvider& in, GraphBuilder& g) : in_(in), g_(g) {
        norm_.eps = 1e-5f;
        rope_.head_dim = kHeadDim;
        rope_.theta = 10000;
        attention_.n_heads = 2;
        attention_.n_kv_heads = 1;
        attention_.head_dim = kHeadDim;
        attention_.scale = 0.5f;
    }

    const afs_graph* draw() {
        const uint32_t n_layers = in_.ConsumeIntegralInRange<uint32_t>(0, 3);
        n_groups_ = in_.ConsumeIntegralInRange<uint32_t>(1, 2);
        layers_left_.assign(n_groups_, n_layers);
        for (uint32_t i = 0; i < n_groups_; ++i) g_.kv_group(n_layers, 1, kHeadDim);
        hidden_.push_back(weighted("embed", {kVocab, kHidden},
                                   [&](const std::string& tag) { return g_.embed(tag); }));
        for (uint32_t i = 0; i < n_layers; ++i) {
            g_.layer(static_cast<int32_t>(i));
            cache_layer();
            const uint32_t n_ops = in_.ConsumeIntegralInRange<uint32_t>(0, 6);
            for (uint32_t op = 0; op < n_ops; ++op) any_op();
        }
        g_.layer(GraphBuilder::kOutside);
        head();
        const auto made = g_.finish();
        return made.ok() ? *made : nullptr;
    }

private:
    using Value = GraphBuilder::Value;

    Value hidden() { return hidden_[in_.ConsumeIntegral<uint8_t>() % hidden_.size()]; }
    std::string name(const char* op) { return op + std::to_string(n_names_++); }
    template <class F>
    Value weighted(const std::string& tag, const std::vector<int64_t>& dims, F&& make) {
        g_.weight({tag + ".weight", tag + "{}", dims});
        return make(tag);
    }
    Value linear(const char* op, Value x, int64_t from, int64_t to) {
        return weighted(name(op), {to, from},
                        [&](const std::string& tag) { return g_.linear(tag, x); });
    }
    // k and v of the next layer of some group, and most often an attention that reads them.
    void cache_layer() {
        const uint32_t group = in_.ConsumeIntegralInRange<uint32_t>(0, n_groups_ - 1);
        if (layers_left_[group] == 0) return;
        --layers_left_[group];
        Value k = linear("k", hidden(), kHidden, kHeadDim);
        const Value v = linear("v", hidden(), kHidden, kHeadDim);
        if (in_.ConsumeBool()) k = g_.rope(name("k_rope"), k, rope_);
        const Value cache = g_.kv_append(name("kv"), k, v, group);
        if (!in_.ConsumeBool()) return;
        const Value q = linear("q", hidden(), kHidden, 2 * kHeadDim);
        hidden_.push_back(g_.attention(name("ctx"), q, cache, attention_));
    }
    void any_op() {
        const Value x = hidden();
        switch (in_.ConsumeIntegralInRange<int>(0, 4)) {
            case 0:
                hidden_.push_back(weighted(name("norm"), {kHidden}, [&](const std::string& tag) {
                    return g_.rms_norm(tag, x, norm_);
                }));
                break;
            case 1: hidden_.push_back(linear("p", x, kHidden, kHidden)); break;
            case 2: hidden_.push_back(g_.rope(name("rope"), x, rope_)); break;
            case 3: {
                const Value gate = linear("gate", x, kHidden, kFfn);
                const Value up = linear("up", hidden(), kHidden, kFfn);
                hidden_.push_back(linear("down", g_.swiglu(name("act"), gate, up), kFfn, kHidden));
                break;
            }
            default: hidden_.push_back(g_.add(name("add"), x, hidden()));
        }
    }
    void head() {
        const Value rows = g_.select_rows("rows", hidden());
        const Value logits = in_.ConsumeBool() ? g_.linear("logits", rows, g_.find("embed.weight"))
                                               : linear("logits", rows, kHidden, kVocab);
        g_.output(logits);
        if (in_.ConsumeBool()) g_.output(hidden());
        if (in_.ConsumeBool()) g_.output(g_.sample("sampled", logits));
    }

    FuzzedDataProvider& in_;
    GraphBuilder& g_;
    afs_rms_norm_params norm_ = make<afs_rms_norm_params>();
    afs_rope_params rope_ = make<afs_rope_params>();
    afs_attention_params attention_ = make<afs_attention_params>();
    std::vector<Value> hidden_;  // values of [n_tokens, kHidden]
    std::vector<uint32_t> layers_left_;
    uint32_t n_groups_ = 1, n_names_ = 0;
};

const afs_graph& draw(FuzzedDataProvider& in, GraphBuilder& builder) {
    const afs_graph* graph = Drawer(in, builder).draw();
    if (!graph) std::abort();  // the drawer's own mistake
    return *graph;
}

template <class T>
T& any(FuzzedDataProvider& in, std::deque<T>& list) {
    return list[in.ConsumeIntegral<uint16_t>() % list.size()];
}

int64_t odd_number(FuzzedDataProvider& in) {
    static constexpr int64_t kOdd[] = {0,
                                       1,
                                       -1,
                                       -2,
                                       -3,
                                       2,
                                       3,
                                       4,
                                       8,
                                       16,
                                       1 << 20,
                                       int64_t{1} << 31,
                                       12,
                                       24,
                                       31,
                                       256,
                                       int64_t{1} << 32,
                                       std::numeric_limits<int64_t>::max(),
                                       std::numeric_limits<int64_t>::min()};
    return in.PickValueInArray(kOdd);
}

// Never a struct longer than it is, a count beyond its array or a wild pointer: nobody could check.
void overwrite(FuzzedDataProvider& in, test::OpenGraph& g) {
    static const char* const kOps[] = {"embed/1",  "rms_norm/1", "linear/1",      "rope/1",
                                       "swiglu/1", "add/1",      "select_rows/1", "sample/1",
                                       "",         "linear",     nullptr};
    const auto u32 = [&] { return static_cast<uint32_t>(odd_number(in)); };
    const auto i32 = [&] { return static_cast<int32_t>(odd_number(in)); };
    switch (in.ConsumeIntegralInRange<int>(0, 12)) {
        case 0:
            any(in, g.values).dims[in.ConsumeIntegral<uint8_t>() % AFS_MAX_RANK] = odd_number(in);
            break;
        case 1: any(in, g.values).kind = i32(); break;
        case 2: any(in, g.values).dtype = i32(); break;
        case 3: any(in, g.values).rank = i32(); break;
        case 4: any(in, g.values).kv_group = i32(); break;
        case 5: any(in, g.values).kv_layer = i32(); break;
        case 6: any(in, g.values).tag = in.ConsumeBool() ? nullptr : "embed"; break;
        case 7: {
            auto& inputs = any(in, g.inputs);
            if (inputs.empty()) break;
            inputs[in.ConsumeIntegral<uint8_t>() % inputs.size()] =
                in.ConsumeBool()
                    ? u32()
                    : static_cast<uint32_t>(in.ConsumeIntegral<uint16_t>() % g.values.size());
            break;
        }
        case 8:
            any(in, g.nodes).output =
                static_cast<uint32_t>(in.ConsumeIntegral<uint16_t>() % (g.values.size() + 1));
            break;
        case 9: {
            afs_node& node = any(in, g.nodes);
            if (!node.params) node.op = in.PickValueInArray(kOps);
            break;
        }
        case 10: {
            auto& list = g.node_list;
            std::swap(list[in.ConsumeIntegral<uint16_t>() % list.size()],
                      list[in.ConsumeIntegral<uint16_t>() % list.size()]);
            break;
        }
        case 11: g.outputs[in.ConsumeIntegral<uint8_t>() % g.outputs.size()] = u32(); break;
        default: {
            afs_kv_group& group = any(in, g.groups);
            uint32_t* const fields[] = {&group.n_layers, &group.n_kv_heads, &group.head_dim,
                                        &group.window};
            *fields[in.ConsumeIntegral<uint8_t>() % 4] = u32();
        }
    }
}

}  // namespace

DrawnGraph::DrawnGraph(FuzzedDataProvider& in) : open(draw(in, builder)) {}

std::unique_ptr<DrawnGraph> make_graph(FuzzedDataProvider& in) {
    auto graph = std::make_unique<DrawnGraph>(in);
    for (uint32_t n = in.ConsumeIntegralInRange<uint32_t>(0, 3); n > 0; --n)
        overwrite(in, graph->open);
    return graph;
}

int32_t weight_dtype(FuzzedDataProvider& in, const afs_graph& graph, uint32_t line) {
    const int32_t stated = graph.values[graph.weights[line]->value]->dtype;
    static constexpr int32_t kDtypes[] = {AFS_BF16, AFS_BF16, AFS_F32, AFS_F16,
                                          AFS_Q8_0, AFS_I32,  0,       77};
    if (stated != AFS_DTYPE_NONE || !in.ConsumeBool())
        return stated == AFS_DTYPE_NONE ? AFS_BF16 : stated;
    return in.PickValueInArray(kDtypes);
}

std::string pin_pattern(FuzzedDataProvider& in, const afs_graph& graph) {
    static const char* const kPatterns[] = {
        "linear/1", "add/1",   "attention/1", "sample/1",  "L*.p*", "L0.*",
        "*",        "L*.ctx*", "L*.kv*",      "softmax/1", ""};
    if (in.ConsumeBool()) return in.PickValueInArray(kPatterns);
    const uint32_t n = in.ConsumeIntegral<uint16_t>() % graph.n_nodes;
    return graph.values[graph.nodes[n]->output]->tag;
}

}  // namespace afs::fuzz
