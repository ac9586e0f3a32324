// One thing may differ between the sides of a comparison.
#include "compare/sides.hpp"

#include <catch2/catch.hpp>

using namespace afs;
using Catch::Matchers::Contains;

namespace {

Config with(const std::vector<Override>& overrides) {
    ConfigRequest request;
    request.file = AFS_SOURCE_DIR "/configs/default.json";
    request.environment.emplace();
    request.overrides = overrides;
    auto config = Config::load(request);
    if (!config) FAIL(config.status().message());
    return *config;
}

}  // namespace

TEST_CASE("kernels, pins and options of plugins are one thing") {
    const Config a = with({}), b = with({{"kernels", "mine,reference", "test"},
                                         {"pin.L*.attn.ctx", "mine", "test"},
                                         {"plugins.mine.tile", "64", "test"}});
    CHECK(differences(a, b).size() == 3);
    CHECK(check_fair(a, b).ok());
    CHECK(check_fair(a, a).ok());
    CHECK(kernels_text(b) == "mine,reference (1 pin)");
}

TEST_CASE("two things are refused and listed, what decides nothing is none") {
    const Config a = with({});
    const Config b = with({{"kernels", "cpu", "test"}, {"threads", "2", "test"}});
    const Status refused = check_fair(a, b);
    CHECK_THAT(refused.message(), Contains("2 things differ") &&
                                      Contains("threads: unset against 2") && Contains("kernels"));
    CHECK(check_fair(a, with({{"threads", "2", "test"}})).ok());
    CHECK(differences(a, with({{"sampling.seed", "7", "test"}})).empty());
    CHECK_FALSE(
        check_fair(a, with({{"kernels", "cpu", "test"}, {"model.path", "/x", "test"}})).ok());
}

TEST_CASE("the judge is the reference alone, whatever was pinned") {
    const Config b = with({{"kernels", "mine,reference", "test"}, {"pin.logits", "mine", "test"}});
    const auto judge = judge_config(b, "fp64");
    REQUIRE(judge.ok());
    CHECK(judge->list("kernels") == std::vector<std::string>{"reference"});
    CHECK(judge->text("model.dtype") == "fp64");
    CHECK(judge->pins().at("logits") == "reference");
    const auto pinned = with_pins(b, {{"L0.attn.q", "reference"}}, "test");
    REQUIRE(pinned.ok());
    CHECK(pinned->pins().size() == 2);
}
