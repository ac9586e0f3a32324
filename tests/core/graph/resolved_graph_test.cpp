// GraphBuilder's mistakes and names; ResolvedGraph: an own copy with dtypes, readers and writers.
#include <catch2/catch.hpp>

#include <memory>
#include <string>

#include "afs/graph/resolved_graph.hpp"
#include "afs/graph/validate.hpp"
#include "core/graph/toy_graph.hpp"

namespace {

std::vector<uint32_t> nodes_of(const afs::ResolvedGraph& g, std::vector<std::string> tags) {
    std::vector<uint32_t> out;
    for (const std::string& tag : tags) out.push_back(g.writer(g.find(tag)));
    return out;
}

}  // namespace

TEST_CASE("a builder keeps its first mistake") {
    auto norm = afs::make<afs_rms_norm_params>();
    SECTION("a weight that nobody declared") {
        afs::GraphBuilder g(AFS_F32);
        g.linear("logits", g.embed("embed"));
        CHECK(g.finish().status().message() ==
              "cannot find value 'embed.weight' in the graph: nothing before has this tag");
    }
    SECTION("a tag twice") {
        afs::GraphBuilder g(AFS_F32);
        g.weight({"embed.weight", "e", {4, 2}});
        g.embed("embed");
        g.embed("embed");
        CHECK_THAT(g.finish().status().message(), Catch::Contains("'embed': the tag is taken"));
    }
    SECTION("a kv group that is none") {
        afs::GraphBuilder g(AFS_F32);
        g.weight({"embed.weight", "e", {4, 2}});
        const auto x = g.embed("embed");
        g.attention("ctx", x, g.kv_append("kv", x, x, 0), afs::make<afs_attention_params>());
        CHECK_THAT(g.finish().status().message(), Catch::Contains("kv group 0 is not declared"));
    }
    SECTION("too many dimensions") {
        afs::GraphBuilder g(AFS_F32);
        g.weight({"w", "w", {1, 2, 3, 4, 5}});
        CHECK_THAT(g.finish().status().message(), Catch::Contains("rank 5"));
    }
    SECTION("an input that is none") {
        afs::GraphBuilder g(AFS_F32);
        g.weight({"n.weight", "n", {4}});
        g.rms_norm("n", afs::GraphBuilder::kNoValue, norm);
        CHECK_THAT(g.finish().status().message(), Catch::Contains("'n': an input is missing"));
    }
}

TEST_CASE("tags and names carry the layer") {
    afs::GraphBuilder g(AFS_BF16);
    afs::test::build_toy(g);
    const auto graph = g.finish();
    REQUIRE(graph.ok());
    const afs_weight& k = *(*graph)->weights[11];
    CHECK(std::string(k.names) == "1.k");
    CHECK(std::string((*graph)->values[k.value]->tag) == "L1.k.weight");
    CHECK(k.duplicates == nullptr);
    CHECK(std::string((*graph)->weights[0]->names) == "embed|tok");
    CHECK(std::string((*graph)->weights[0]->duplicates) == "head");
    CHECK((*graph)->values[g.find("L1.kv")]->kv_layer == 1);
}

TEST_CASE("a resolved graph is a full copy with every dtype") {
    auto builder = std::make_unique<afs::GraphBuilder>(AFS_BF16);
    afs::test::build_toy(*builder);
    const auto graph = builder->finish();
    REQUIRE(graph.ok());
    std::vector<int32_t> dtypes((*graph)->n_weights, AFS_BF16);
    dtypes[6] = AFS_Q8_0;
    dtypes[1] = AFS_F32;
    const uint32_t n_nodes = (*graph)->n_nodes, n_values = (*graph)->n_values;
    const auto made = afs::ResolvedGraph::resolve(**graph, dtypes);
    REQUIRE(made.ok());
    builder.reset();  // nothing of the copy may point into the original

    const afs::ResolvedGraph& resolved = **made;
    const afs_graph& copy = resolved.graph();
    CHECK(afs::validate(copy).message().empty());
    CHECK(copy.n_nodes == n_nodes);
    CHECK(copy.n_values == n_values);
    CHECK(copy.n_outputs == 2);
    CHECK(std::string(copy.ignored_tensors) == "*.inv_freq");
    CHECK(copy.values[resolved.find("L0.out.weight")]->dtype == AFS_Q8_0);
    CHECK(copy.values[resolved.find("final.norm.weight")]->dtype == AFS_F32);
    CHECK(copy.values[resolved.find("L1.down.weight")]->dtype == AFS_BF16);
    CHECK(copy.values[resolved.find("L1.kv")]->kv_layer == 1);
    CHECK(std::string(copy.weights[0]->duplicates) == "head");
    const afs_node& rope = *copy.nodes[resolved.writer(resolved.find("L1.q_rope"))];
    CHECK(std::string(rope.op) == "rope/1");
    CHECK(rope.layer == 1);
    CHECK(static_cast<const afs_rope_params*>(rope.params)->original_max_position == 8192);

    CHECK(resolved.find("L1.nothing") == afs::kNone);
    CHECK(resolved.writer(resolved.find("embed.weight")) == afs::kNone);
    CHECK(resolved.weight_line(resolved.find("embed.weight")) == 0);
    CHECK(resolved.weight_line(resolved.find("embed")) == afs::kNone);
    CHECK(resolved.readers(resolved.find("embed.weight")) ==
          nodes_of(resolved, {"embed", "logits"}));
    CHECK(resolved.readers(resolved.find("L0.mid")) ==
          nodes_of(resolved, {"L0.gate", "L0.up", "L0.residual"}));
    CHECK(resolved.readers(resolved.find("sampled")).empty());
}

TEST_CASE("resolve wants one fitting dtype a weight") {
    afs::GraphBuilder builder(AFS_BF16);
    afs::test::build_toy(builder);
    const auto graph = builder.finish();
    REQUIRE(graph.ok());
    const auto message = [&](std::vector<int32_t> dtypes) {
        return afs::ResolvedGraph::resolve(**graph, dtypes).status().message();
    };
    const std::vector<int32_t> good((*graph)->n_weights, AFS_F16);
    CHECK(message(good).empty());
    CHECK_THAT(message({AFS_F32}), Catch::Contains("1 dtypes for 18 weights"));
    for (const int32_t wrong : {int32_t{AFS_DTYPE_NONE}, int32_t{AFS_I32}, int32_t{99}}) {
        std::vector<int32_t> dtypes = good;
        dtypes[2] = wrong;
        CHECK_THAT(message(dtypes), Catch::Contains("weight 'L0.q.weight' has dtype"));
    }
    std::vector<int32_t> blocks = good;
    blocks[0] = AFS_Q6_K;
    CHECK_THAT(message(blocks), Catch::Contains("weight 'embed.weight' has dtype 270, expected"));
    blocks[0] = AFS_BLOCK + 10;
    CHECK_THAT(message(blocks), Catch::Contains("weight 'embed.weight' has dtype 266"));
    afs::test::OpenGraph stated(**graph);
    stated.value("L0.q.weight").dtype = AFS_BF16;
    CHECK_THAT(afs::ResolvedGraph::resolve(stated.graph, good).status().message(),
               Catch::Contains("has dtype 3, expected 2"));
    stated.value("embed").rank = 9;
    CHECK_THAT(afs::ResolvedGraph::resolve(stated.graph, good).status().message(),
               Catch::Contains("'embed' has rank 9"));
}
