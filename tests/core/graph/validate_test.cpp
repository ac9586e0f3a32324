// validate: each rule of the contract broken alone, and the words that name it.
#include <catch2/catch.hpp>

#include <functional>
#include <limits>
#include <string>

#include "afs/graph/validate.hpp"
#include "core/graph/toy_graph.hpp"

using afs::test::OpenGraph;

namespace {

std::string verdict(const afs_graph& graph) {
    return afs::validate(graph).message();
}

struct Case {
    std::function<void(OpenGraph&)> change;
    const char* message;
};

void check_all(const std::vector<Case>& cases) {
    afs::GraphBuilder builder(AFS_BF16);
    afs::test::build_toy(builder);
    const auto built = builder.finish();
    REQUIRE(built.ok());
    REQUIRE(verdict(**built).empty());
    for (const Case& c : cases) {
        OpenGraph open(**built);
        REQUIRE(verdict(open.graph).empty());
        c.change(open);
        CAPTURE(c.message);
        CHECK_THAT(verdict(open.graph), Catch::Contains(c.message));
        CHECK(afs::validate(open.graph).code() == afs::Code::invalid);
    }
}

}  // namespace

TEST_CASE("values, groups and lists") {
    check_all({
        {[](OpenGraph& g) { g.graph.values = nullptr; }, "a list is NULL"},
        {[](OpenGraph& g) { g.graph.outputs = nullptr; }, "a list is NULL"},
        {[](OpenGraph& g) { g.value_list[3] = nullptr; }, "value 3 is NULL"},
        {[](OpenGraph& g) { g.values[3].tag = nullptr; }, "value 3 has no tag"},
        {[](OpenGraph& g) { g.values[3].tag = ""; }, "value 3 has no tag"},
        {[](OpenGraph& g) { g.values[3].tag = "embed"; }, "'embed' shares its tag"},
        {[](OpenGraph& g) { g.value("embed").rank = 5; }, "'embed' has rank 5"},
        {[](OpenGraph& g) { g.value("embed").rank = -1; }, "'embed' has rank -1"},
        {[](OpenGraph& g) { g.value("embed").kind = 9; }, "'embed' is of unknown kind 9"},
        {[](OpenGraph& g) { g.values[3].struct_size = 4; }, "value 3 is shorter than"},
        {[](OpenGraph& g) { g.groups[0].struct_size = 0; }, "kv group 0 is shorter than"},
        {[](OpenGraph& g) { g.graph.struct_size = 0; }, "it is shorter than"},
        {[](OpenGraph& g) { g.value("embed").dtype = AFS_DTYPE_NONE; }, "'embed' has dtype 0"},
        {[](OpenGraph& g) { g.value("embed").dims[0] = 7; }, "expected n_tokens or n_rows first"},
        {[](OpenGraph& g) { g.value("embed").dims[1] = AFS_DIM_TOKENS; }, "expected sizes above 0"},
        {[](OpenGraph& g) { g.value("embed").dims[1] = 0; }, "expected sizes above 0"},
        {[](OpenGraph& g) { g.value("L0.q.weight").dtype = AFS_I32; }, "'L0.q.weight' has dtype 4"},
        {[](OpenGraph& g) {
             g.value("L0.q.weight").dims[0] = g.value("L0.q.weight").dims[1] = int64_t{1} << 40;
         },
         "below 2^50 in all"},
        {[](OpenGraph& g) { g.value("L0.kv").kv_group = 1; }, "'L0.kv' is of kv group 1 of 1"},
        {[](OpenGraph& g) { g.value("L0.kv").kv_group = -1; }, "'L0.kv' is of kv group -1"},
        {[](OpenGraph& g) { g.value("L0.kv").kv_layer = 2; }, "'L0.kv' is layer 2"},
        {[](OpenGraph& g) { g.value("L1.kv").kv_layer = 0; }, "which another value is already"},
        {[](OpenGraph& g) { g.groups[0].head_dim = 0; }, "kv group 0 has a size of 0"},
        {[](OpenGraph& g) { g.groups[0].n_layers = 0xffffffff; }, "kv group 0 has a size of"},
        {[](OpenGraph& g) { g.groups[0].n_layers = 3; }, "layer 2 of kv group 0 is nobody's"},
        {[](OpenGraph& g) { g.group_list[0] = nullptr; }, "kv group 0 is NULL"},
        {[](OpenGraph& g) { g.outputs[0] = 100000; }, "output 0 is value 100000"},
        {[](OpenGraph& g) { g.outputs[1] = 0; }, "output 1 is value 0, which is no activation"},
    });
}

