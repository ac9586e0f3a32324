// Two saved runs against each other: fair or refused, and no file of another kind.
#include "compare/saved_run.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "support/temp_folder.hpp"

using namespace afs;
using Catch::Matchers::Contains;

namespace {

nlohmann::json run(double token_seconds) {
    nlohmann::json samples = nlohmann::json::array(), none = nlohmann::json::array();
    for (int i = 0; i < 8; ++i) {
        samples.push_back(token_seconds * (1 + 0.001 * (i % 3)));
        none.push_back(0.001 * (i % 3 - 1));
    }
    const nlohmann::json side = {{"name", "base"},
                                 {"prompt_seconds", samples},
                                 {"prompt_change", none},
                                 {"token_seconds", samples},
                                 {"token_change", none}};
    return {{"afs", "run"},
            {"model", "m"},
            {"machine", "this"},
            {"tokens", 32},
            {"settings", {{"kernels", "[\"reference\"]"}, {"threads", "2"}}},
            {"base", {{"kernels", "reference"}, {"dtype", "bf16"}, {"plan", "1"}}},
            {"timing", {{"prompt", 16}, {"generate", 8}, {"sides", {side, side}}}}};
}

}  // namespace

TEST_CASE("runs that differ in their kernels alone are compared") {
    const afs::test::TempFolder folder;
    const std::string a = folder.write("a.json", run(1.0).dump()),
                      b = folder.write("b.json", run(0.5).dump());
    CHECK(is_saved_run(a));
    const auto made = compare_saved(a, b);
    REQUIRE(made.ok());
    CHECK(made->speed[0].outcome == SpeedVerdict::Outcome::faster);
    CHECK(made->speed[0].test_rate == Approx(2 * made->speed[0].base_rate));
    const auto same = compare_saved(a, a);
    REQUIRE(same.ok());
    CHECK(same->speed[0].outcome == SpeedVerdict::Outcome::none);
}

TEST_CASE("other machines, settings or files are refused by name") {
    const afs::test::TempFolder folder;
    const std::string a = folder.write("a.json", run(1.0).dump());
    auto other = run(1.0);
    other["machine"] = "that";
    other["settings"]["threads"] = "4";
    const auto refused = compare_saved(a, folder.write("b.json", other.dump()));
    CHECK_THAT(refused.status().message(),
               Contains("machine: \"this\" against \"that\"") && Contains("threads"));
    CHECK_FALSE(is_saved_run(folder.write("c.json", "{\"kernels\": [\"reference\"]}")));
}

TEST_CASE("a broken run is named, whichever of the two it is") {
    const afs::test::TempFolder folder;
    const std::string a = folder.write("a.json", run(1.0).dump());
    auto holes = run(1.0);
    holes["timing"]["sides"] = nlohmann::json::array();
    for (const std::string& text :
         {std::string(), std::string("["), std::string("{\"afs\": \"run\"}"),
          std::string("{\"afs\": 3}"), std::string("{}"), holes.dump()}) {
        const std::string broken = folder.write("broken.json", text);
        CAPTURE(text);
        CHECK_THAT(compare_saved(a, broken).status().message(), Contains("broken.json"));
        CHECK_THAT(compare_saved(broken, a).status().message(), Contains("broken.json"));
    }
}

TEST_CASE("runs of other lengths are refused with lengths that suit both") {
    const afs::test::TempFolder folder;
    const std::string a = folder.write("a.json", run(1.0).dump());
    auto longer = run(1.0), elsewhere = run(1.0);
    longer["timing"]["prompt"] = 512;
    longer["timing"]["generate"] = 4;
    elsewhere["machine"] = "that";
    const auto lengths = compare_saved(a, folder.write("b.json", longer.dump()));
    CHECK_THAT(lengths.status().message(), Contains("timed prompt: 16 against 512") &&
                                               Contains("save both with --pp 16 --tg 4"));
    const auto machines = compare_saved(a, folder.write("c.json", elsewhere.dump()));
    CHECK_THAT(machines.status().message(), !Contains("--pp"));
}

TEST_CASE("times that no step can take are refused, not divided by") {
    const afs::test::TempFolder folder;
    const std::string a = folder.write("a.json", run(1.0).dump());
    for (const double seconds : {0.0, -1.0, 1e308}) {
        CAPTURE(seconds);
        const auto refused = compare_saved(a, folder.write("b.json", run(seconds).dump()));
        REQUIRE_FALSE(refused.ok());
        CHECK_THAT(
            refused.status().message(),
            Contains("prompt_seconds has ") && Contains("expected a time that a step can take"));
    }
}
