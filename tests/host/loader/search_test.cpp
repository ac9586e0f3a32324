// find_plugin and list_candidates: order of the search, and what is said of a name not found.
#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>

#include "loader/search.hpp"
#include "support/temp_folder.hpp"

using afs::test::TempFolder;
using Catch::Contains;

namespace {

const std::string kNothing = AFS_BUILD_DIR "/tests/plugins/afs-kernels-test-nothing.so";

// A copy of a file in a folder, under a name.
std::string placed(const std::string& from, const TempFolder& folder, const std::string& name) {
    const auto to = folder.path() / name;
    std::filesystem::copy_file(from, to);
    return to.string();
}

}  // namespace

TEST_CASE("a file name tells kind and name") {
    std::string kind, name;
    REQUIRE(afs::parse_plugin_file_name("/a/afs-kernels-my-attention.so", kind, name));
    CHECK(kind == "kernels");
    CHECK(name == "my-attention");
    for (const char* other : {"afs-kernels-.so", "afs-spoons-x.so", "kernels-x.so",
                              "afs-kernels-x.so.1", "afs-kernels", ""})
        CHECK_FALSE(afs::parse_plugin_file_name(other, kind, name));
}

TEST_CASE("the search goes by --plugin, config, environment, folders") {
    const TempFolder first, second, loose;
    afs::PluginSearch search;
    search.env_folders = {first.path().string()};
    search.folders = {second.path().string()};
    const std::string in_folder = second.write("afs-kernels-x.so", "").string();
    CHECK(*afs::find_plugin(search, "kernels", "x") == in_folder);
    const std::string in_env = first.write("afs-kernels-x.so", "").string();
    CHECK(*afs::find_plugin(search, "kernels", "x") == in_env);
    search.paths["x"] = loose.write("mine.so", "").string();
    CHECK(*afs::find_plugin(search, "kernels", "x") == search.paths["x"]);
    search.files = {loose.write("afs-kernels-x.so", "").string()};
    CHECK(*afs::find_plugin(search, "kernels", "x") == search.files[0]);

    const auto candidates = afs::list_candidates(search);
    REQUIRE(candidates.size() == 4);
    CHECK(candidates[0].source == "--plugin");
    CHECK_FALSE(candidates[0].shadowed);
    CHECK(candidates[1].source == "config plugins.x.path");
    CHECK(candidates[2].source == "AFS_PLUGIN_PATH");
    CHECK(candidates[2].shadowed);
    CHECK(candidates[3].shadowed);
}

TEST_CASE("a --plugin file of another form is known by its descriptor") {
    const TempFolder loose;
    afs::PluginSearch search;
    search.files = {placed(kNothing, loose, "anything.so")};
    CHECK(*afs::find_plugin(search, "kernels", "test-bad") == search.files[0]);
    CHECK_FALSE(afs::find_plugin(search, "kernels", "other").ok());
    search.files = {loose.write("broken.so", "no library").string()};
    CHECK_THAT(afs::find_plugin(search, "kernels", "other").status().message(),
               Contains("broken.so") && Contains("ELF"));
}

TEST_CASE("a name not found says where it was looked for and what is there") {
    const TempFolder folder;
    folder.write("afs-kernels-reference.so", "").string();
    folder.write("afs-kernels-cuda.so", "").string();
    folder.write("afs-model-olmo2.so", "").string();
    afs::PluginSearch search;
    search.folders = {folder.path().string()};
    const auto found = afs::find_plugin(search, "kernels", "referense");
    CHECK(found.status().code() == afs::Code::not_found);
    CHECK_THAT(found.status().message(),
               Contains("no file afs-kernels-referense.so in '" + folder.path().string() + "'") &&
                   Contains("did you mean 'reference'?") &&
                   Contains("there are: cuda, reference") && Contains("--plugin FILE"));
    CHECK_THAT(afs::find_plugin(search, "tokenizer", "bpe").status().message(),
               Contains("there is no tokenizer plugin there"));
    CHECK_FALSE(afs::find_plugin(search, "kernels", "../x").ok());
    search.paths["mine"] = folder.path().string() + "/absent.so";
    CHECK_THAT(afs::find_plugin(search, "kernels", "mine").status().message(),
               Contains("plugins.mine.path names") && Contains("absent.so"));
}

TEST_CASE("a list of no plugins says where they were looked for and what to do") {
    afs::PluginSearch search;
    search.env_folders = {"/a"};
    search.folders = {"/b", "/c"};
    CHECK(afs::names_or_where("x, y", search) == "x, y");
    const std::string none = afs::names_or_where("", search);
    CHECK_THAT(none, Contains("'/a', '/b', '/c'") && Contains("AFS_PLUGIN_PATH"));
    CHECK_THAT(afs::names_or_where("", {}), Contains("any folder"));
}

TEST_CASE("this program's own folders") {
    setenv("AFS_PLUGIN_PATH", "/one::/two", 1);
    const afs::PluginSearch search = afs::standard_search();
    unsetenv("AFS_PLUGIN_PATH");
    CHECK(search.env_folders == std::vector<std::string>{"/one", "/two"});
    REQUIRE(search.folders.size() == 2);
    CHECK(std::filesystem::path(search.folders[0]) ==
          std::filesystem::canonical(AFS_BUILD_DIR) / "plugins");
}

TEST_CASE("finding one plugin loads no other") {
    const TempFolder folder;
    placed(kNothing, folder, "afs-kernels-wanted.so");
    folder.write("afs-kernels-cuda.so", "would be refused if it were opened").string();
    afs::PluginSearch search;
    search.folders = {folder.path().string()};
    CHECK(afs::find_and_load(search, "kernels", "wanted").ok());
}