TEST_CASE("the weight table") {
    check_all({
        {[](OpenGraph& g) { g.weight_list[2] = nullptr; }, "line 2 of the weight table is NULL"},
        {[](OpenGraph& g) { g.weights[2].struct_size = 8; },
         "line 2 of the weight table is shorter"},
        {[](OpenGraph& g) { g.weights[2].value = 100000; }, "which is no weight"},
        {[](OpenGraph& g) { g.weights[2].value = g.nodes[0].output; }, "which is no weight"},
        {[](OpenGraph& g) { g.weights[2].value = g.weights[3].value; },
         "another line fills already"},
        {[](OpenGraph& g) { --g.graph.n_weights; },
         "weight 'L1.down.weight' is on no line of the weight table"},
        {[](OpenGraph& g) { g.weights[2].names = nullptr; }, "names no tensor for 'L0.q.weight'"},
        {[](OpenGraph& g) { g.weights[2].names = ""; }, "names no tensor for 'L0.q.weight'"},
        {[](OpenGraph& g) { g.weights[2].split = 4; }, "splits along unknown axis 4"},
        {[](OpenGraph& g) { g.weights[2].transform = 2; }, "has unknown transform 2"},
        {[](OpenGraph& g) { g.weights[2].head_dim = 7; }, "into heads of 7"},
        {[](OpenGraph& g) { g.weights[2].head_dim = 0; }, "into heads of 0"},
        {[](OpenGraph& g) { g.weights[3].head_dim = 1; }, "odd heads of 1"},
    });
}

TEST_CASE("nodes: order, writers, arity") {
    check_all({
        {[](OpenGraph& g) { g.node_list[1] = nullptr; }, "node 1 is NULL"},
        {[](OpenGraph& g) { g.nodes[1].struct_size = 8; }, "node 1 is shorter than"},
        {[](OpenGraph& g) { g.node("L0.k").op = nullptr; }, "'L0.k' has no op"},
        {[](OpenGraph& g) { g.node("L0.k").op = "linear/2"; },
         "(linear/2) is of an unknown op; known: embed/1, rms_norm/1"},
        {[](OpenGraph& g) { g.node("L0.k").output = 100000; }, "writes value 100000"},
        {[](OpenGraph& g) { g.node("L0.k").layer = -2; }, "is of layer -2"},
        {[](OpenGraph& g) { g.node("L0.k").n_inputs = 1; }, "has 1 inputs, expected 2"},
        {[](OpenGraph& g) { g.node("L0.k").n_inputs = 1u << 31; }, "expected 2"},
        {[](OpenGraph& g) { g.node("L0.k").inputs = nullptr; }, "has 0 inputs, expected 2"},
        {[](OpenGraph& g) { g.inputs_of("L0.k")[1] = 100000; }, "reads value 100000"},
        {[](OpenGraph& g) { std::swap(g.node_list[2], g.node_list[4]); },
         "'L0.k_norm' (rms_norm/1) reads 'L0.k' before any node has written it"},
        {[](OpenGraph& g) { g.inputs_of("L0.k")[0] = g.node("L0.k").output; },
         "reads 'L0.k' before any node has written it"},
        {[](OpenGraph& g) { g.node("L0.v").output = g.node("L0.k").output; },
         "writes what another node wrote before"},
        {[](OpenGraph& g) { g.node("L0.k").output = g.weights[1].value; }, "writes a weight"},
        {[](OpenGraph& g) { --g.graph.n_nodes; }, "no node writes value 'sampled'"},
        {[](OpenGraph& g) { std::swap(g.node("L0.kv").output, g.node("L1.kv").output); },
         "'L0.ctx' (attention/1) reads 'L0.kv' before"},
    });
}

