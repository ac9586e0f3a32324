// Mapped files that change, and places where a file may be.
#include "afs/weights/mapped_file.hpp"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "support/temp_folder.hpp"

using namespace afs;
using Catch::Contains;
namespace fs = std::filesystem;

TEST_CASE("a mapped file that is written to or cut says so, one that is replaced does not") {
    const test::TempFolder folder;
    const fs::path file = folder.write("a", "12345678");
    const auto mapped = MappedFile::open(file);
    REQUIRE(mapped.ok());
    CHECK((*mapped)->check_unchanged().ok());
    // Reading is no change.
    CHECK(read_text_file(file).ok());
    CHECK((*mapped)->check_unchanged().ok());
    const auto written = fs::last_write_time(file);
    fs::last_write_time(file, written + std::chrono::seconds(1));
    CHECK_THAT((*mapped)->check_unchanged().message(), Contains("it was written to"));
    fs::last_write_time(file, written);
    CHECK((*mapped)->check_unchanged().ok());
    fs::resize_file(file, 4);
    CHECK_THAT((*mapped)->check_unchanged().message(),
               Contains(file.string()) && Contains("it had 8 bytes, now 4"));
    fs::rename(folder.write("b", "other"), file);
    CHECK((*mapped)->check_unchanged().ok());
    fs::remove(file);
    CHECK((*mapped)->check_unchanged().ok());
}

TEST_CASE("a place holds a file, none, or what can be none") {
    const test::TempFolder folder;
    const auto at = [&](const std::string& name) { return file_exists(folder.path() / name); };
    const auto problem = [&](const std::string& name) {
        const auto found = at(name);
        return found.ok() ? std::string() : found.status().message();
    };
    folder.write("file", "x");
    fs::create_symlink("file", folder.path() / "link");
    fs::create_symlink("nowhere", folder.path() / "dangling");
    fs::create_symlink("loop", folder.path() / "loop");
    fs::create_directory(folder.path() / "folder");
    REQUIRE(mkfifo((folder.path() / "pipe").c_str(), 0600) == 0);
    CHECK(*at("file"));
    CHECK(*at("link"));
    CHECK_FALSE(*at("none"));
    CHECK_FALSE(*at("file/none"));
    CHECK_THAT(problem("dangling"), Contains("dangling': it is a link to nothing"));
    CHECK_THAT(problem("loop"), Contains("loop'") && Contains("symbolic links"));
    CHECK_THAT(problem("folder"), Contains("expected a regular file, found a folder"));
    CHECK_THAT(problem("pipe"), Contains("expected a regular file, found a pipe"));
}
