// Plugins from outside, through the program: a single op built by clang++, a whole step through
// afs.graph/1, and what the host says when one is of no use.
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "support/afs_host.hpp"
#include "support/run_program.hpp"

namespace {

using Catch::Matchers::Contains;
const std::string kPlugins = std::string(AFS_BUILD_DIR) + "/tests/plugins";

std::string plugin(const std::string& name) {
    return kPlugins + "/afs-kernels-" + name + ".so";
}

ProgramResult host(std::vector<std::string> args, const std::string& kernels) {
    args.insert(args.end(), {"--kernels", kernels});
    return ProgramRun{kHost, std::move(args), "", {{"AFS_PLUGIN_PATH", kPlugins}}, "/"}.run();
}

std::string text(const std::string& kernels, const std::string& family, const std::string& dtype) {
    const auto result =
        host({"--model-plugin", family, "--dtype", dtype, "-p", "The little dog", "-n", "24", "-q"},
             kernels);
    INFO(result.err);
    CHECK(result.exit_code == 0);
    return result.out;
}

// Nodes of the general class by backend.
nlohmann::json nodes(const std::string& kernels) {
    const auto result = host({"explain", "--model-plugin", "llama3", "--json"}, kernels);
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    return nlohmann::json::parse(result.out)["classes"][0]["nodes_by_backend"];
}

}  // namespace

TEST_CASE("plugins list takes a kind") {
    const auto all = ProgramRun{kHost, {"plugins", "list", "--json"}}.run();
    const auto some = ProgramRun{kHost, {"plugins", "list", "--kind", "model", "--json"}}.run();
    INFO(some.err);
    REQUIRE(some.exit_code == 0);
    std::set<std::string> names;
    for (const auto& plugin : nlohmann::json::parse(some.out)) {
        CHECK(plugin["kind"] == "model");
        names.insert(plugin["name"]);
    }
    CHECK(names == std::set<std::string>{"llama3", "olmo2"});
    CHECK(nlohmann::json::parse(all.out).size() > names.size());
}

TEST_CASE("one op built by clang++ outside the tree overrides the reference's") {
    if (!std::filesystem::exists(plugin("test-rms"))) {
        std::puts("skipped: clang++ is not installed, so the plugin was not built");
        return;
    }
    const auto placed = nodes("test-rms,reference");
    CHECK(placed["test-rms"] == 17);  // two norms in each of 8 layers, and the final one
    CHECK(placed["reference"] == 133 - 17);
    for (const char* family : {"olmo2", "llama3"})
        CHECK(text("test-rms,reference", family, "bf16").size() > 40);
}

TEST_CASE("the same op in plain C gives the reference's text in fp32") {
    CHECK(nodes("test-rms-c,reference").contains("reference"));
    for (const char* family : {"olmo2", "llama3"})
        CHECK(text("test-rms-c,reference", family, "bf16").size() > 40);
}

TEST_CASE("a whole step through afs.graph/1 writes the reference's text") {
    const auto placed = nodes("test-toy");
    CHECK(placed == nlohmann::json{{"test-toy", 133}});
    for (const char* family : {"olmo2", "llama3"})
        CHECK(text("test-toy", family, "fp32") == text("reference", family, "fp32"));
}

TEST_CASE("a plugin of no use, or that leaves nodes over, is an error that says why") {
    const auto unused = host({"-p", "x", "-q"}, "reference,test-rms-c");
    CHECK(unused.exit_code == 3);
    CHECK_THAT(unused.err, Contains("named but unused") && Contains("put it first or pin it"));
    const auto alone = host({"-p", "x", "-q"}, "test-rms-c");
    CHECK(alone.exit_code == 3);
    CHECK_THAT(alone.err, Contains("embed/1") && Contains("fallback"));
    const auto filled =
        host({"-p", "The cat", "-n", "4", "-q", "--fallback", "reference"}, "test-rms-c");
    INFO(filled.err);
    CHECK(filled.exit_code == 0);
}

TEST_CASE("a copy between memories inside decode is an error until it is allowed") {
    const std::vector<std::string> run = {"-p", "The cat", "-n", "4", "-q", "--dtype", "fp32"};
    const std::string memories = "test-fakedev";
    auto with = run;
    with.insert(with.end(), {"--pin", "logits=reference"});
    const auto refused = host(with, memories);
    INFO(refused.err);
    CHECK(refused.exit_code == 3);
    CHECK_THAT(refused.err, Contains("cop") && Contains("allow_copies"));
    with.insert(with.end(), {"--allow-copies", "4"});
    const auto allowed = host(with, memories);
    INFO(allowed.err);
    CHECK(allowed.exit_code == 0);
    CHECK(allowed.out == host(run, "reference").out);
}