TEST_CASE("nodes: shapes, dtypes, parameters") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    check_all({
        {[](OpenGraph& g) { std::swap(g.inputs_of("L0.k")[1], g.inputs_of("L0.q")[1]); },
         "(linear/1) output 'L0.q' is activation bf16 [n_tokens, 32], expected [n_tokens, 16]"},
        {[](OpenGraph& g) { g.inputs_of("L0.gate")[1] = g.weights[6].value; },
         "input 1 'L0.out.weight' is weight [24, 32], expected [m, 24]"},
        {[](OpenGraph& g) { g.inputs_of("L0.k")[1] = g.node("embed").output; },
         "expected a weight"},
        {[](OpenGraph& g) { g.inputs_of("L0.mid")[1] = g.weights[0].value; },
         "expected an activation"},
        {[](OpenGraph& g) { g.inputs_of("L0.ctx")[1] = g.node("L0.k").output; },
         "expected a KV value"},
        {[](OpenGraph& g) { g.value("L0.mid").dtype = AFS_F32; }, "expected bf16"},
        {[](OpenGraph& g) { g.value("sampled").dtype = AFS_F32; }, "expected an int32 activation"},
        {[](OpenGraph& g) { g.value("logits").dims[0] = AFS_DIM_TOKENS; }, "expected [n_rows, 50]"},
        {[](OpenGraph& g) { g.value("rows").dims[0] = AFS_DIM_TOKENS; }, "expected [n_rows, 24]"},
        {[](OpenGraph& g) { g.value("embed").rank = 1; }, "expected [n_tokens, 24]"},
        {[](OpenGraph& g) { g.node("L0.ctx").params = nullptr; }, "has no parameters"},
        {[](OpenGraph& g) { g.params_of("L0.k_norm").norm.struct_size = 4; },
         "'L0.k_norm' (rms_norm/1) has parameters whose struct_size is shorter"},
        {[](OpenGraph& g) { g.params_of("L0.k_norm").norm.eps = 0; }, "eps is 0.0"},
        {[=](OpenGraph& g) { g.params_of("L0.k_norm").norm.eps = nan; }, "eps is nan"},
        {[](OpenGraph& g) { g.params_of("L0.k_norm").norm.weight_before_cast = 2; },
         "weight_before_cast is 2"},
        {[](OpenGraph& g) { g.params_of("L0.k_rope").rope.head_dim = 0; }, "head_dim is 0"},
        {[](OpenGraph& g) { g.params_of("L0.k_rope").rope.head_dim = 32; }, "head_dim is 32"},
        {[](OpenGraph& g) { g.params_of("L0.k_rope").rope.theta = -1; }, "theta is -1"},
        {[](OpenGraph& g) { g.params_of("L0.k_rope").rope.scaling = 2; }, "scaling is 2"},
        {[](OpenGraph& g) { g.params_of("L0.k_rope").rope.factor = 0; }, "factor is 0"},
        {[](OpenGraph& g) { g.params_of("L0.k_rope").rope.high_freq_factor = 1; },
         "high_freq_factor is not above"},
        {[](OpenGraph& g) { g.params_of("L0.k_rope").rope.original_max_position = 0; },
         "original_max_position is 0"},
        {[](OpenGraph& g) { g.params_of("L0.k_rope").rope.table_in_act_dtype = -1; },
         "table_in_act_dtype is -1"},
        {[](OpenGraph& g) { g.params_of("L0.ctx").attention.n_heads = 3; }, "n_heads is 3"},
        {[](OpenGraph& g) { g.params_of("L0.ctx").attention.n_kv_heads = 0; },
         "expected a multiple of n_kv_heads 0"},
        {[](OpenGraph& g) { g.params_of("L0.ctx").attention.n_kv_heads = 4; },
         "n_kv_heads is 4, expected 2"},
        {[](OpenGraph& g) { g.params_of("L0.ctx").attention.head_dim = 16; },
         "head_dim is 16, expected 8"},
        {[](OpenGraph& g) { g.params_of("L0.ctx").attention.n_heads = 8; },
         "the width of q is 32, expected 64"},
        {[=](OpenGraph& g) { g.params_of("L0.ctx").attention.scale = nan; }, "scale is nan"},
        {[](OpenGraph& g) { g.groups[0].head_dim = 16; },
         "the width of k and v is 16, expected 32"},
    });
}

TEST_CASE("describe names kind, dtype and shape") {
    afs_value value = afs::make<afs_value>();
    value.kind = AFS_VALUE_ACT;
    value.dtype = AFS_BF16;
    value.rank = 2;
    value.dims[0] = AFS_DIM_ROWS;
    value.dims[1] = 64;
    CHECK(afs::describe(value) == "activation bf16 [n_rows, 64]");
    value.kind = AFS_VALUE_WEIGHT;
    value.dtype = AFS_BLOCK + 8;
    value.dims[0] = 32;
    CHECK(afs::describe(value) == "weight q8_0 [32, 64]");
    value.dtype = AFS_BLOCK + 10;
    CHECK(afs::describe(value) == "weight block format 10 [32, 64]");
    value.dtype = AFS_DTYPE_NONE;
    CHECK(afs::describe(value) == "weight [32, 64]");
    value.kind = AFS_VALUE_KV;
    CHECK(afs::describe(value) == "a KV value");
}
