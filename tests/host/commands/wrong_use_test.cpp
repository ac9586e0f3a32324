// Wrong use gives one message that says what was expected, what was found and what to do, with the
// right exit code: 2 for usage, 3 for a plugin or model that cannot be loaded.
#include <catch2/catch.hpp>
#include <filesystem>
#include <set>
#include <sstream>

#include "support/afs_host.hpp"
#include "support/run_program.hpp"
#include "support/temp_folder.hpp"

namespace {

struct Case {
    std::string title;
    std::vector<std::string> args;
    int exit_code;
    std::vector<std::string> says;  // all of these, on standard error
};

const std::vector<Case> kCases = {
    {"unknown verb", {"generat"}, 2, {"unknown verb 'generat'", "generate"}},
    {"unknown flag", {"generate", "--kernel", "reference"}, 2, {"--kernel", "--kernels"}},
    {"a flag's beginning is not the flag", {"--model-plug", "olmo2"}, 2, {"--model-plugin"}},
    {"flag without its value", {"generate", "--kernels"}, 2, {"kernels"}},
    {"number out of range",
     {"generate", "-n", "many"},
     2,
     {"--max-tokens", "'many'", "whole number"}},
    {"a word too many", {"generate", "once"}, 2, {"unexpected word 'once'"}},
    {"chat with two system messages",
     {"chat", "--system", "x", "--system-file", "y"},
     2,
     {"--system-file", "exclude each other"}},
    {"chat on a file that is not there", {"chat", "--load", "/nowhere.json"}, 2, {"/nowhere.json"}},
    {"chat without a token", {"chat", "-n", "0"}, 2, {"--max-tokens", "from 1"}},
    {"unknown chat template",
     {"chat", "--chat-template", "lama3", "--model-plugin", "llama3"},
     3,
     {"'lama3'", "did you mean 'llama3'?", "llama3.2"}},
    {"explain --chat without a prompt", {"explain", "--chat"}, 2, {"--chat", "--prompt"}},
    {"explain --system without --chat",
     {"explain", "-p", "x", "--system", "y"},
     2,
     {"--system goes with --chat"}},
    {"tokenize, a word too many", {"tokenize", "a", "b"}, 2, {"unexpected word 'b'"}},
    {"bench of more sequences than may run at once",
     {"bench", "--batch", "4", "--max-sequences", "2"},
     2,
     {"--batch 4", "at most 2", "--max-sequences"}},
    {"trace of more sequences than may run at once",
     {"trace", "--batch", "8", "--max-sequences", "1"},
     2,
     {"--batch 8", "at most 1", "--max-sequences"}},
    {"conformance of an unknown group",
     {"conformance", "reference", "--group", "numerics"},
     2,
     {"'numerics'", "numeric"}},
    {"compare of two configurations and a third",
     {"compare", "a.json", "b.json", "--config", "c.json"},
     2,
     {"two files and --config"}},
    {"trace of a tap and of more",
     {"trace", "--tap", "L0.attn.q", "--chrome", "x.json"},
     2,
     {"--tap", "--chrome"}},
    {"unknown configuration key",
     {"config", "show", "--set", "modle.plugin=olmo2"},
     2,
     {"modle", "model"}},
    {"value of a wrong type",
     {"config", "show", "--set", "engine.block_size=big"},
     2,
     {"block_size", "big"}},
    {"configuration file that is not there", {"--config", "/nowhere.json"}, 2, {"/nowhere.json"}},
    {"unknown model plugin",
     {"--model-plugin", "olmo3", "-p", "x", "--model", "weights/olmo2-tiny"},
     3,
     {"olmo3", "olmo2"}},
    {"unknown kernels plugin",
     {"--kernels", "referense", "-p", "x"},
     3,
     {"referense", "reference"}},
    {"model folder that is not there", {"--model", "/nowhere", "-p", "x"}, 3, {"/nowhere"}},
    {"unknown shape", {"bench", "--random-weights", "gpt-5"}, 3, {"gpt-5", "llama-3.2-1b"}},
    {"nothing to measure", {"bench", "--pp", "0", "--tg", "0"}, 2, {"nothing to measure"}},
    {"unknown dtype", {"--dtype", "int3", "-p", "x"}, 2, {"int3", "bf16"}},
    {"plugins without a verb", {"plugins"}, 2, {"list"}},
    {"inspecting what is not there", {"plugins", "inspect", "nothing"}, 3, {"nothing", "olmo2"}},
    {"listing a kind that is none",
     {"plugins", "list", "--kind", "kernel"},
     2,
     {"'kernel'", "kernels, model"}},
    {"an op of a list", {"plugins", "list", "--op", "add/1"}, 2, {"--op", "plugins list"}},
    {"a new plugin as JSON", {"plugins", "new", "x", "--json"}, 2, {"--json", "plugins new"}},
    {"config without show", {"config", "print"}, 2, {"show", "print"}},
    {"two prompts", {"-p", "x", "-f", "y"}, 2, {"--prompt", "--file"}},
    {"pin that hits nothing", {"--pin", "L*.nothing=reference", "-p", "x"}, 3, {"L*.nothing"}},
    {"pin on a backend that is not named", {"--pin", "logits=cuda", "-p", "x"}, 3, {"cuda"}},
};

}  // namespace

