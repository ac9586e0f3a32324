// The n-th allocation, or the n-th call that opens or reads a file, fails: a short generate and
// bench end with the text they would have had, or with an error; never by a signal, and nothing is
// left over. A sample of n; sweep.py tries every one.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "support/afs_host.hpp"
#include "support/run_program.hpp"
#include "support/temp_folder.hpp"

namespace {

using Catch::Matchers::Contains;

struct Command {
    std::vector<std::string> args;
    bool same_text;  // two runs print the same
};
const std::vector<std::string> kModel = {"--model-plugin", "llama3", "--threads", "2"};
const Command kGenerate = {{"-p", "The", "-n", "2", "-q", "--kernels", "reference"}, true};
const Command kBench = {
    {"bench", "--pp", "2", "--tg", "1", "-r", "1", "--check", "none", "--kernels", "cpu"}, false};

struct Folder {
    afs::test::TempFolder folder;

    ProgramResult run(const Command& command, std::map<std::string, std::string> environment) {
        std::vector<std::string> args = {kHost};
        args.insert(args.end(), command.args.begin(), command.args.end());
        args.insert(args.end(), kModel.begin(), kModel.end());
        // env alone sets the variable: neither the shell nor timeout meets a fault.
        args.insert(args.begin(), {"-c", R"(exec timeout 60 env LD_PRELOAD="$INJECT" "$@")", "sh"});
        environment["INJECT"] = AFS_BUILD_DIR "/tests/afs-test-inject.so";
        environment["TMPDIR"] = folder.path().string();
        return ProgramRun{"/bin/sh", args, "", environment, folder.path().string()}.run();
    }
    bool is_empty() const { return std::filesystem::is_empty(folder.path()); }
};

// How many of a kind there are in a run without a fault.
long count_of(const Command& command, const std::string& kind) {
    Folder folder;
    const std::string file = (folder.folder.path() / "counts").string();
    REQUIRE(folder.run(command, {{"AFS_FAULT_COUNTS", file}}).exit_code == 0);
    std::ifstream counts(file);
    for (std::string word; counts >> word;) {
        long n = 0;
        counts >> n;
        if (word == kind) return n;
    }
    return 0;
}

// All of the first and last few, and some between.
std::set<long> sample(long n, long wanted) {
    std::set<long> out;
    for (long i = 1; i <= 4; ++i) out.insert({std::min(i, n), std::max(n - i + 1, 1l)});
    for (long i = 0; i < wanted; ++i) out.insert(1 + (n - 1) * i / wanted);
    return out;
}

void check(const Command& command, const std::string& kind, long wanted) {
    const long n = count_of(command, kind);
    CAPTURE(kind, n);
    REQUIRE(n > 20);
    Folder folder;
    const std::string text = folder.run(command, {}).out;
    size_t failed = 0;
    for (const long i : sample(n, wanted)) {
        const auto r = folder.run(command, {{"AFS_FAULT", kind + ":" + std::to_string(i)}});
        CAPTURE(i, r.out, r.err);
        CHECK((r.exit_code == 0 || r.exit_code == 1 || r.exit_code == 3));
        if (r.exit_code == 0 && command.same_text) CHECK(r.out == text);
        if (r.exit_code != 0) CHECK_THAT(r.err, Contains("afs-host: "));
        CHECK(folder.is_empty());
        failed += r.exit_code != 0;
    }
    CHECK(failed > 0);  // the fault reached the program
}

}  // namespace

TEST_CASE("faults: a generate whose n-th allocation fails") {
    check(kGenerate, "alloc", 40);
}

TEST_CASE("faults: a generate whose n-th file read fails") {
    check(kGenerate, "read", 40);
}

TEST_CASE("faults: a bench whose n-th allocation fails") {
    check(kBench, "alloc", 40);
}

TEST_CASE("faults: a bench whose n-th file read fails") {
    check(kBench, "read", 40);
}
