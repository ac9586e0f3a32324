// inspect_in_child: a plugin that crashes, hangs or leaves costs only its own child.
#include <catch2/catch.hpp>

#include <chrono>

#include "loader/inspect.hpp"

using Catch::Contains;

namespace {

afs::Result<afs::PluginFacts> inspect(const std::string& name, double seconds = 30) {
    afs::InspectOptions options;
    options.timeout_seconds = seconds;
    return afs::inspect_in_child(AFS_BUILD_DIR "/tests/plugins/afs-kernels-test-" + name + ".so",
                                 options);
}

}  // namespace

TEST_CASE("a sound plugin's facts come back") {
    const auto facts = inspect("fakedev");
    REQUIRE(facts.ok());
    CHECK(facts->kind == "kernels");
    CHECK(facts->name == "test-fakedev");
    CHECK(facts->version == "0.1");
    CHECK(facts->licence == "Apache-2.0");
    CHECK(facts->domain == "fake/1");
    CHECK(facts->provides == std::vector<std::string>{"afs.ops/1", "afs.device/1"});
    CHECK(facts->usable);
    CHECK_FALSE(facts->build.empty());
}

TEST_CASE("a probe that declines gives its reason") {
    const auto facts = inspect("probe-declines");
    REQUIRE(facts.ok());
    CHECK_FALSE(facts->usable);
    CHECK_THAT(facts->reason, Contains("needs a machine with 3 legs"));
}

TEST_CASE("a crash says stage and signal") {
#if defined(__SANITIZE_ADDRESS__)
    WARN("skipped: the sanitizer turns signals into exit codes");
#else
    CHECK_THAT(inspect("probe-crashes").status().message(),
               Contains("it crashed in its probe by signal 11"));
    CHECK_THAT(inspect("init-crashes").status().message(),
               Contains("it crashed in loading by signal 11"));
#endif
}

TEST_CASE("a plugin that ends the process says with which code") {
    CHECK_THAT(inspect("probe-exits").status().message(),
               Contains("ended the process in its probe with exit code 7"));
}

TEST_CASE("a hanging plugin is ended in time") {
    const auto start = std::chrono::steady_clock::now();
    const auto facts = inspect("probe-hangs", 1.5);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    CHECK(facts.status().code() == afs::Code::cancelled);
    CHECK_THAT(facts.status().message(), Contains("no answer within 1.5 s, in its probe"));
    CHECK(took.count() < 15);
}

TEST_CASE("a refusal comes back as it would be in this process") {
    CHECK_THAT(inspect("future-major").status().message(),
               Contains("it speaks contract 9.1, this host speaks 0.1"));
    CHECK_THAT(inspect("absent").status().message(), Contains("No such file"));
}