TEST_CASE("wrong use gives one helpful message and the right exit code") {
    for (const Case& c : kCases) {
        INFO(c.title);
        const ProgramResult result = ProgramRun{kHost, c.args, "", {}, AFS_SOURCE_DIR}.run();
        INFO(result.err);
        CHECK(result.exit_code == c.exit_code);
        for (const std::string& text : c.says)
            CHECK_THAT(result.err, Catch::Matchers::Contains(text));
        CHECK_THAT(result.err, Catch::Matchers::Contains("afs-host: "));
        CHECK(result.out.empty());
    }
}

// One rule for all verbs: a file that is named and not there is wrong use, a plugin or model that
// is not there could not be loaded, and what is there and cannot be read has failed.
TEST_CASE("a file that is not there, and one that cannot be read") {
    const std::vector<std::vector<std::string>> files = {
        {"generate", "--file"},
        {"tokenize", "--file"},
        {"chat", "--load"},
        {"chat", "--system-file"},
        {"compare", "--base", "reference", "--test", "reference", "--file"},
        {"trace", "--against-hf"},
        {"report", "--replay"},
        {"report", "other.json", "--diff"},
        {"doctor", "--policy", "--policy-file"},
        {"conformance", "reference", "--waivers"},
        {"conformance", "reference", "--profile"},
        {"weights", "verify", AFS_SOURCE_DIR "/weights/olmo2-tiny", "--manifest"},
        {"config", "show", "--config"},
    };
    const auto run = [](std::vector<std::string> args, const std::string& file) {
        args.push_back(file);
        return ProgramRun{kHost, args, "", {}, AFS_SOURCE_DIR}.run();
    };
    for (const auto& args : files) {
        const auto absent = run(args, "/nowhere/x.json");
        CAPTURE(args, absent.err);
        CHECK(absent.exit_code == 2);
        CHECK_THAT(absent.err, Catch::Matchers::Contains("afs-host: "));
    }
    for (const auto& args : {files[0], files[1], files[2], files[6]}) {
        const auto folder = run(args, AFS_SOURCE_DIR);
        CAPTURE(args, folder.err);
        CHECK(folder.exit_code == 1);
    }
    for (const std::vector<std::string>& args :
         std::vector<std::vector<std::string>>{{"weights", "inspect"},
                                               {"weights", "verify"},
                                               {"generate", "--model"},
                                               {"conformance"},
                                               {"bench", "--check"}}) {
        const auto absent = run(args, "/nowhere/x.so");
        CAPTURE(args, absent.err);
        CHECK(absent.exit_code == 3);
    }
}

