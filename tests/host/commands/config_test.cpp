// config show: the sampling values that a run would use, each with where it came from.
#include <catch2/catch.hpp>
#include <filesystem>

#include "support/afs_host.hpp"
#include "support/run_program.hpp"
#include "support/temp_folder.hpp"

namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::Matches;
namespace fs = std::filesystem;

// A folder with llama3-tiny's texts, no weights, and this generation_config.json.
std::string make_model(const afs::test::TempFolder& folder, const std::string& generation) {
    fs::copy(AFS_SOURCE_DIR "/weights/llama3-tiny/config.json", folder.path() / "config.json");
    if (!generation.empty()) folder.write("generation_config.json", generation);
    return folder.path().string();
}

ProgramResult show(std::vector<std::string> args,
                   std::map<std::string, std::string> environment = {}) {
    args.insert(args.begin(), {"config", "show"});
    return ProgramRun{kHost, std::move(args), "", std::move(environment), "/"}.run();
}

// The line that begins with this key.
std::string line_of(const std::string& out, const std::string& key) {
    const size_t at = out.find("\n" + key + " ");
    return at == std::string::npos ? "" : out.substr(at + 1, out.find('\n', at + 1) - at - 1);
}

}  // namespace

TEST_CASE("command line over environment over generation_config.json over default") {
    const afs::test::TempFolder folder;
    const std::string model = make_model(
        folder, R"({"eos_token_id": [5, 6], "do_sample": true, "temperature": 0.6, "top_p": 0.9,
                    "top_k": 40, "repetition_penalty": 1.1})");
    const auto result =
        show({"--model", model, "--top-p", "0.5"}, {{"AFS_TOP_K", "7"}, {"AFS_TOP_P", "0.7"}});
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    const auto line = [&result](const char* key) { return line_of(result.out, key); };
    CHECK_THAT(line("sampling.temperature"), Matches(".* 0\\.6 .*generation_config\\.json"));
    CHECK_THAT(line("sampling.top_p"), Matches(".* 0\\.5 .*command line --top-p"));
    CHECK_THAT(line("sampling.top_k"), Matches(".* 7 .*AFS_TOP_K"));
    CHECK_THAT(line("sampling.repetition_penalty"), Matches(".* 1\\.1 .*generation_config\\.json"));
    CHECK_THAT(line("sampling.min_p"), Matches(".* 0 .*default"));
    CHECK_THAT(line("stop ids"), Contains("[5,6,4089]") && Contains("generation_config.json"));
    CHECK_THAT(result.out, Contains("precedence: command line, environment"));
}

TEST_CASE("a flag alone means on") {
    const auto value = [](const std::string& flag, const std::string& key) {
        const auto result = show({flag});
        INFO(result.err);
        REQUIRE(result.exit_code == 0);
        return line_of(result.out, key);
    };
    for (const auto& [flag, key] :
         {std::pair("--deterministic", "deterministic"), {"--check-tensors", "check_tensors"}}) {
        const std::string name = flag, origin = ".*command line " + name;
        CHECK_THAT(value(name, key), Matches(".* true " + origin));
        CHECK_THAT(value(name + "=on", key), Matches(".* true " + origin));
        CHECK_THAT(value(name + "=off", key), Matches(".* false " + origin));
    }
}

TEST_CASE("what a run draws with is what is shown") {
    const afs::test::TempFolder folder;
    const std::string model = make_model(folder, R"({"do_sample": true, "temperature": 2.5})");
    for (const char* name : {"tokenizer.json", "model.safetensors"})
        fs::create_symlink(fs::path(AFS_SOURCE_DIR "/weights/llama3-tiny") / name,
                           folder.path() / name);
    const auto text = [](const std::vector<std::string>& more) {
        std::vector<std::string> args = {"-p", "Once", "-n", "16", "-q", "--seed", "3"};
        args.insert(args.end(), more.begin(), more.end());
        return ProgramRun{kHost, args, "", {}, "/"}.run().out;
    };
    const std::string hot = text({"--model", model});
    CHECK(hot == text({"--model-plugin", "llama3", "--temperature", "2.5"}));
    CHECK(hot != text({"--model-plugin", "llama3"}));
}

TEST_CASE("a model that says nothing, and none at all") {
    const afs::test::TempFolder folder;
    const auto silent = show({"--model", make_model(folder, "")});
    CHECK(silent.exit_code == 0);
    CHECK_THAT(silent.out, Contains("has no generation_config.json"));
    CHECK_THAT(line_of(silent.out, "sampling.temperature"), Matches(".* 0 .*default"));
    const auto none = show({"--model", "/nowhere"});
    CHECK(none.exit_code == 0);
    CHECK_THAT(none.out,
               Contains("no model, so no sampling defaults of one: ") && Contains("/nowhere"));
}

TEST_CASE("config env prints .env.example") {
    const auto result = ProgramRun{AFS_BUILD_DIR "/bin/afs-host", {"config", "env"}}.run();
    CHECK(result.exit_code == 0);
    std::ifstream file(AFS_SOURCE_DIR "/.env.example");
    CHECK(result.out == std::string(std::istreambuf_iterator<char>(file), {}));
}

TEST_CASE("every configuration of the tree loads") {
    for (const char* name : {"default", "vast"}) {
        const auto result = ProgramRun{
            AFS_BUILD_DIR "/bin/afs-host",
            {"config", "show", "--json", "--config",
             std::string(AFS_SOURCE_DIR "/configs/") + name +
                 ".json"}}.run();
        INFO(name << ": " << result.err);
        CHECK(result.exit_code == 0);
    }
}
