// Graphs with random faults: validate never crashes, and what it accepts can be resolved.
#include <catch2/catch.hpp>

#include <limits>
#include <random>

#include "afs/graph/resolved_graph.hpp"
#include "afs/graph/validate.hpp"
#include "core/graph/toy_graph.hpp"

namespace {

using afs::test::OpenGraph;

class Mutator {
public:
    explicit Mutator(uint32_t seed) : random_(seed) {}

    void mutate(OpenGraph& g) {
        switch (pick(12)) {
            case 0: return value(g.values[pick(g.values.size())]);
            case 1: return value(g.values[pick(g.values.size())]);
            case 2: return node(g);
            case 3: return node(g);
            case 4: return weight(g.weights[pick(g.weights.size())]);
            case 5: return params(g.params[pick(g.params.size())]);
            case 6: return group(g.groups[pick(g.groups.size())]);
            case 7: return null_entry(g);
            case 8: return counts(g.graph);
            case 9:
                return std::swap(g.node_list[pick(g.node_list.size())],
                                 g.node_list[pick(g.node_list.size())]);
            case 10: g.outputs[pick(g.outputs.size())] = u32(); return;
            default: {
                auto& inputs = g.inputs[pick(g.inputs.size())];
                inputs[pick(inputs.size())] =
                    pick(2) ? u32() : static_cast<uint32_t>(pick(g.values.size()));
            }
        }
    }

private:
    size_t pick(size_t n) { return random_() % n; }
    int64_t number() {
        static const int64_t kOdd[] = {0,
                                       1,
                                       -1,
                                       -2,
                                       -3,
                                       2,
                                       3,
                                       5,
                                       8,
                                       16,
                                       24,
                                       31,
                                       32,
                                       50,
                                       256,
                                       1 << 20,
                                       int64_t{1} << 31,
                                       int64_t{1} << 32,
                                       std::numeric_limits<int64_t>::max(),
                                       std::numeric_limits<int64_t>::min()};
        return kOdd[pick(sizeof kOdd / sizeof *kOdd)];
    }
    uint32_t u32() { return static_cast<uint32_t>(number()); }
    int32_t i32() { return static_cast<int32_t>(number()); }
    float real() {
        static const float kOdd[] = {0.f,
                                     -1.f,
                                     1e-30f,
                                     1e30f,
                                     4.f,
                                     std::numeric_limits<float>::infinity(),
                                     std::numeric_limits<float>::quiet_NaN()};
        return kOdd[pick(sizeof kOdd / sizeof *kOdd)];
    }
    // A struct never claims to be longer than it is: nobody could check that.
    template <class T>
    void shrink(T& of) {
        of.struct_size = static_cast<uint32_t>(pick(sizeof(T) + 1));
    }

