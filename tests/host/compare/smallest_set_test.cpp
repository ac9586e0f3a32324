// The smallest set of nodes for which a result is wrong.
#include "compare/smallest_set.hpp"

#include <algorithm>

#include "host/engine/model_fixture.hpp"

using namespace afs_test;

namespace {

std::vector<uint32_t> first(uint32_t n) {
    std::vector<uint32_t> all(n);
    for (uint32_t i = 0; i < n; ++i) all[i] = i;
    return all;
}

}  // namespace

TEST_CASE("delta debugging finds what is needed, alone or together") {
    for (const std::vector<uint32_t>& needed :
         {std::vector<uint32_t>{37}, {0}, {63}, {3, 40}, {1, 2, 62}}) {
        const auto found = must(afs::smallest_set(
            first(64),
            [&](const std::vector<uint32_t>& nodes) -> afs::Result<bool> {
                return std::includes(nodes.begin(), nodes.end(), needed.begin(), needed.end());
            },
            1000));
        CHECK(found.nodes == needed);
        CHECK(found.minimal);
    }
}

TEST_CASE("a search that runs out of runs says so, an error ends it") {
    int n = 0;
    const auto cut = must(afs::smallest_set(
        first(64),
        [&](const std::vector<uint32_t>& nodes) -> afs::Result<bool> {
            ++n;
            return std::count(nodes.begin(), nodes.end(), 50u) > 0;
        },
        4));
    CHECK(n == 4);
    CHECK_FALSE(cut.minimal);
    CHECK(std::count(cut.nodes.begin(), cut.nodes.end(), 50u) == 1);
    const auto failed = afs::smallest_set(
        first(4), [](const auto&) -> afs::Result<bool> { return afs::invalid("no plan"); }, 10);
    CHECK(failed.status().message() == "no plan");
}

TEST_CASE("nodes that plans place differently, and the pins that give some of them back") {
    Setup setup;
    const Model base = make_model(setup);
    setup.kernels = {"test-rms-c", "reference"};
    const Model test = make_model(setup);
    CHECK(afs::differing_nodes(*base.plan, *base.plan).empty());
    const auto differing = afs::differing_nodes(*base.plan, *test.plan);
    REQUIRE(differing.size() > 2);
    const auto pins = afs::pins_for(*base.plan, *test.plan, differing, {differing[1]});
    REQUIRE(pins.size() == differing.size());
    CHECK(pins[0].second == "reference");
    CHECK(pins[1].second == "test-rms-c");
    setup.kernels = {"test-toy"};
    CHECK(afs::differing_nodes(*base.plan, *make_model(setup).plan).size() ==
          base.plan->abi->n_nodes);
}
