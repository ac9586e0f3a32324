// A check that crashes, hangs, throws or leaves costs itself; all others of its plugin still run.
#include <catch2/catch.hpp>

#include <chrono>

#include "doctor/run_checks.hpp"

using namespace afs;
using Catch::Contains;

namespace {

CheckRun bad_checks() {
    CheckRun run{AFS_BUILD_DIR "/tests/plugins/afs-env-test-checks.so", "mine", {}, {}, 5.0};
    run.options = {{"word", "said"}};
    run.view = {"{\"a\": 1}", "/a/file", "/a/root"};
    return run;
}

const Finding* find(const std::vector<CheckedFinding>& all, const std::string& check,
                    const std::string& name) {
    for (const CheckedFinding& one : all)
        if (one.check == check && one.finding.name == name) return &one.finding;
    return nullptr;
}

}  // namespace

TEST_CASE("bad checks cost themselves") {
    const auto start = std::chrono::steady_clock::now();
    const auto all = run_checks(bad_checks());
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    CHECK(took.count() < 60);
    for (const char* check : {"first", "last"}) {
        INFO(check);
        const Finding* option = find(all, check, std::string(check) + ".option");
        REQUIRE(option);
        CHECK(option->status == AFS_CHECK_INFO);
        CHECK(option->found == "said");
        CHECK(option->momentary);
        const Finding* view = find(all, check, std::string(check) + ".view");
        REQUIRE(view);
        CHECK(view->found == "{\"a\": 1}|/a/file");
        CHECK(view->needed == "/a/root");
        CHECK_THAT(view->remedy, Contains("a remedy") && Contains("with"));
        CHECK_FALSE(view->momentary);
        const Finding* status = find(all, check, std::string(check) + ".status");
        REQUIRE(status);
        CHECK(status->status == AFS_CHECK_FAIL);  // 77 is none that the contract knows
    }
    for (const auto& [check, reason] :
         {std::pair{"hangs", "no answer within 5 s, in check hangs"},
          {"exits", "it ended the process in check exits with exit code 7"},
          {"throws", "thrown by a check"},
          {"declines", "this check says no"}}) {
        INFO(check);
        const Finding* finding = find(all, check, check);
        REQUIRE(finding);
        CHECK(finding->status == AFS_CHECK_FAIL);
        CHECK_THAT(finding->found, Contains(reason));
        CHECK_FALSE(finding->remedy.empty());
    }
    const Finding* crash = find(all, "crashes", "crashes");
    REQUIRE(crash);
#if !defined(__SANITIZE_ADDRESS__)
    CHECK_THAT(crash->found, Contains("it crashed in check crashes by signal 11"));
#endif
    CHECK(all.size() == 11);
}

TEST_CASE("a plugin that cannot be loaded is one finding with a remedy") {
    for (const std::string file : {"/no/such/afs-env-absent.so",
                                   AFS_BUILD_DIR "/tests/plugins/afs-kernels-test-init-crashes.so",
                                   AFS_BUILD_DIR "/tests/plugins/afs-kernels-test-rms-c.so"}) {
        INFO(file);
        CheckRun run = bad_checks();
        run.path = file;
        const auto all = run_checks(run);
        REQUIRE(all.size() == 1);
        CHECK(all[0].finding.status == AFS_CHECK_FAIL);
        CHECK_FALSE(all[0].finding.found.empty());
        CHECK_FALSE(all[0].finding.remedy.empty());
    }
}
