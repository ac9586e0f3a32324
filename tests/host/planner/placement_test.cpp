// Order of placement, pins, fallback, classes and every error that placing can end in.
#include <catch2/catch.hpp>

#include "host/planner/fake_backend.hpp"
#include "planner/explain.hpp"

using afs_test::Case;
using Catch::Contains;

TEST_CASE("the first that supports a node gets it") {
    Case c;
    c.add("mine", {"rms_norm/1"});
    c.add("reference");
    const auto plan = c.plan();
    REQUIRE(plan->classes.size() == 2);
    for (uint32_t step_class : {AFS_CLASS_GENERAL, AFS_CLASS_DECODE}) {
        CHECK(c.who(*plan, "L0.attn.norm", step_class) == "mine");
        CHECK(c.who(*plan, "L1.attn.norm", step_class) == "mine");
        CHECK(c.who(*plan, "L1.attn.q", step_class) == "reference");
        CHECK(plan->classes[step_class].units.size() == c.graph.abi()->n_nodes);
    }
    const auto& placement = plan->classes[0].placements[c.graph.node("L0.attn.q")];
    REQUIRE(placement.refusals.size() == 1);
    CHECK(placement.refusals[0].reason == "no such op here");
    CHECK(placement.why == "first to support it");
    CHECK(plan->classes[1].limits.max_tokens == 4);
    CHECK(plan->classes[0].limits.max_tokens == 64);
    CHECK(plan->classes[0].limits.max_blocks == 7);  // 100 slots in blocks of 16
    CHECK(plan->query(1, 3).limits->step_class == AFS_CLASS_DECODE);
}

TEST_CASE("a tag pattern matches inside one dotted part") {
    CHECK(afs::tag_matches("L*.attn.q", "L17.attn.q"));
    CHECK(afs::tag_matches("L1*.attn.*", "L17.attn.q_norm"));
    CHECK(afs::tag_matches("*", "embed"));
    CHECK_FALSE(afs::tag_matches("*", "L0.attn"));
    CHECK_FALSE(afs::tag_matches("L*", "L0.attn"));
    CHECK_FALSE(afs::tag_matches("L*.attn.q", "L1.attn.q_norm"));
    CHECK_FALSE(afs::tag_matches("", "embed"));
}

TEST_CASE("pins go before the order, a whole tag before a pattern before an op id") {
    Case c;
    c.add("a");
    c.add("b");
    c.add("d");
    c.request.pins = {{"linear/1", "b"}, {"L*.attn.q", "d"}, {"L1.attn.q", "a"}};
    const auto plan = c.plan();
    CHECK(c.who(*plan, "L0.attn.k") == "b");
    CHECK(c.who(*plan, "L0.attn.q") == "d");
    CHECK(c.who(*plan, "L1.attn.q") == "a");
    CHECK(c.who(*plan, "embed") == "a");
    CHECK(plan->classes[0].placements[c.graph.node("L0.attn.q")].why == "pinned by 'L*.attn.q'");
}

TEST_CASE("a pin that cannot be kept is an error") {
    Case c;
    c.add("a");
    c.add("norms", {"rms_norm/1"});
    const struct {
        std::vector<afs::Pin> pins;
        const char* text;
    } cases[] = {
        {{{"L*.mlp.up", "a"}}, "it hits no node of the graph, which has 'embed'"},
        {{{"softmax/1", "a"}}, "it hits no node of the graph, which has 'embed/1', 'rms_norm/1'"},
        {{{"L0.attn.q", "b"}}, "no such backend is listed; there are 'a', 'norms'"},
        {{{"L0.attn.q", "norms"}}, "pin 'L0.attn.q' demands it, but: no such op here"},
        {{{"L*.attn.q", "a"}, {"L0.attn.*", "norms"}}, "'L*.attn.q' pins it to 'a' and"},
    };
    for (const auto& each : cases) {
        c.request.pins = each.pins;
        CHECK_THAT(c.error(), Contains(each.text));
    }
}

TEST_CASE("a backend opened for a pin takes what is pinned and nothing else") {
    Case c;
    c.add("a", {});
    c.add_pinned("special");
    c.request.pins = {{"L*.attn.ctx", "special"}};
    const auto plan = c.plan();
    CHECK(c.who(*plan, "L1.attn.ctx") == "special");
    CHECK(c.who(*plan, "L1.attn.q") == "a");
}

TEST_CASE("a node that nobody takes is an error with every reason") {
    Case c;
    c.add("a", {"rms_norm/1", "embed/1", "sample/1"});
    c.add("b", {"embed/1"}).ops.insert("add/1");
    const std::string text = c.error();
    CHECK_THAT(text, Contains("cannot place 'L0.attn.q' (linear/1, bf16[n_tokens, 8] from "
                              "bf16[n_tokens, 8], bf16[8, 8], general class)"));
    CHECK_THAT(text, Contains("'a': no such op here") && Contains("'b': no such op here") &&
                         Contains("\"fallback\": [\"reference\"]"));
}

