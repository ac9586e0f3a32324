// A plugin that throws, crashes or lies, in each function of each table: an error that names it and
// the function, or, where it ends the process, one last line that does.
#include <catch2/catch.hpp>
#include <filesystem>

#include "support/afs_host.hpp"
#include "support/run_program.hpp"
#include "support/temp_folder.hpp"
#include "support/trials.hpp"

namespace {

using Catch::Matchers::Contains;
namespace fs = std::filesystem;
const std::string kBuild = AFS_BUILD_DIR;
const std::string kFaulty = kBuild + "/tests/plugins/afs-kernels-test-faulty.so";

// The sound plugin that is wrapped, and a command line that enters its functions.
struct Wrapped {
    const char* kind;
    std::string file;
    std::vector<std::string> args;
};
const std::vector<std::string> kGenerate = {"-p", "The cat", "-n", "3", "-q"};
std::vector<std::string> plus(std::vector<std::string> args, const std::vector<std::string>& more) {
    args.insert(args.end(), more.begin(), more.end());
    return args;
}
const Wrapped kOps = {"kernels", kBuild + "/plugins/afs-kernels-reference.so",
                      plus(kGenerate, {"--kernels", "faulty"})};
const Wrapped kPacked = {"kernels", kBuild + "/plugins/afs-kernels-cpu.so",
                         plus(kGenerate, {"--kernels", "faulty"})};
const Wrapped kStep = {"kernels", kBuild + "/tests/plugins/afs-kernels-test-toy.so",
                       plus(kGenerate, {"--kernels", "faulty"})};
const Wrapped kDevice = {"kernels", kBuild + "/tests/plugins/afs-kernels-test-fakedev.so",
                         plus(kGenerate, {"--kernels", "faulty"})};
const Wrapped kTraced = {
    "kernels", kDevice.file, {"trace", "-p", "The cat", "-n", "2", "--kernels", "faulty"}};
const Wrapped kTapped = {
    "kernels", kStep.file, {"trace", "-p", "The cat", "--tap", "L0.attn.q", "--kernels", "faulty"}};
const Wrapped kExplained = {"kernels", kOps.file, {"explain", "--kernels", "faulty"}};
const Wrapped kFamily = {"model", kBuild + "/plugins/afs-model-llama3.so",
                         plus(kGenerate, {"--model-plugin", "faulty", "--model",
                                          AFS_SOURCE_DIR "/weights/llama3-tiny"})};
const Wrapped kChosenFamily = {"model", kFamily.file,
                               plus(kGenerate, {"--model", AFS_SOURCE_DIR "/weights/llama3-tiny"})};
const Wrapped kChat = {"model",
                       kFamily.file,
                       {"chat", "--chat-template", "llama3", "-n", "2", "--model-plugin", "faulty",
                        "--model", AFS_SOURCE_DIR "/weights/llama3-tiny"}};
const Wrapped kTokenizer = {"tokenizer", kBuild + "/plugins/afs-tokenizer-bpe.so",
                            plus(kGenerate, {"--tokenizer", "faulty"})};
const Wrapped kChosenTokenizer = {"tokenizer", kTokenizer.file, kGenerate};
const Wrapped kToken = {
    "tokenizer",
    kTokenizer.file,
    {"tokenize", "--model-plugin", "llama3", "--tokenizer", "faulty", "--json"}};
const Wrapped kChecks = {
    "env", kBuild + "/plugins/afs-env-system.so", {"doctor", "--checks", "faulty"}};

ProgramResult run(const Wrapped& wrapped, const std::string& fault) {
    const afs::test::TempFolder folder;
    fs::create_symlink(kFaulty,
                       folder.path() / ("afs-" + std::string(wrapped.kind) + "-faulty.so"));
    std::vector<std::string> args = wrapped.args;
    if (args[0] == "doctor") args = plus(args, {"--reports", folder.path().string()});
    // A plugin that throws instead of letting go of what it made leaks it.
    return ProgramRun{kHost,
                      args,
                      "hello\n",
                      {{"ASAN_OPTIONS", "detect_leaks=0"},
                       {"AFS_PLUGIN_PATH", folder.path().string()},
                       {"AFS_TEST_WRAPS", wrapped.file},
                       {"AFS_TEST_FAULT", fault}},
                      folder.path().string()}
        .run();
}

struct Case {
    const Wrapped& wrapped;
    const char* where;     // "ops.run"
    const char* function;  // what the host calls it
    int exit_code;         // when it throws
};
const Case kCases[] = {
    {kOps, "probe", "probe", 3},
    {kOps, "open", "open", 3},
    {kOps, "ops.query", "query", 3},
    {kOps, "ops.prepare", "prepare", 3},
    {kOps, "ops.run", "run", 1},
    {kOps, "ops.drop", "drop", 0},
    {kOps, "close", "close", 0},
    {kExplained, "ops.describe", "describe", 0},
    {kPacked, "ops.kv_layouts", "kv_layouts", 0},
    {kPacked, "weights.plan", "weights.plan", 3},
    {kPacked, "weights.pack", "weights.pack", 3},
    {kStep, "graph.claim", "claim", 3},
    {kStep, "graph.compile", "compile", 3},
    {kStep, "graph.bind", "bind", 3},
    {kStep, "graph.exec", "exec", 1},
    {kStep, "graph.drop", "drop", 0},
    {kTapped, "graph.tap", "tap", 1},
    {kDevice, "device.info", "info", 3},
    {kDevice, "device.alloc", "alloc", 3},
    {kDevice, "device.release", "release", 0},
    {kDevice, "device.copy", "copy", 3},
    {kDevice, "device.fill", "fill", 3},
    {kDevice, "device.stream_create", "stream_create", 3},
    {kDevice, "device.stream_destroy", "stream_destroy", 0},
    {kDevice, "device.stream_sync", "stream_sync", 3},
    {kDevice, "device.event_create", "event_create", 3},
    {kDevice, "device.event_destroy", "event_destroy", 0},
    {kDevice, "device.event_record", "event_record", 3},
    {kDevice, "device.event_sync", "event_sync", 3},
    {kTraced, "device.timer_create", "timer_create", 1},
    {kTraced, "device.elapsed", "elapsed", 1},
    {kFamily, "model.build", "build", 3},
    {kChosenFamily, "model.score", "score", 0},
    {kChat, "chat.at", "at", 3},
    {kChat, "chat.write", "write", 1},
    {kChosenTokenizer, "tokenizer.score", "score", 0},
    {kTokenizer, "tokenizer.load", "load", 3},
    {kTokenizer, "tokenizer.encode", "encode", 1},
    {kTokenizer, "tokenizer.decode", "decode", 1},
    {kToken, "tokenizer.token", "token", 1},
};

std::vector<Case> cases() {
    std::vector<Case> some;
    for (size_t i = 0; i < std::size(kCases); i += afs::test::kOneOf) some.push_back(kCases[i]);
    return some;
}

}  // namespace

