// The policy's file, what it asks of the tree, and the reports it keeps.
#include <catch2/catch.hpp>
#include <set>

#include "doctor/policy.hpp"
#include "support/temp_folder.hpp"

using namespace afs;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

Result<Policy> read(const std::string& text) {
    const test::TempFolder folder;
    return read_policy(folder.write("policy.json", text));
}

}  // namespace

TEST_CASE("the repository's own policy reads and holds") {
    const auto policy = read_policy(AFS_SOURCE_DIR "/configs/policy.json");
    INFO(policy.status().message());
    REQUIRE(policy.ok());
    for (const char* event : {"push", "pull_request", "weekly"}) {
        CHECK(find_event(*policy, event).ok());
        CHECK(find_event(*policy, event)->sanity);
    }
    CHECK(policy->keep_reports == 5);
    for (const CheckedFinding& one : check_tree(*policy, AFS_SOURCE_DIR)) {
        INFO(one.finding.name << ": " << one.finding.found);
        CHECK(one.finding.status == AFS_CHECK_OK);
    }
    const auto unknown = find_event(*policy, "pusch");
    REQUIRE_FALSE(unknown.ok());
    CHECK_THAT(unknown.status().message(), Contains("did you mean 'push'") && Contains("weekly"));
}

TEST_CASE("a policy that is wrong says where") {
    const std::string events = R"("events": {"push": {}})";
    for (const auto& [text, reason] :
         {std::pair<std::string, const char*>{"[]", "expected an object"},
          {"{}", "no event"},
          {"{" + events + ", \"folder\": []}", "did you mean 'folders'"},
          {"{" + events + ",\n\"folders\": 3}", "policy.json:2: 'folders' must be a list"},
          {"{" + events + ", \"ignored\": [1]}", "'ignored' must be texts"},
          {"{" + events + ", \"keep_reports\": 0}", "'keep_reports' must be a whole number"},
          {"{" + events + ", \"pass\": \"failed\"}", "'pass' must be"},
          {R"({"events": {"push": {"sanity": 1}}})", "'sanity' must be true or false"},
          {R"({"events": {"push": 1}})", "'push' must be an object"},
          {R"({"events": {"push": {"check": []}}})", "unknown key 'check'"}}) {
        const auto policy = read(text);
        INFO(text);
        REQUIRE_FALSE(policy.ok());
        CHECK_THAT(policy.status().message(), Contains(reason));
    }
}

TEST_CASE("a folder or an ignore line that is missing is a failure with its remedy") {
    const test::TempFolder tree;
    tree.write(".gitignore", "/build/\n");
    fs::create_directory(tree.path() / "here");
    Policy policy;
    policy.folders = {"here", "gone"};
    policy.ignored = {"/build/", "/secret"};
    const auto found = check_tree(policy, tree.path());
    REQUIRE(found.size() == 4);
    for (const size_t good : {0u, 2u}) CHECK(found[good].finding.status == AFS_CHECK_OK);
    for (const size_t bad : {1u, 3u}) {
        CHECK(found[bad].finding.status == AFS_CHECK_FAIL);
        CHECK_FALSE(found[bad].finding.remedy.empty());
    }
}

TEST_CASE("the newest five verifications stay") {
    const test::TempFolder folder;
    for (int i = 1; i <= 8; ++i) {
        report::Report page{"Verification", std::to_string(i),
                            "2026-01-0" + std::to_string(i) + "T00:00:00Z"};
        REQUIRE(write_verification(page, folder.path(), 5).ok());
    }
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder.path()))
        names.insert(entry.path().filename().string());
    CHECK(names.size() == 15);
    CHECK(names.count("auto_verification.json") == 1);
    CHECK(names.count("auto_verification-20260107T000000Z.html") == 1);
    CHECK(names.count("auto_verification-20260104T000000Z.md") == 1);
    CHECK(names.count("auto_verification-20260103T000000Z.md") == 0);
    // A torn one is no obstacle.
    folder.write("auto_verification.json", "{");
    REQUIRE(
        write_verification({"Verification", "9", "2026-01-09T00:00:00Z"}, folder.path(), 2).ok());
    CHECK(fs::exists(folder.path() / "auto_verification.json"));
    CHECK_FALSE(fs::exists(folder.path() / "auto_verification-20260104T000000Z.json"));
}
