// The least that each unit moves, against sums by hand.
#include "trace/unit_cost.hpp"

#include "host/engine/model_fixture.hpp"

using namespace afs_test;

TEST_CASE("bytes of a decode step: every weight once, the cache up to the context") {
    Setup setup;
    setup.family = "llama3";
    setup.dtype = AFS_BF16;
    const Model model = make_model(setup);
    const afs::Plan& plan = *model.plan;
    const afs_graph& graph = *plan.abi;
    uint64_t weights = 0, kv = 0;
    const afs::StepShape step{1, 1, 50};
    for (const afs::Unit& unit : plan.class_for(true).units) {
        const afs::UnitCost cost = afs::unit_cost(plan, model.weights, unit, step);
        const afs_node& node = *graph.nodes[unit.nodes[0]];
        CAPTURE(graph.values[node.output]->tag);
        weights += cost.weight_bytes;
        kv += cost.kv_bytes;
        if (std::string(node.op) == "linear/1") {
            const int64_t m = graph.values[node.inputs[1]]->dims[0],
                          k = graph.values[node.inputs[1]]->dims[1];
            CHECK(cost.flops == 2.0 * static_cast<double>(m * k));
            CHECK(cost.activation_bytes == static_cast<uint64_t>(2 * (m + k)));
        }
        if (std::string(node.op) == "embed/1")
            CHECK(cost.weight_bytes ==
                  static_cast<uint64_t>(2 * graph.values[node.output]->dims[1]));
    }
    uint64_t all = 0, table = 0;
    for (const afs::Weight& weight : model.weights.weights()) {
        all += weight.bytes;
        if (weight.name.find("embed") != std::string::npos) table += weight.bytes;
    }
    const uint64_t row = static_cast<uint64_t>(2 * graph.values[graph.nodes[0]->output]->dims[1]);
    bool tied = true;  // then the head reads the table, all of it
    for (uint32_t n = 0; n < graph.n_nodes; ++n)
        if (std::string(graph.values[graph.nodes[n]->output]->tag) == "logits")
            tied = graph.nodes[n]->inputs[1] == graph.nodes[0]->inputs[0];
    CHECK(weights == all - (tied ? 0 : table) + row);
    // One token is written and 50 are read, K and V, in bf16.
    const afs_kv_group& group = *graph.kv_groups[0];
    CHECK(kv == uint64_t{51} * 2 * 2 * group.n_layers * group.n_kv_heads * group.head_dim);
}

TEST_CASE("tags of all layers are one, programs say how much they hold") {
    CHECK(afs::tag_of_all_layers("L12.attn.q") == "L*.attn.q");
    CHECK(afs::tag_of_all_layers("logits") == "logits");
    CHECK(afs::tag_of_all_layers("L.attn") == "L.attn");
    Setup setup;
    setup.kernels = {"test-toy"};
    const Model model = make_model(setup);
    const afs::Unit& unit = model.plan->class_for(true).units[0];
    REQUIRE(unit.kind == afs::UnitKind::program);
    CHECK(afs::unit_tags(*model.plan, unit) ==
          "embed .. sampled, " + std::to_string(model.plan->abi->n_nodes) + " nodes");
    // Inside a program values cost nothing: all that is left are weights, cache and the outputs.
    const afs::UnitCost cost = afs::unit_cost(*model.plan, model.weights, unit, {1, 1, 10});
    CHECK(cost.activation_bytes <= 97 * 4 + 4);
    CHECK(cost.weight_bytes > 0);
}