TEST_CASE("a file whose folder is not there is refused before a long run, and no folder is made") {
    for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
             {"compare", "--base", "reference", "--test", "reference", "--html"},
             {"compare", "--kernels", "reference", "--save"},
             {"trace", "--chrome"},
             {"trace", "--tap", "logits", "--out"},
             {"conformance", "reference", "--op", "add/1", "--junit"},
             {"conformance", "reference", "--op", "add/1", "--certificate"},
             {"conformance", "reference", "--op", "add/1", "--resume"},
             {"conformance", "--self-test", "--op", "add/1", "--matrix"}}) {
        std::vector<std::string> words = args;
        words.emplace_back("no-such-folder/out");
        const afs::test::TempFolder folder;
        const ProgramResult result = ProgramRun{kHost, words, "", {}, folder.path().string()}.run();
        INFO(result.err);
        CHECK(result.exit_code == 1);
        CHECK_THAT(result.err, Catch::Matchers::StartsWith(
                                   "afs-host: " + args.back() +
                                   ": cannot write 'no-such-folder/out': No such file") &&
                                   Catch::Matchers::Contains("make its folder first"));
        CHECK(result.out.empty());
        CHECK(std::filesystem::is_empty(folder.path()));
    }
}

// Options that do not go together, or not without another: nothing is dropped without a word.
TEST_CASE("options that would have no effect are refused, and both are named") {
    struct Pair {
        std::vector<std::string> args;
        const char* option;
        const char* other;
    };
    const std::vector<Pair> kPairs = {
        {{"generate", "-p", "x", "-f", "y"}, "--prompt", "--file"},
        {{"generate", "-p", "x", "--logprobs", "2"}, "--logprobs", "--json"},
        {{"chat", "--system", "x", "--load", "y"}, "--system", "--load"},
        {{"bench", "--soak", "1", "--pp", "8"}, "--soak", "--pp"},
        {{"bench", "--soak", "1", "-r", "2"}, "--soak", "--repetitions"},
        {{"bench", "--random-weights", "olmo2-1b", "--model", "x"}, "--random-weights", "--model"},
        {{"trace", "--tap", "all", "--against-hf", "x"}, "--tap", "--against-hf"},
        {{"trace", "--tap", "all", "--batch", "2"}, "--tap", "--batch"},
        {{"trace", "--against-hf", "x", "-n", "2"}, "--against-hf", "--max-tokens"},
        {{"trace", "--against-hf", "x", "-p", "y"}, "--against-hf", "--prompt"},
        {{"trace", "--out", "x.npy"}, "--out", "--tap"},
        {{"trace", "--chunk", "1"}, "--chunk", "--tap or --against-hf"},
        {{"trace", "--rows", "1", "--json"}, "--rows", "--json"},
        {{"trace", "--prompt-tokens", "9"}, "--prompt-tokens", "--random-weights"},
        {{"trace", "--random-weights", "x", "--model", "y"}, "--random-weights", "--model"},
        {{"trace", "--random-weights", "x", "-p", "y"}, "--random-weights", "--prompt"},
        {{"explain", "--random-weights", "x", "-p", "y"}, "--random-weights", "--prompt"},
        {{"explain", "--random-weights", "x", "--model", "y"}, "--random-weights", "--model"},
        {{"explain", "--special"}, "--special", "--prompt"},
        {{"explain", "--node", "logits", "--json"}, "--node", "--json"},
        {{"report", "--diff", "a", "b", "--no-sanity"}, "--diff", "--no-sanity"},
        {{"report", "--replay", "a", "--reports", "b"}, "--replay", "--reports"},
        {{"tokenize", "-d", "--whole"}, "--decode", "--whole"},
        {{"tokenize", "--skip-special"}, "--skip-special", "--decode"},
        {{"weights", "inspect", "x", "--csv", "--json"}, "--json", "--csv"},
        {{"weights", "verify", "x", "--revision", "y"}, "--revision", "--hub"},
        {{"weights", "verify", "x", "--gguf", "y"}, "--gguf", "--hub"},
        {{"weights", "verify", "x", "--hub", "y", "--manifest", "z"}, "--hub", "--manifest"},
        {{"doctor", "--policy-file", "x"}, "--policy-file", "--policy"},
        {{"doctor", "--policy", "--sanity"}, "--policy", "--sanity"},
        {{"doctor", "--brief", "--json"}, "--brief", "--json"},
        {{"conformance", "reference", "--quick", "--full"}, "--quick", "--full"},
        {{"conformance", "reference", "--matrix", "x.md"}, "--matrix", "--self-test"},
        {{"conformance", "--self-test", "--json"}, "--self-test", "--json"},
        {{"conformance", "reference", "--profile", "x", "--op", "add/1"}, "--profile", "--op"},
        {{"compare", "--save", "x", "--base", "y"}, "--save", "--base"},
        {{"compare", "--save", "x", "--no-speed"}, "--save", "--no-speed"},
        {{"compare", "--no-speed", "--tg", "2"}, "--no-speed", "--tg"},
        {{"compare", "-p", "x", "-f", "y"}, "--prompt", "--file"},
        {{"compare", "--random-weights", "x", "-f", "y"}, "--random-weights", "--file"},
        {{"compare", "--random-weights", "x", "--model", "y"}, "--random-weights", "--model"}};
    for (const Pair& pair : kPairs) {
        const ProgramResult result = ProgramRun{kHost, pair.args, "", {}, AFS_SOURCE_DIR}.run();
        INFO(pair.option << " and " << pair.other << ": " << result.err);
        CHECK(result.exit_code == 2);
        CHECK_THAT(result.err,
                   Catch::Matchers::StartsWith("afs-host: " + std::string(pair.option) + " ") &&
                       Catch::Matchers::Contains(pair.other));
        CHECK_THAT(result.err,
                   Catch::Matchers::Contains("leave one out") ||
                       Catch::Matchers::Contains("leave " + std::string(pair.option) + " out"));
        CHECK(result.out.empty());
    }
}

