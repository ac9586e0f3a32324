// load_plugin: every way in which a file is refused, each with its path, reason and remedy.
#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "loader/plugin_file.hpp"
#include "support/temp_folder.hpp"

using afs::test::TempFolder;
using Catch::Contains;

namespace {

std::string test_plugin(const std::string& name) {
    return AFS_BUILD_DIR "/tests/plugins/afs-kernels-test-" + name + ".so";
}
std::string bytes_of(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}
std::string refusal(const std::string& path, const std::string& kind = "kernels") {
    const auto loaded = afs::load_plugin(path, kind);
    REQUIRE_FALSE(loaded.ok());
    CHECK_THAT(loaded.status().message(), Contains("'" + path + "'"));
    return loaded.status().message();
}

// A copy of a file in a folder, under a name.
std::string copied(const std::string& from, const TempFolder& folder, const std::string& name) {
    const auto to = folder.path() / name;
    std::filesystem::copy_file(from, to);
    return to.string();
}

}  // namespace

TEST_CASE("a sound plugin shows its descriptor and stays one object") {
    const auto loaded = afs::load_plugin(test_plugin("nothing"), "kernels");
    REQUIRE(loaded.ok());
    CHECK((*loaded)->kind == "kernels");
    CHECK((*loaded)->name == "test-bad");
    CHECK((*loaded)->domain == "cpu/1");
    CHECK((*loaded)->provides == std::vector<std::string>{"afs.ops/1"});
    CHECK((*loaded)->table("afs.ops/1") != nullptr);
    CHECK((*loaded)->table("afs.graph/1") == nullptr);
    CHECK((*loaded)->table("afs.never/9") == nullptr);
    const auto again = afs::load_plugin(test_plugin("nothing"), "kernels");
    REQUIRE(again.ok());
    CHECK(again->get() == loaded->get());
}

TEST_CASE("a plugin that breaks the contract is refused with reason and remedy") {
    const struct {
        const char *plugin, *kind, *text;
    } cases[] = {
        {"no-symbol", "kernels", "exports no symbol 'afs_plugin_v0'"},
        {"kind", "kernels", "its kind is 'spoons', expected one of model, kernels"},
        {"other-kind", "kernels", "is a tokenizer plugin ('test-bad'), expected a kernels plugin"},
        {"nothing", "model", "is a kernels plugin ('test-bad'), expected a model plugin"},
        {"future-major", "kernels", "it speaks contract 9.1, this host speaks 0.1; build it"},
        {"future-minor", "kernels", "it speaks contract 0.99, this host speaks 0.1"},
        {"descriptor-size", "kernels", "its descriptor has 16 bytes, contract 0.1 has 96"},
        {"lists-missing-table", "kernels", "lists the table afs.weights/1 but hands out none"},
        {"table-lacks-function", "kernels", "its table afs.ops/1 lacks the function prepare"},
        {"table-size", "kernels", "its table afs.ops/1 says it has 3 bytes"},
        {"unresolved", "kernels", "undefined symbol: afs_test_no_such_function"},
    };
    for (const auto& c : cases) {
        INFO(c.plugin);
        CHECK_THAT(refusal(test_plugin(c.plugin), c.kind), Contains(c.text));
    }
}

TEST_CASE("a loader's refusal is shown without Boost's frame") {
    const std::string text = refusal(test_plugin("unresolved"));
    CHECK_THAT(text, !Contains("boost") && !Contains("Bad file descriptor") &&
                         Contains("link the library that defines it"));
}

TEST_CASE("what is no library never reaches dlopen") {
    const TempFolder folder;
    const std::string sound = bytes_of(test_plugin("nothing"));
    CHECK_THAT(refusal(folder.path().string() + "/absent.so"), Contains("No such file"));
    CHECK_THAT(refusal(folder.path().string()), Contains("it is a folder"));
    CHECK_THAT(refusal(folder.write("empty.so", "").string()),
               Contains("does not begin with an ELF header"));
    CHECK_THAT(refusal(folder.write("text.so", "#!/bin/sh\necho hello\n").string()),
               Contains("does not begin with an ELF header"));
    CHECK_THAT(refusal(folder.write("head.so", sound.substr(0, 30)).string()),
               Contains("cut short"));
    CHECK_THAT(refusal(folder.write("half.so", sound.substr(0, sound.size() / 3)).string()),
               Contains("cut short"));
    std::string other = sound;
    other[18] = static_cast<char>(0xf3);  // e_machine: RISC-V
    CHECK_THAT(refusal(folder.write("riscv.so", other).string()),
               Contains("made for risc-v, this machine is"));
}

TEST_CASE("a file that everybody may write is refused") {
    const TempFolder folder;
    const std::string path = copied(test_plugin("nothing"), folder, "open-to-all.so");
    REQUIRE(chmod(path.c_str(), 0666) == 0);
    CHECK_THAT(refusal(path), Contains("everybody may write to it") && Contains("chmod o-w"));
    REQUIRE(chmod(path.c_str(), 0644) == 0);
    CHECK(afs::load_plugin(path, "kernels").ok());
}

TEST_CASE("SHA-256 of a file") {
    const TempFolder folder;
    const struct {
        std::string bytes, digest;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {std::string(1000000, 'a'),
         "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
    };
    for (const auto& c : cases) {
        const auto digest = afs::file_sha256(folder.write("f", c.bytes).string());
        REQUIRE(digest.ok());
        CHECK(*digest == c.digest);
    }
    CHECK_FALSE(afs::file_sha256(folder.path().string() + "/absent").ok());
}
