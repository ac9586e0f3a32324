// A file is whole or not there: what a full disk, a folder or a device in its place does to it.
#include "runtime/write_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "support/temp_folder.hpp"

using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

std::string text_of(const fs::path& file) {
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    return text.str();
}
size_t entries(const fs::path& folder) {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder), {}));
}

}  // namespace

TEST_CASE("write_file: parts follow each other, what was there is replaced") {
    const afs::test::TempFolder folder;
    const std::string path = folder.write("page", "old").string();
    REQUIRE(afs::write_file(path, {"one ", std::string_view("\0two", 4), " three"}).ok());
    CHECK(text_of(path) == std::string("one \0two three", 14));
    CHECK(entries(folder.path()) == 1);
}

TEST_CASE("write_file: a symbolic link stays one") {
    const afs::test::TempFolder folder;
    const fs::path file = folder.write("file", "old"), link = folder.path() / "link";
    fs::create_symlink(file, link);
    REQUIRE(afs::write_file(link.string(), "new").ok());
    CHECK(fs::is_symlink(link));
    CHECK(text_of(file) == "new");
}

TEST_CASE("write_file: a device or a pipe is written, not replaced") {
    const afs::Status full = afs::write_file("/dev/full", "text");
    CHECK(full.code() == afs::Code::io);
    CHECK_THAT(full.message(), Contains("cannot write '/dev/full': No space left on device") &&
                                   Contains("make room"));
    struct stat info {};
    REQUIRE(stat("/dev/full", &info) == 0);
    CHECK(S_ISCHR(info.st_mode));
    const afs::test::TempFolder folder;
    const std::string pipe = (folder.path() / "pipe").string();
    REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
    std::string read;
    std::thread reader([&] { read = text_of(pipe); });
    CHECK(afs::write_file(pipe, "through a pipe").ok());
    reader.join();
    CHECK(read == "through a pipe");
}

TEST_CASE("a file's folder can be asked for before the file is written") {
    const afs::test::TempFolder folder;
    folder.write("file", "");
    CHECK(afs::check_folder_of("page").ok());
    CHECK(afs::check_folder_of("/page").ok());
    CHECK(afs::check_folder_of((folder.path() / "page").string()).ok());
    CHECK_THAT(afs::check_folder_of((folder.path() / "no/page").string()).message(),
               Contains("no/page': No such file") && Contains("make its folder first"));
    CHECK_THAT(afs::check_folder_of((folder.path() / "file/page").string()).message(),
               Contains("Not a directory"));
}

TEST_CASE("write_file: what cannot be written leaves all as it was, and no draft") {
    const afs::test::TempFolder folder;
    const afs::Status absent = afs::write_file((folder.path() / "no" / "page").string(), "x");
    CHECK_THAT(absent.message(), Contains("No such file") && Contains("make its folder first"));
    CHECK_FALSE(fs::exists(folder.path() / "no"));
    folder.write("taken/file", "old");
    CHECK_FALSE(afs::write_file((folder.path() / "taken").string(), "x").ok());
    fs::create_symlink(folder.path() / "loop", folder.path() / "loop");
    CHECK_FALSE(afs::write_file((folder.path() / "loop").string() + "/page", "x").ok());
    CHECK(entries(folder.path()) == 2);
    CHECK(text_of(folder.path() / "taken/file") == "old");
}
