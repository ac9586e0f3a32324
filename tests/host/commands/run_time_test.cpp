// What can happen while a verb runs: contexts and memory that do not suffice, full disks, readers
// that leave, signals, bytes that are no text. One message, the right exit code, nothing left over.
#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "support/afs_host.hpp"
#include "support/run_program.hpp"
#include "support/running_program.hpp"
#include "support/temp_folder.hpp"

namespace {

using Catch::Matchers::Contains;
namespace fs = std::filesystem;
const std::string kLlama = AFS_SOURCE_DIR "/weights/llama3-tiny";

constexpr bool sanitized() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#else
    return false;
#endif
}

ProgramResult host(std::vector<std::string> args, const std::string& input = "",
                   const std::string& folder = "/") {
    return ProgramRun{kHost, std::move(args), input, {}, folder}.run();
}

// The program below a limit of the shell's: "ulimit -v 500000". "$@" are its arguments.
ProgramResult limited(const std::string& limit, std::vector<std::string> args,
                      const std::string& redirect = "", const std::string& folder = "/") {
    args.insert(args.begin(), {"-c", limit + "; exec " + kHost + " \"$@\" " + redirect, "sh"});
    return ProgramRun{"/bin/bash", std::move(args), "", {}, folder}.run();
}

size_t lines(const std::string& text) {
    return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("run time: a prompt or a context that is too long says both numbers and the setting") {
    std::string prompt;
    for (int i = 0; i < 400; ++i) prompt += "one two three ";
    const auto long_prompt =
        host({"--model-plugin", "llama3", "--max-context", "64", "-q"}, prompt);
    CHECK(long_prompt.exit_code == 1);
    CHECK_THAT(long_prompt.err, Contains("prompt has ") && Contains("the context holds 64") &&
                                    Contains("engine.max_context"));
    const auto context =
        host({"--model-plugin", "llama3", "--max-context", "100000", "-q", "-p", "x"});
    CHECK(context.exit_code == 3);
    CHECK_THAT(context.err, Contains("engine.max_context is 100000") &&
                                Contains("the model was made for 1024 positions"));
}

TEST_CASE("run time: out of memory says needed, available and what to lower") {
    if (sanitized()) {
        WARN("skipped: a sanitizer needs all of the address space");
        return;
    }
    // A context that does not fit: told before anything is allocated.
    const auto cache = limited("ulimit -v 1500000",
                               {"--model-plugin", "llama3", "-p", "x", "-n", "1", "--max-context",
                                "1024", "--max-sequences", "1024", "--kv-memory-mib", "4000"});
    INFO(cache.err);
    CHECK(cache.exit_code == 1);
    CHECK_THAT(cache.err, Contains("out of memory") && Contains("needs 4") &&
                              Contains("available ") && Contains("lower engine.kv_memory_mib"));
    const auto weights = limited("ulimit -v 1500000", {"bench", "--random-weights", "llama-3.2-1b",
                                                       "--kernels", "reference"});
    INFO(weights.err);
    CHECK(weights.exit_code == 1);
    CHECK_THAT(weights.err, Contains("they need ") && Contains("available are "));
    // Whatever the limit, it ends with a message.
    size_t failed = 0;
    for (int mib = 20; mib <= 400; mib += 20) {
        const auto r = limited("ulimit -v " + std::to_string(mib * 1024),
                               {"--model-plugin", "llama3", "-p", "The cat", "-n", "2", "-q"});
        CAPTURE(mib, r.err);
        // 127: the system's loader itself had too little.
        CHECK((r.exit_code == 0 || r.exit_code == 1 || r.exit_code == 3 || r.exit_code == 127));
        if (r.exit_code != 0) {
            ++failed;
            CHECK(lines(r.err) >= 1);
        }
    }
    CHECK(failed > 0);
    CHECK(failed < 19);
}

TEST_CASE("run time: a stack that is too small is refused at the start, the least one suffices") {
    const std::vector<std::vector<std::string>> verbs = {
        {"--model-plugin", "llama3", "-p", "The cat", "-n", "2", "-q"},
        {"tokenize", "--model-plugin", "llama3", "The cat"},
        {"plugins", "list"},
        {"bench", "--model-plugin", "llama3", "--pp", "4", "--tg", "2", "-r", "1", "--check",
         "none"},
    };
    for (const auto& args : verbs) {
        for (const char* kib : {"64", "1023"}) {
            const auto r = limited(std::string("ulimit -s ") + kib, args);
            CAPTURE(args, kib, r.err);
            CHECK(r.exit_code == 1);
            CHECK(r.out.empty());
            CHECK_THAT(r.err, Contains(std::string("a stack may have ") + kib + " KiB here") &&
                                  Contains("needs 1024; raise it: ulimit -s 8192"));
        }
        const auto enough = limited("ulimit -s 1024", args);
        CAPTURE(args, enough.err);
        CHECK(enough.exit_code == 0);
    }
}

TEST_CASE("run time: without another thread or process every verb does its work or says why") {
    if (sanitized()) {
        WARN("skipped: a sanitizer starts threads of its own");
        return;
    }
    // Root has no such limit: as nobody.
    const std::string nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups -- ";
    const std::string alone =
        (geteuid() == 0 ? nobody : "") + "bash -c 'ulimit -u 0; exec " + kHost + " \"$@\"' sh";
    const auto run = [&](std::vector<std::string> args) {
        args.insert(args.begin(), {"-c", "exec " + alone + " \"$@\"", "sh"});
        return ProgramRun{"/bin/bash", std::move(args), "", {}, "/"}.run();
    };
    if (run({"--version"}).exit_code != 0) {
        WARN("skipped: nobody cannot run " << kHost);
        return;
    }
    const auto text = run({"--model-plugin", "llama3", "--kernels", "cpu", "--threads", "4", "-p",
                           "The cat", "-n", "2", "-q"});
    CAPTURE(text.err);
    CHECK(text.exit_code == 0);
    for (const std::vector<std::string>& args :
         {std::vector<std::string>{"plugins", "list"}, {"doctor", "--reports", "/nowhere"}}) {
        const auto r = run(args);
        CAPTURE(args, r.out, r.err);
        CHECK((r.exit_code == 0 || r.exit_code == 1));
        CHECK_THAT(r.out, Contains("llama3") && Contains("Resource temporarily unavailable"));
        CHECK_THAT(r.err, !Contains("internal error"));
    }
}

TEST_CASE("run time: an input without end is refused, not read until memory is gone") {
    const std::vector<std::vector<std::string>> verbs = {
        {"--model-plugin", "llama3", "-q"},
        {"--model-plugin", "llama3", "-q", "--file", "/dev/zero"},
        {"tokenize", "--model-plugin", "llama3"},
        {"tokenize", "--model-plugin", "llama3", "--whole"},
        {"tokenize", "--model-plugin", "llama3", "--file", "/dev/zero"},
        {"chat", "--model-plugin", "llama3", "--chat-template", "llama3", "-q"},
    };
    for (const auto& args : verbs) {
        const auto r = limited("true", args, "</dev/zero");
        CAPTURE(args, r.err);
        CHECK(r.exit_code == 1);
        CHECK_THAT(r.err, Contains("a text has more than 67108864 bytes; give it in parts"));
    }
    // A message of many lines that never ends.
    const auto lines_without_end =
        limited("true", verbs.back(), "< <(echo '\"\"\"'; exec yes \"$(printf %01000d 0)\" 2>&-)");
    CAPTURE(lines_without_end.err);
    CHECK(lines_without_end.exit_code == 1);
    CHECK_THAT(lines_without_end.err, Contains("a text has more than 67108864 bytes"));
}

TEST_CASE("run time: closed standard input, output and error neither hang nor end in other files") {
    const std::vector<std::string> prompt = {"-p", "The cat", "-n", "2", "-q"};
    CHECK(limited("true", prompt, "<&- 2>&-").exit_code == 0);
    const auto out = limited("true", prompt, ">&-");
    CHECK(out.exit_code == 1);
    CHECK_THAT(out.err, Contains("cannot write to standard output: Bad file descriptor"));
    for (const std::vector<std::string>& reads : std::vector<std::vector<std::string>>{
             {"-q"}, {"tokenize"}, {"chat", "--chat-template", "llama3", "-q"}}) {
        auto args = reads;
        args.insert(args.end(), {"--model-plugin", "llama3"});
        const auto in = limited("true", args, "<&-");
        CAPTURE(args, in.err);
        CHECK(in.exit_code == 1);
        CHECK_THAT(in.err, Contains("cannot read the input: Bad file descriptor"));
    }
    // What is said on closed streams lands in no file that is written meanwhile.
    const afs::test::TempFolder folder;
    const std::string file = (folder.path() / "trace.json").string();
    limited("true", {"trace", "-p", "The cat", "-n", "1", "--chrome", file}, "<&- >&- 2>&-");
    std::ifstream written(file);
    CHECK_FALSE(nlohmann::json::parse(written).empty());
}

TEST_CASE("run time: a full disk behind standard output is an error of every verb") {
    const std::vector<std::vector<std::string>> verbs = {
        {"--help"},
        {"--version"},
        {"generate", "--help"},
        {"-p", "The cat", "-n", "2"},
        {"-p", "The cat", "-n", "2", "--json"},
        {"tokenize", "--model-plugin", "llama3", "hello"},
        {"bench", "--pp", "2", "--tg", "1", "-r", "1"},
        {"explain"},
        {"trace", "-p", "The cat", "-n", "1"},
        {"plugins", "list"},
        {"plugins", "inspect", "olmo2"},
        {"config", "show"},
        {"config", "env"},
        {"weights", "inspect", kLlama},
        {"weights", "verify", kLlama},
        {"conformance", "llama3"},
        {"compare", "--base", "reference", "--test", "reference", "--no-speed"},
        {"doctor", "--checks", "model"},
        {"report", "--no-sanity"},
    };
    for (const auto& args : verbs) {
        const afs::test::TempFolder folder;
        auto full = args;
        if (args[0] == "doctor" || args[0] == "report")
            full.insert(full.end(), {"--reports", folder.path().string()});
        const auto r = limited("true", full, ">/dev/full", folder.path().string());
        CAPTURE(args, r.err);
        CHECK(r.exit_code == 1);
        CHECK_THAT(r.err, Contains("cannot write to standard output: No space left on device"));
    }
}

TEST_CASE("run time: a reader that leaves ends every verb at once, by exit code 1") {
    const std::vector<std::vector<std::string>> verbs = {
        {"-p", "The cat", "-n", "200", "-q"},
        {"tokenize", "--model-plugin", "llama3", "hello"},
        {"explain"},
        {"plugins", "list"},
        {"config", "show"},
        {"weights", "inspect", kLlama},
        {"--help"},
    };
    for (const auto& args : verbs) {
        // true reads nothing, and is gone when the first line comes.
        auto piped = args;
        piped.insert(
            piped.begin(),
            {"-c", "{ sleep 0.2; " + kHost + " \"$@\"; echo \"code $?\" >&2; } | true", "sh"});
        const auto r = ProgramRun{"/bin/bash", piped, "", {}, "/"}.run();
        CAPTURE(args, r.err);
        CHECK_THAT(r.err, Contains("code 1\n"));
        CHECK(lines(r.err) <= 2);
    }
}

TEST_CASE("run time: files that cannot be written whole leave nothing behind") {
    struct Case {
        std::vector<std::string> args;  // FILE becomes a path in the folder
        const char* limit;              // of files, in KiB
    };
    const std::vector<Case> cases = {
        {{"trace", "-p", "The cat", "-n", "1", "--chrome", "FILE.json"}, "1"},
        {{"trace", "-p", "The cat", "--tap", "L*.attn.q", "--out", "FILE.safetensors"}, "1"},
        {{"compare", "--kernels", "reference", "--save", "FILE", "--seconds", "1"}, "1"},
        {{"conformance", "llama3", "--junit", "FILE"}, "0"},
        {{"conformance", "llama3", "--certificate", "FILE"}, "0"},
        {{"weights", "convert", kLlama, "FILE.gguf"}, "4096"},
        {{"weights", "convert", kLlama, "FILE", "--as", "fp16"}, "4096"},
        {{"doctor", "--checks", "model", "--reports", "FILE"}, "0"},
        {{"report", "--no-sanity", "--reports", "FILE"}, "0"},
        {{"plugins", "new", "mine", "--folder", "FILE"}, "0"},
    };
    for (const Case& c : cases) {
        const afs::test::TempFolder folder;
        std::vector<std::string> args;
        for (const std::string& arg : c.args)
            args.push_back(arg.rfind("FILE", 0) == 0
                               ? (folder.path() / ("made" + arg.substr(4))).string()
                               : arg);
        const auto r = limited(std::string("ulimit -f ") + c.limit, args);
        CAPTURE(c.args, r.out, r.err);
        CHECK(r.exit_code == 1);
        CHECK_THAT(r.err + r.out, Contains("cannot write '") && Contains("File too large"));
        size_t files = 0;
        for (const auto& entry : fs::recursive_directory_iterator(folder.path()))
            files += entry.is_regular_file();
        CHECK(files == 0);
    }
}

TEST_CASE("run time: a TERM signal ends each verb that runs long, soon and with nothing left") {
    const std::vector<std::vector<std::string>> verbs = {
        {"bench", "--pp", "512", "--tg", "400", "-r", "1000"},
        {"bench", "--soak", "600"},
        {"trace", "-p", "The cat", "-n", "1000", "--batch", "4", "--kernels", "reference"},
        {"compare", "--base", "reference", "--test", "reference", "--seconds", "600"},
        {"conformance", "reference", "--full"},
        {"doctor"},
        {"plugins", "list"},
        {"chat", "--model-plugin", "llama3", "--chat-template", "llama3"},
        {"tokenize", "--model-plugin", "llama3"},
    };
    for (const auto& args : verbs) {
        const afs::test::TempFolder folder;
        // A plugin that hangs when it is looked at keeps doctor and plugins list busy. An open
        // standard input without a word; the folder and TMPDIR are where things could stay.
        const afs::test::TempFolder plugins;
        fs::create_symlink(AFS_BUILD_DIR "/tests/plugins/afs-kernels-test-probe-hangs.so",
                           plugins.path() / "afs-kernels-hangs.so");
        std::vector<std::string> command = {
            "/bin/bash", "-c",
            "cd \"$0\" && export TMPDIR=\"$0\" AFS_PLUGIN_PATH=" + plugins.path().string() +
                " && exec " + kHost + " \"$@\" < <(exec sleep 60 2>/dev/null) >out",
            folder.path().string()};
        command.insert(command.end(), args.begin(), args.end());
        if (args[0] == "doctor")
            command.insert(command.end(), {"--reports", folder.path() / "reports"});
        RunningProgram program(command);
        std::this_thread::sleep_for(std::chrono::milliseconds(sanitized() ? 2500 : 700));
        const auto start = std::chrono::steady_clock::now();
        program.send(SIGTERM);
        const std::string said = program.read_rest_of_err();
        const int code = program.wait();
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        CAPTURE(args, said, took.count());
        CHECK(code == 128 + SIGTERM);
        CHECK(took.count() < (sanitized() ? 60 : 15));
        std::string left;
        for (const auto& entry : fs::directory_iterator(folder.path()))
            if (entry.path().filename() != "out" && entry.path().filename() != "reports")
                left += entry.path().filename().string() + " ";
        CHECK(left == "");
    }
}

TEST_CASE("run time: bytes that are no UTF-8 are encoded one by one, and JSON stays JSON") {
    const std::string bytes = "The \xff\xfe cat \xc3(\xed\xa0\x80 \xf4\x90\x80\x80 \x80";
    for (const char* family : {"llama3", "olmo2"}) {
        const auto argument =
            host({"--model-plugin", family, "-p", bytes, "-n", "4", "-q", "--json"});
        INFO(argument.err);
        REQUIRE(argument.exit_code == 0);
        CHECK(nlohmann::json::parse(argument.out)["ids"].size() == 4);
        const auto input = host({"--model-plugin", family, "-n", "4", "-q", "--json"}, bytes);
        REQUIRE(input.exit_code == 0);
        CHECK(nlohmann::json::parse(input.out)["prompt_ids"] ==
              nlohmann::json::parse(argument.out)["prompt_ids"]);
        const auto echoed = host({"--model-plugin", family, "-n", "0", "-q"}, bytes);
        CHECK(echoed.out == bytes + "\n");
    }
    const auto tag = host({"explain", "--prompt", bytes, "--model-plugin", "llama3", "--json"});
    CHECK(tag.exit_code == 0);
    CHECK_FALSE(nlohmann::json::parse(tag.out).empty());
    const auto name = host({"--model", "/no/such/\xff", "-p", "x"});
    CHECK(name.exit_code == 3);
    const auto set = host({"--set", "engine.max_context=\xff", "-p", "x"});
    CHECK(set.exit_code == 2);
}
