// "kernels": ["auto"]: what this machine can use, said by name.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "support/afs_host.hpp"
#include "support/run_program.hpp"

namespace {

using Catch::Matchers::Contains;
using Json = nlohmann::json;

ProgramResult run_auto(std::vector<std::string> args) {
    return ProgramRun{kHost, std::move(args), "", {}, AFS_SOURCE_DIR}.run();
}

}  // namespace

TEST_CASE("auto: the choice is named, with why not the others") {
    const auto plan = run_auto({"explain", "--kernels", "auto", "--json"});
    CAPTURE(plan.out, plan.err);
    REQUIRE(plan.exit_code == 0);
    const Json json = Json::parse(plan.out);
    const Json& backend = json["backends"][0];
    const std::string name = backend["name"];
    CHECK((name == "cuda" || name == "cpu"));
    CHECK_THAT(backend["chosen"].get<std::string>(), Contains("chosen by auto"));
    if (name == "cpu") CHECK_THAT(backend["chosen"].get<std::string>(), Contains("; not cuda: "));
    const auto text = run_auto({"--kernels", "auto", "--prompt", "Once upon a time", "-n", "4"});
    CHECK(text.exit_code == 0);
    CHECK_THAT(text.err, Contains(" on " + name + ":"));
}

TEST_CASE("auto: what the choice does not take in the host's memory, the reference does") {
    const auto r = run_auto({"--kernels", "auto", "--dtype", "fp64", "-p", "Once", "-n", "4"});
    CAPTURE(r.err);
    if (r.err.find("cuda") != std::string::npos) return;  // no copies from a device
    CHECK(r.exit_code == 0);
    CHECK_THAT(r.err, Contains(" on reference:"));
}

TEST_CASE("auto: behind kernels that take all it is not needed, and no error") {
    const auto r = run_auto({"--kernels", "reference,auto", "-p", "Once", "-n", "4"});
    CAPTURE(r.err);
    CHECK(r.exit_code == 0);
    CHECK_THAT(r.err, Contains(" on reference:"));
}

TEST_CASE("auto: an empty list is said, and a list of one's own is taken") {
    const auto none = run_auto({"--kernels", "auto", "--set", "auto=", "-p", "Once", "-n", "4"});
    CAPTURE(none.err);
    CHECK(none.exit_code == 3);
    CHECK_THAT(none.err, Contains("which is empty"));
    const auto own =
        run_auto({"--kernels", "auto", "--set", "auto=absent,reference", "-p", "Once", "-n", "4"});
    CHECK(own.exit_code == 0);
    CHECK_THAT(own.err, Contains(" on reference:"));
}
