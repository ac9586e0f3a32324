// The explanation: consecutive layers in one row, counts, reasons, no line beyond 100 columns.
#include <catch2/catch.hpp>

#include <sstream>

#include "host/planner/fake_backend.hpp"
#include "planner/explain.hpp"

using afs_test::Case;
using Catch::Contains;

TEST_CASE("layers placed alike are one row") {
    Case c;
    c.add("mine", {"rms_norm/1"});
    c.add("reference");
    const auto plan = c.plan();
    const afs::Explanation e = afs::explain(*plan);
    REQUIRE(e.classes.size() == 2);
    CHECK(e.classes[1].like_general);
    CHECK(e.classes[0].rows[0].tags == "embed");
    CHECK(e.classes[0].rows[1].tags == "L0..L1.attn.norm");
    CHECK(e.classes[0].rows[1].backend == "mine");
    CHECK(e.classes[0].rows[1].n_nodes == 2);
    REQUIRE(e.classes[0].counts.size() == 2);
    CHECK(e.classes[0].counts[0] == std::make_pair(std::string("mine"), 2u));
    CHECK(e.classes[0].counts[1] == std::make_pair(std::string("reference"), 18u));
    REQUIRE(e.kv.size() == 1);
    CHECK(e.kv[0].bytes_per_token == 2u * 2 * 4 * 2);  // sides, layers, elements, bytes
    REQUIRE(e.weights.size() == 2);
    CHECK(e.weights[0].bytes_as_is == 2u * 8 * 2);
}

TEST_CASE("a decode step has one token and one row of logits of each sequence") {
    Case c;
    c.add("reference");
    c.request.limits.max_tokens = 64;
    c.request.limits.max_rows = 32;
    c.request.limits.max_seqs = 4;
    c.request.limits.max_context = 128;
    CHECK_THAT(
        afs::explain_text(*c.plan()),
        Contains("class general: up to 64 tokens, 4 sequences, 32 logit rows, context 128") &&
            Contains("class decode: up to 4 tokens, 4 sequences, 4 logit rows, context 128"));
}

TEST_CASE("a pin in the middle splits the row") {
    Case c;
    c.add("a");
    c.add("b");
    c.request.pins = {{"L1.attn.q", "b"}};
    const auto plan = c.plan();
    const std::string text = afs::explain_text(*plan);
    CHECK_THAT(text, Contains("  L0.attn.q ") && Contains("  L1.attn.q ") &&
                         Contains("pinned by 'L1.attn.q'") && Contains("L0..L1.attn.k"));
    CHECK_THAT(text, Contains("plan " + plan->id) && Contains("20 launches: a 19 nodes, b 1 node"));
}

TEST_CASE("no line is wider than 100 columns, and nothing is lost") {
    Case c;
    auto& a = c.add("a-backend-with-a-rather-long-name");
    a.refuse = [](const afs::Node& node, const afs_query&) {
        std::string why;
        if (node.is("attention/1"))
            for (int i = 0; i < 30; ++i) why += "word" + std::to_string(i) + " ";
        return why;
    };
    c.add("reference");
    const std::string text = afs::explain_text(*c.plan());
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 100);
    CHECK_THAT(text, Contains("word0") && Contains("word29"));
}

TEST_CASE("one node in detail") {
    Case c;
    c.add("mine", {"rms_norm/1"});
    c.add("reference");
    const auto plan = c.plan();
    const auto text = afs::explain_node(*plan, "L1.attn.q");
    REQUIRE(text.ok());
    CHECK_THAT(*text, Contains("L1.attn.q  linear/1  bf16[n_tokens, 8]") &&
                          Contains("reads L1.attn.q.weight  bf16[8, 8], for reference as in") &&
                          Contains("general: reference, first to support it") &&
                          Contains("refused by mine: no such op here"));
    CHECK_THAT(*afs::explain_node(*plan, "L*.attn.q"),
               Contains("L0.attn.q") && Contains("L1.attn.q"));
    CHECK_THAT(afs::explain_node(*plan, "L9.attn.q").status().message(),
               Contains("no node has this tag") && Contains("embed"));
}