TEST_CASE("without a fault every wrapped plugin works") {
    for (const Wrapped* wrapped :
         {&kOps, &kPacked, &kStep, &kDevice, &kTraced, &kTapped, &kExplained, &kFamily,
          &kChosenFamily, &kChat, &kTokenizer, &kToken}) {
        const auto r = run(*wrapped, "");
        CAPTURE(wrapped->args, r.out, r.err);
        CHECK(r.exit_code == 0);
    }
}

TEST_CASE("a throw in any function of any table is an error that names plugin and function") {
    for (const Case& c : cases()) {
        const auto r = run(c.wrapped, std::string(c.where) + "=throw");
        CAPTURE(c.where, r.out, r.err);
        CHECK(r.exit_code == c.exit_code);
        CHECK_THAT(r.err + r.out, Contains("threw an exception") && Contains("faulty"));
    }
}

TEST_CASE("a crash in any function of any table says whose it was") {
#if defined(__SANITIZE_ADDRESS__)
    WARN("skipped: the sanitizer tells of signals itself");
#else
    for (const Case& c : kCases) {
        const auto r = run(c.wrapped, std::string(c.where) + "=crash");
        CAPTURE(c.where, r.out, r.err);
        CHECK(r.exit_code == 128 + SIGSEGV);
        CHECK_THAT(r.err, Contains("afs-host: crashed (Segmentation fault) in " +
                                   std::string(c.function) + " of plugin 'faulty'"));
    }
    const auto loading = run(kOps, "init=throw");
    CHECK(loading.exit_code == 128 + SIGABRT);
    CHECK_THAT(loading.err, Contains("thrown by a test") &&
                                Contains("crashed (Aborted) in a static initialiser of plugin '"));
    const auto aborted = run(kOps, "ops.run=abort");
    CHECK(aborted.exit_code == 128 + SIGABRT);
    CHECK_THAT(aborted.err, Contains("crashed (Aborted) in run of plugin 'faulty'"));
#endif
}

TEST_CASE("a status that no contract knows is told as such") {
    for (const Case& c : cases()) {
        if (std::string(c.where) == "close" || c.exit_code == 0) continue;
        const auto r = run(c.wrapped, std::string(c.where) + "=refuse");
        CAPTURE(c.where, r.out, r.err);
        if (r.exit_code == 0) continue;  // a function without a status
        CHECK(r.exit_code == c.exit_code);
        CHECK_THAT(r.err + r.out, Contains("faulty") && (Contains("unknown status 77") ||
                                                         Contains("gave no reason")));
    }
}

TEST_CASE("lies about sizes, and tables that are not there, are refused") {
    const struct {
        const Wrapped& wrapped;
        const char *fault, *text;
    } cases[] = {
        {kOps, "table=short", "its table afs.ops/1 says it has 3 bytes"},
        {kOps, "table=long", "its table afs.ops/1 says it has 1048576 bytes"},
        {kOps, "table=null", "it lists the table afs.ops/1 but hands out none"},
        {kOps, "table=throw", "it lists the table afs.ops/1 but hands out none"},
        {kFamily, "table=short", "its table afs.model/1 says it has 3 bytes"},
        {kTokenizer, "table=long", "its table afs.tokenizer/1 says it has 1048576 bytes"},
        {kFamily, "graph.nodes=lie", "node 0 is shorter than the contract's struct"},
        {kFamily, "graph.values=lie", "value 0 is shorter than the contract's struct"},
    };
    for (const auto& c : cases) {
        const auto r = run(c.wrapped, c.fault);
        CAPTURE(c.fault, r.out, r.err);
        CHECK(r.exit_code == 3);
        CHECK_THAT(r.err, Contains("faulty") && Contains(c.text));
    }
}

TEST_CASE("environment checks that fail in any way cost their own lines") {
    const struct {
        const char *fault, *text;
    } cases[] = {
        {"env.run=throw", "threw an exception"},
        {"open=throw", "threw an exception"},
#if !defined(__SANITIZE_ADDRESS__)
        {"env.run=crash", "it crashed in check"},
        {"env.check=crash", "it crashed in"},
        {"open=crash", "it crashed in"},
#endif
        {"env.run=exit", "exit code 7"},
    };
    for (const auto& c : cases) {
        const auto r = run(kChecks, c.fault);
        CAPTURE(c.fault, r.out, r.err);
        CHECK(r.exit_code == 1);
        CHECK_THAT(r.out, Contains("faulty") && Contains(c.text));
    }
}
