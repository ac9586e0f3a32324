// afs.weights/1: one packing for each weight and backend that reads it, in every class.
#include <catch2/catch.hpp>

#include "host/planner/fake_backend.hpp"

using afs_test::Case;
using Catch::Contains;

namespace {

afs_packing packed(uint64_t bytes, uint32_t format, bool keep_raw) {
    afs_packing p = afs::make<afs_packing>();
    p.bytes = bytes;
    p.format = format;
    p.keep_raw = keep_raw;
    return p;
}

}  // namespace

TEST_CASE("without the table every weight is used as it is") {
    Case c;
    c.add("a");
    const auto plan = c.plan();
    CHECK(plan->weights.size() == 11);
    for (const afs::WeightUse& use : plan->weights) {
        CHECK(use.needs_raw);
        CHECK(use.packing.bytes == 0);
    }
}

TEST_CASE("a weight read by two backends is stored for each, with the nodes of all classes") {
    Case c;
    auto& first = c.add("first", {"linear/1"});
    first.packing = [](uint32_t, const std::vector<uint32_t>& nodes) {
        return packed(100 * nodes.size(), 7, false);
    };
    c.add("reference");
    const auto plan = c.plan();
    uint32_t tied = 0;
    for (const afs::WeightUse& use : plan->weights) {
        const std::string tag = plan->abi->values[use.value]->tag;
        if (tag != "embed.weight") continue;
        ++tied;
        if (use.backend == 0) {
            CHECK(use.nodes == std::vector<uint32_t>{c.graph.node("logits")});
            CHECK(use.packing.bytes == 100);
            CHECK_FALSE(use.needs_raw);
        } else {
            CHECK(use.nodes == std::vector<uint32_t>{c.graph.node("embed")});
            CHECK(use.needs_raw);
        }
    }
    CHECK(tied == 2);
    first.packing = [](uint32_t, const std::vector<uint32_t>&) { return packed(100, 7, true); };
    const auto kept = c.plan();
    for (const afs::WeightUse& use : kept->weights) CHECK(use.needs_raw);
}

TEST_CASE("a packing without a format is an error") {
    Case c;
    c.add("a").packing = [](uint32_t, const std::vector<uint32_t>&) { return packed(5, 0, false); };
    CHECK_THAT(c.error(),
               Contains("cannot store weight 'embed.weight' for 'a'") && Contains("format 0"));
}