    void value(afs_value& v) {
        switch (pick(9)) {
            case 0: v.kind = i32(); break;
            case 1: v.dtype = i32(); break;
            case 2: v.rank = i32(); break;
            case 3: v.tag = pick(2) ? nullptr : (pick(2) ? "" : "embed"); break;
            case 4: v.kv_group = i32(); break;
            case 5: v.kv_layer = i32(); break;
            case 6: shrink(v); break;
            default: v.dims[pick(AFS_MAX_RANK)] = number();
        }
    }
    void node(OpenGraph& g) {
        static const char* const kOps[] = {"embed/1",       "rms_norm/1",  "linear/1", "rope/1",
                                           "kv_append/1",   "attention/1", "swiglu/1", "add/1",
                                           "select_rows/1", "sample/1",    "",         "linear",
                                           nullptr};
        afs_node& n = g.nodes[pick(g.nodes.size())];
        switch (pick(7)) {
            case 0: n.n_inputs = static_cast<uint32_t>(pick(n.n_inputs + 1)); break;
            case 1: n.inputs = nullptr; break;
            case 2: n.output = u32(); break;
            case 3: n.layer = i32(); break;
            case 4: n.params = nullptr; break;
            case 5: shrink(n); break;
            default: rename(n, kOps[pick(sizeof kOps / sizeof *kOps)]);
        }
    }
    // Another op reads other parameters, and as many inputs as its rule says: room for both.
    void rename(afs_node& n, const char* op) {
        spare_.emplace_back();
        n.op = op;
        if (n.params) {
            std::memcpy(&spare_.back(), n.params, sizeof(OpenGraph::Params));
            n.params = &spare_.back();
        }
    }
    void weight(afs_weight& w) {
        switch (pick(6)) {
            case 0: w.value = u32(); break;
            case 1: w.names = pick(2) ? nullptr : ""; break;
            case 2: w.duplicates = pick(2) ? nullptr : ""; break;
            case 3: w.split = i32(); break;
            case 4: w.head_dim = u32(); break;
            default: shrink(w);
        }
    }
    void params(OpenGraph::Params& p) {
        if (pick(4) == 0) return shrink(p.rope);
        if (pick(2)) {
            p.attention.n_heads = u32();
            p.attention.scale = real();
        } else {
            p.rope.theta = static_cast<double>(real());
            p.rope.factor = real();
            p.rope.head_dim = u32();
        }
    }
    void group(afs_kv_group& k) {
        uint32_t* const fields[] = {&k.n_layers, &k.n_kv_heads, &k.head_dim, &k.window};
        *fields[pick(4)] = u32();
        if (pick(4) == 0) shrink(k);
    }
    void null_entry(OpenGraph& g) {
        switch (pick(4)) {
            case 0: g.value_list[pick(g.value_list.size())] = nullptr; break;
            case 1: g.node_list[pick(g.node_list.size())] = nullptr; break;
            case 2: g.weight_list[pick(g.weight_list.size())] = nullptr; break;
            default: g.group_list[0] = nullptr;
        }
    }
    void counts(afs_graph& g) {
        uint32_t* const fields[] = {&g.n_values, &g.n_nodes, &g.n_weights, &g.n_kv_groups,
                                    &g.n_outputs};
        uint32_t& field = *fields[pick(5)];
        field = static_cast<uint32_t>(pick(field + 1));
        if (pick(8) == 0) shrink(g);
    }

    std::mt19937 random_;
    std::deque<OpenGraph::Params> spare_;
};

}  // namespace

TEST_CASE("validate survives any graph") {
    afs::GraphBuilder builder(AFS_F32);
    afs::test::build_toy(builder);
    const auto built = builder.finish();
    REQUIRE(built.ok());
    int accepted = 0, refused = 0;
    for (uint32_t seed = 0; seed < 20000; ++seed) {
        OpenGraph open(**built);
        Mutator mutator(seed);
        for (uint32_t n = 0; n <= seed % 4; ++n) mutator.mutate(open);
        const afs::Status status = afs::validate(open.graph);
        if (!status.ok()) {
            ++refused;
            if (status.message().size() < 20) FAIL("seed " << seed << ": " << status.message());
            continue;
        }
        ++accepted;
        std::vector<int32_t> dtypes;  // as stated, else bf16
        for (uint32_t i = 0; i < open.graph.n_weights; ++i) {
            const int32_t stated = open.values[open.weights[i].value].dtype;
            dtypes.push_back(stated == AFS_DTYPE_NONE ? AFS_BF16 : stated);
        }
        const auto resolved = afs::ResolvedGraph::resolve(open.graph, dtypes);
        if (!resolved.ok()) FAIL("seed " << seed << ": " << resolved.status().message());
        const afs::Status again = afs::validate((*resolved)->graph());
        if (!again.ok()) FAIL("seed " << seed << ": " << again.message());
    }
    // Some faults are none (a window, a layer number); most are.
    CHECK(accepted > 500);
    CHECK(refused > 10000);
}