TEST_CASE("every verb has --help with an example that names it") {
    for (const char* verb :
         {"generate", "chat", "tokenize", "bench", "explain", "plugins", "config"}) {
        INFO(verb);
        const ProgramResult result = ProgramRun{kHost, {verb, "--help"}, "", {}, ""}.run();
        CHECK(result.exit_code == 0);
        CHECK_THAT(result.out, Catch::Matchers::Contains("example: "));
        size_t start = 0;
        while (start < result.out.size()) {
            const size_t end = result.out.find('\n', start);
            if (result.out.compare(start, 8, "example:") != 0) CHECK(end - start <= 100);
            start = end + 1;
        }
    }
    CHECK_THAT((ProgramRun{kHost, {"--help"}, "", {}, ""}.run().out),
               Catch::Matchers::Contains("afs-host VERB --help"));
}

// A verb's own option of the name that a setting has could not be given.
TEST_CASE("no verb has an option twice") {
    for (const char* verb : {"generate", "chat", "tokenize", "bench", "conformance", "compare",
                             "explain", "trace", "doctor", "report", "plugins", "config"}) {
        std::istringstream help(ProgramRun{kHost, {verb, "--help"}, "", {}, ""}.run().out);
        std::set<std::string> seen;
        for (std::string line; std::getline(help, line);) {
            const size_t at = line.find("--");
            if (at != 6) continue;  // no option of its own
            const std::string name = line.substr(at, line.find_first_of(" [", at) - at);
            CAPTURE(verb, name);
            CHECK(seen.insert(name).second);
        }
        CHECK(seen.count("--help") == 1);
    }
}
