// A folder in which every plugin file is bad in another way: `plugins list` and `doctor` show each
// with its own reason, whatever it does when it is looked at, and show what changed next time.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "support/afs_host.hpp"
#include "support/run_program.hpp"
#include "support/temp_folder.hpp"

namespace {

using Catch::Matchers::Contains;
using Json = nlohmann::json;
namespace fs = std::filesystem;
const std::string kTestPlugins = AFS_BUILD_DIR "/tests/plugins/afs-kernels-test-";

std::string bytes_of(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

// name -> what its line must say.
struct Folder {
    afs::test::TempFolder folder;
    std::map<std::string, std::string> reasons;

    void link(const std::string& name, const std::string& plugin, const std::string& reason) {
        fs::create_symlink(kTestPlugins + plugin + ".so", path(name));
        reasons[name] = reason;
    }
    void write(const std::string& name, const std::string& bytes, const std::string& reason) {
        folder.write("afs-kernels-" + name + ".so", bytes);
        reasons[name] = reason;
    }
    std::string path(const std::string& name) const {
        return (folder.path() / ("afs-kernels-" + name + ".so")).string();
    }
    ProgramResult run(std::vector<std::string> args) const {
        return ProgramRun{kHost,
                          std::move(args),
                          "",
                          {{"AFS_PLUGIN_PATH", folder.path().string()}},
                          folder.path().string()}
            .run();
    }
};

void write_every_bad_file(Folder& made) {
    const std::string sound = bytes_of(kTestPlugins + "nothing.so");
    made.write("text", "#!/bin/sh\n", "does not begin with an ELF header");
    made.write("empty", "", "does not begin with an ELF header");
    made.write("cut", sound.substr(0, sound.size() / 3), "cut short");
    std::string other = sound;
#if defined(__x86_64__)
    other[18] = static_cast<char>(0xb7);
    made.write("arm", other, "made for arm64, this machine is x86-64");
#else
    other[18] = 0x3e;
    made.write("x86", other, "made for x86-64, this machine is arm64");
#endif
    other = sound;
    other[16] = 2;  // e_type: a program
    made.write("program", other, "no shared library; link it with -shared");
    made.write("open-to-all", sound, "everybody may write to it");
    chmod(made.path("open-to-all").c_str(), 0666);
    fs::create_directory(made.path("folder"));
    made.reasons["folder"] = "it is a folder";
    fs::create_symlink(made.path("loop"), made.path("loop"));
    made.reasons["loop"] = "Too many levels of symbolic links";
    fs::create_symlink("/no/such/file", made.path("dangling"));
    made.reasons["dangling"] = "No such file";
    made.link("no-symbol", "no-symbol", "exports no symbol 'afs_plugin_v0'");
    made.link("kind", "kind", "its kind is 'spoons'");
    made.link("version", "future-major", "it speaks contract 9.1, this host speaks 0.1");
    made.link("size", "descriptor-size", "its descriptor has 16 bytes");
    made.link("table", "table-size", "its table afs.ops/1 says it has 3 bytes");
    made.link("lacks", "table-lacks-function", "lacks the function prepare");
    made.link("unresolved", "unresolved", "undefined symbol: afs_test_no_such_function");
    made.link("declines", "probe-declines", "its probe says no: needs a machine with 3 legs");
    made.link("exits", "probe-exits", "ended the process in its probe with exit code 7");
    made.link("hangs", "probe-hangs", "no answer within 10 s, in its probe");
#if !defined(__SANITIZE_ADDRESS__)  // which turns signals into exit codes
    made.link("crashes", "probe-crashes", "it crashed in its probe by signal 11");
    made.link("init-crashes", "init-crashes", "it crashed in loading by signal 11");
#endif
}

}  // namespace

TEST_CASE("plugins list and doctor show every bad file with its own reason") {
    Folder all;
    write_every_bad_file(all);
    const auto list = all.run({"plugins", "list", "--json"});
    INFO(list.err);
    REQUIRE(list.exit_code == 0);
    std::map<std::string, Json> found;
    const Json lines = Json::parse(list.out);
    for (const Json& line : lines)
        if (line["found_in"] == "AFS_PLUGIN_PATH") found[line["name"]] = line;
    const auto doctor =
        all.run({"doctor", "--json", "--checks", "model", "--reports", all.folder.path() / "r"});
    std::map<std::string, Json> findings;
    const Json diagnosis = Json::parse(doctor.out);
    for (const Json& one : diagnosis["findings"]) findings[one["name"]] = one;
    std::set<std::string> distinct;
    for (const auto& [name, reason] : all.reasons) {
        CAPTURE(name, found[name].dump(), findings["plugin.kernels-" + name].dump());
        REQUIRE(found.count(name) == 1);
        CHECK(found[name]["usable"] == false);
        CHECK_THAT(found[name].value("reason", ""), Contains(reason));
        distinct.insert(found[name].value("reason", ""));
        // doctor cuts the common lead off.
        const std::string lead = "its probe says no: ";
        const std::string said = reason.rfind(lead, 0) == 0 ? reason.substr(lead.size()) : reason;
        CHECK_THAT(findings["plugin.kernels-" + name].value("found", ""), Contains(said));
        CHECK(findings["plugin.kernels-" + name].value("status", "") == "warning");
    }
    CHECK(distinct.size() == all.reasons.size());
    // The sound ones are still there.
    CHECK_THAT(list.out, Contains("afs-model-llama3.so"));
}

TEST_CASE("a plugin that was put right is usable at the next look") {
    Folder one;
    one.write("mine", bytes_of(kTestPlugins + "nothing.so"), "");
    chmod(one.path("mine").c_str(), 0666);
    CHECK(one.run({"plugins", "inspect", "mine"}).exit_code == 3);
    CHECK_THAT(one.run({"plugins", "inspect", "mine"}).out, Contains("everybody may write to it"));
    chmod(one.path("mine").c_str(), 0644);
    CHECK(one.run({"plugins", "inspect", "mine"}).exit_code == 0);
}
