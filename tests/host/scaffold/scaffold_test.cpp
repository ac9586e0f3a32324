// The files of a new plugin project; that they build, and turn from red to green, is
// tests/install's.
#include "scaffold/scaffold.hpp"

#include <catch2/catch.hpp>
#include <filesystem>

#include "support/temp_folder.hpp"

using namespace afs;
using Catch::Matchers::Contains;

TEST_CASE("every kind and op fills all the blanks of its files") {
    std::vector<ScaffoldRequest> requests;
    for (const char* op : {"embed/1", "rms_norm/1", "linear/1", "rope/1", "attention/1", "swiglu/1",
                           "add/1", "select_rows/1"})
        requests.push_back({"my-op", "kernels", op});
    for (const char* kind : {"model", "tokenizer", "env"}) requests.push_back({"my-op", kind});
    for (const ScaffoldRequest& request : requests) {
        const auto files = scaffold(request);
        REQUIRE(files.ok());
        CHECK(files->size() == (request.kind == "model" ? 4 : 3));
        for (const auto& [name, text] : *files) {
            CAPTURE(request.kind, request.op, name);
            CHECK(text.find("<<") == std::string::npos);
            CHECK(text.find("<<NAME>>") == std::string::npos);
            CHECK(text.find("@") == std::string::npos);
            if (name == "plugin.cpp") CHECK_THAT(text, Contains("class MyOp final"));
            if (name == "CMakeLists.txt") CHECK_THAT(text, Contains("find_package(afs REQUIRED)"));
        }
    }
}

TEST_CASE("names, kinds and ops that are none are refused with what is known") {
    for (const char* name : {"", "My", "1st", "a b", "../up", "end-", "a/b"})
        CHECK_THAT(scaffold({name}).status().message(), Contains("is no name for a plugin"));
    CHECK_THAT(scaffold({"mine", "kernel"}).status().message(), Contains("did you mean 'kernels'"));
    CHECK_THAT(scaffold({"mine", "kernels", "rms_norm"}).status().message(),
               Contains("did you mean 'rms_norm/1'"));
}

TEST_CASE("a folder that holds something is left alone") {
    const afs::test::TempFolder folder;
    const std::string fresh = (folder.path() / "new/deep").string();
    REQUIRE(write_scaffold({"mine"}, fresh).ok());
    CHECK(std::filesystem::exists(fresh + "/plugin.cpp"));
    CHECK_THAT(write_scaffold({"mine"}, fresh).message(), Contains("--folder"));
    CHECK_FALSE(write_scaffold({"Mine"}, fresh + "2").ok());
    CHECK_FALSE(std::filesystem::exists(fresh + "2"));
}
