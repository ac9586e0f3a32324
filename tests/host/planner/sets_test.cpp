// Claims through afs.graph/1: what is available, closed sets, order of units.
#include <catch2/catch.hpp>

#include <algorithm>

#include "host/planner/fake_backend.hpp"

using afs_test::Case;
using Catch::Contains;

namespace {

// Every available node in set 0.
std::vector<uint32_t> all(const afs_query& query, const uint8_t* available) {
    std::vector<uint32_t> sets(query.graph->n_nodes, AFS_NO_SET);
    for (uint32_t n = 0; n < query.graph->n_nodes; ++n)
        if (available[n]) sets[n] = 0;
    return sets;
}
// The nodes of the tags in one set.
std::function<std::vector<uint32_t>(const afs_query&, const uint8_t*)> only(
    const afs_test::TinyGraph& graph, std::vector<std::string> tags) {
    return [&graph, tags](const afs_query& query, const uint8_t*) {
        std::vector<uint32_t> sets(query.graph->n_nodes, AFS_NO_SET);
        for (const std::string& tag : tags) sets[graph.node(tag)] = 0;
        return sets;
    };
}
bool has(const std::vector<uint32_t>& list, uint32_t what) {
    return std::count(list.begin(), list.end(), what) > 0;
}

}  // namespace

TEST_CASE("a whole step is one unit") {
    Case c;
    c.add("whole").sets = all;
    const auto plan = c.plan();
    for (const afs::ClassPlan& made : plan->classes) {
        REQUIRE(made.units.size() == 1);
        const afs::Unit& unit = made.units[0];
        CHECK(unit.kind == afs::UnitKind::program);
        CHECK(unit.nodes.size() == c.graph.abi()->n_nodes);
        CHECK(unit.inputs.size() == 11);  // the weights
        CHECK(unit.outputs.size() == 2);  // logits, ids
        CHECK_FALSE(unit.per_row);        // it writes the cache
    }
}

TEST_CASE("a layer's set sees the values that cross its border") {
    Case c;
    c.add("layers").sets = [](const afs_query& query, const uint8_t*) {
        std::vector<uint32_t> sets(query.graph->n_nodes, AFS_NO_SET);
        for (uint32_t n = 0; n < query.graph->n_nodes; ++n)
            if (query.graph->nodes[n]->layer >= 0)
                sets[n] = static_cast<uint32_t>(query.graph->nodes[n]->layer);
        return sets;
    };
    const auto plan = c.plan();
    const auto& units = plan->classes[0].units;
    const afs_graph& graph = *c.graph.abi();
    // "layers" supports every op singly too, so it has all nodes: embed, two sets, head.
    REQUIRE(units.size() == 6);
    CHECK(units[1].kind == afs::UnitKind::program);
    CHECK(units[1].set == 0);
    CHECK(units[2].set == 1);
    CHECK(units[1].outputs ==
          std::vector<uint32_t>{graph.nodes[c.graph.node("L0.attn.add")]->output});
    CHECK(has(units[1].inputs, graph.nodes[c.graph.node("embed")]->output));
    CHECK(units[3].kind == afs::UnitKind::op);
    CHECK(units[3].per_row);
    CHECK_FALSE(units[0].per_row);
}

TEST_CASE("a pin inside a whole step splits it where that is possible") {
    Case c;
    c.add("whole").sets = [](const afs_query& query, const uint8_t* available) {
        auto sets = all(query, available);
        for (uint32_t n = 0; n < sets.size(); ++n)  // from the hole on a second set
            if (sets[n] == 0 && query.graph->nodes[n]->layer == 1) sets[n] = AFS_NO_SET;
        return sets;
    };
    c.add("other");
    c.request.pins = {{"L1.attn.norm", "other"}};
    // embed, layer 0 and the head in one set: the way through layer 1 leaves it and comes back.
    CHECK_THAT(c.error(), Contains("cannot use a set of 'whole' (general, ") &&
                              Contains("a path leaves it and comes back through L1.attn.") &&
                              Contains("embed .. ids"));
}

TEST_CASE("two sets that need each other are refused too") {
    Case c;
    c.add("pair").sets = [&](const afs_query& query, const uint8_t*) {
        std::vector<uint32_t> sets(query.graph->n_nodes, AFS_NO_SET);
        sets[c.graph.node("L0.attn.q")] = sets[c.graph.node("L0.attn.o")] = 0;
        sets[c.graph.node("L0.attn.norm")] = sets[c.graph.node("L0.attn.ctx")] = 1;
        return sets;
    };
    CHECK_THAT(c.error(), Contains("a path leaves it and comes back"));
}

TEST_CASE("nodes without a path between them may form a set") {
    Case c;
    c.add("qkv").sets = only(c.graph, {"L0.attn.q", "L0.attn.k", "L0.attn.v"});
    const auto plan = c.plan();
    const auto& units = plan->classes[0].units;
    const auto set = std::find_if(units.begin(), units.end(), [](const afs::Unit& u) {
        return u.kind == afs::UnitKind::program;
    });
    REQUIRE(set != units.end());
    CHECK(set->outputs.size() == 3);
    CHECK(set->nodes.size() == 3);
    CHECK(units.size() == c.graph.abi()->n_nodes - 2);
}

TEST_CASE("a claim over taken nodes, or without arrays, breaks the contract") {
    Case c;
    c.add("first", {"rms_norm/1"});
    auto& greedy = c.add("greedy");
    greedy.sets = [](const afs_query& query, const uint8_t*) {
        return std::vector<uint32_t>(query.graph->n_nodes, 0);
    };
    CHECK_THAT(
        c.error(),
        Contains("cannot use the sets of 'greedy' (general): it claims L0.attn.norm, which is "
                 "not available: 'first' has it (first to support it)"));
    Case pinned;
    auto& whole = pinned.add("whole");
    whole.sets = greedy.sets;
    pinned.add("other");
    pinned.request.pins = {{"L1.attn.ctx", "other"}};
    CHECK_THAT(pinned.error(), Contains("it claims L1.attn.ctx, which is not available"));
}

TEST_CASE("what is not claimed carries the claim's reason beside the op's") {
    Case c;
    auto& picky = c.add("picky", {"linear/1"});
    picky.sets = only(c.graph, {"embed"});
    picky.claim_reason = "fuses the embedding only";
    c.add("reference");
    const auto plan = c.plan();
    const auto& refusals = plan->classes[0].placements[c.graph.node("L0.attn.norm")].refusals;
    REQUIRE(refusals.size() == 1);
    CHECK(refusals[0].reason == "no such op here (as a set: fuses the embedding only)");
    CHECK(plan->classes[0].placements[c.graph.node("embed")].claimed);
}

TEST_CASE("a pinned node may be claimed where no single op is offered") {
    Case c;
    auto& sets_only = c.add_pinned("sets-only", {"none"});
    sets_only.sets = all;
    c.add("reference");
    c.request.pins = {{"L*.attn.ctx", "sets-only"}};
    sets_only.sets = [](const afs_query& query, const uint8_t* available) {
        auto sets = all(query, available);
        uint32_t next = 0;
        for (uint32_t& set : sets)
            if (set == 0) set = next++;
        return sets;
    };
    const auto plan = c.plan();
    CHECK(c.who(*plan, "L0.attn.ctx") == "sets-only");
    CHECK(plan->classes[0].placements[c.graph.node("L1.attn.ctx")].why ==
          "pinned, claimed as a set");
}