TEST_CASE("the fallback takes the rest, and it shows, never the sampler") {
    Case c;
    c.add("a", {"rms_norm/1", "linear/1"});
    c.add_fallback("reference");
    const auto plan = c.plan();
    CHECK(c.who(*plan, "L0.attn.ctx") == "reference");
    CHECK(c.who(*plan, "L0.attn.q") == "a");
    CHECK(plan->classes[0].placements[c.graph.node("L0.attn.ctx")].fallback);
    CHECK_FALSE(plan->classes[0].placements[c.graph.node("L0.attn.q")].fallback);
    CHECK(c.who(*plan, "ids") == "host");
    CHECK(plan->classes[0].host_samples);
    CHECK_THAT(afs::explain_text(*plan), Contains("reference (fallback)"));
}

TEST_CASE("sample/1 may stay unplaced") {
    Case c;
    c.add("a").refuse = [](const afs::Node& node, const afs_query&) {
        return node.is("sample/1") ? std::string("no sampler") : std::string();
    };
    const auto plan = c.plan();
    CHECK(plan->classes[AFS_CLASS_DECODE].host_samples);
    CHECK(plan->classes[0].units.size() == c.graph.abi()->n_nodes - 1);
}

TEST_CASE("named but unused says why and what to do") {
    Case c;
    c.add("reference");
    c.add("mine", {"rms_norm/1"});
    CHECK_THAT(c.error(), Contains("backend 'mine' is named but unused") &&
                              Contains("rms_norm/1 by 'reference' (first to support it) x 4") &&
                              Contains("put it first or pin it"));
    c.request.unused_is_warning = true;
    const auto plan = c.plan();
    REQUIRE(plan->warnings.size() == 1);
    CHECK_THAT(plan->warnings[0], Contains("named but unused"));

    Case picky;
    picky.add("picky").refuse = [](const afs::Node&, const afs_query&) {
        return std::string("wants fp32, found bf16");
    };
    picky.add("reference");
    CHECK_THAT(picky.error(), Contains("'picky' is named but unused") &&
                                  Contains("linear/1: wants fp32, found bf16") &&
                                  !Contains("put it first"));
}

TEST_CASE("a kernel for decode alone is an ordinary plugin") {
    Case c;
    c.add("fast").refuse = [](const afs::Node&, const afs_query& query) {
        return std::string(query.limits->step_class == AFS_CLASS_DECODE ? "" : "decode only");
    };
    c.add("reference");
    const auto plan = c.plan();
    CHECK(c.who(*plan, "L0.attn.q", AFS_CLASS_GENERAL) == "reference");
    CHECK(c.who(*plan, "L0.attn.q", AFS_CLASS_DECODE) == "fast");
    CHECK(&plan->class_for(true) == &plan->classes[1]);

    c.request.deterministic = true;  // decode may not use other kernels, so 'fast' has no node
    CHECK_THAT(c.error(), Contains("'fast' is named but unused") && Contains("decode only"));
    c.request.unused_is_warning = true;
    const auto alone = c.plan();
    REQUIRE(alone->classes.size() == 1);
    CHECK(&alone->class_for(true) == &alone->classes[0]);
    CHECK(alone->id != plan->id);
}

TEST_CASE("deterministic keeps both classes where they run the same batch-invariant kernels") {
    Case c;
    auto& a = c.add("a");
    c.request.deterministic = true;
    CHECK(c.plan()->classes.size() == 2);
    CHECK(c.plan()->classes[0].limits.deterministic == 1);
    a.flags = AFS_DETERMINISTIC;  // rows depend on their neighbours
    const auto plan = c.plan();
    CHECK(plan->classes.size() == 1);
    REQUIRE(plan->warnings.size() == 1);
    CHECK_THAT(plan->warnings[0], Contains("class general"));
}

TEST_CASE("a query that fails, and requests that make no sense") {
    Case c;
    CHECK_THAT(c.error(), Contains("no kernels backend is listed"));
    auto& a = c.add("a");
    a.query_status = afs::Status(afs::Code::internal, "it broke");
    CHECK_THAT(c.error(), Contains("cannot place 'embed' (embed/1, general) on 'a'") &&
                              Contains("its query failed: it broke"));
    a.query_status = {};
    c.add("a");
    CHECK_THAT(c.error(), Contains("cannot list backend 'a' twice"));
    c.request.backends.pop_back();
    c.request.limits.max_seqs = 0;
    CHECK_THAT(c.error(), Contains("each must be at least 1"));
}

TEST_CASE("the plan's id is stable and sees what matters") {
    Case c, same;
    c.add("a");
    same.add("a");
    const std::string id = c.plan()->id;
    CHECK(id.size() == 16);
    CHECK(id.find_first_not_of("0123456789abcdef") == std::string::npos);
    CHECK(same.plan()->id == id);
    same.request.backends[0].path = "/elsewhere";
    same.request.backends[0].sha256 = "known only with -v";
    CHECK(same.plan()->id == id);
    same.request.backends[0].version = "2";
    CHECK(same.plan()->id != id);
    c.request.limits.max_context = 101;
    CHECK(c.plan()->id != id);
    c.request.limits.max_context = 100;
    c.request.block_size = 32;
    CHECK(c.plan()->id != id);
}
