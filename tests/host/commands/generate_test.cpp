// The default verb, as a user types it, on the bundled models.
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "support/afs_host.hpp"
#include "support/run_program.hpp"

namespace {

using Catch::Matchers::Contains;

ProgramResult run(std::vector<std::string> args, const std::string& input = "",
                  const std::string& folder = "/") {
    return ProgramRun{kHost, std::move(args), input, {}, folder}.run();
}

// Every byte sequence a well-formed UTF-8 text may have.
bool is_utf8(const std::string& text) {
    for (size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i]);
        const size_t length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
        if ((lead >= 0x80 && lead < 0xc2) || i + length > text.size()) return false;
        for (size_t j = 1; j < length; ++j)
            if ((static_cast<unsigned char>(text[i + j]) & 0xc0) != 0x80) return false;
        i += length;
    }
    return true;
}

}  // namespace

TEST_CASE("the card's line writes a text from any folder") {
    for (const char* family : {"olmo2", "llama3"}) {
        INFO(family);
        const auto result =
            run({"--model-plugin", family, "--kernels", "reference"}, "Once upon a time\n");
        INFO(result.err);
        REQUIRE(result.exit_code == 0);
        CHECK_THAT(result.out, Catch::Matchers::StartsWith("Once upon a time"));
        CHECK(result.out.size() > 100);
        CHECK_THAT(result.err, Contains(std::string(family) + "-tiny"));
        CHECK_THAT(result.err, Contains("tok/s"));
    }
}

TEST_CASE("greedy text is the same every time, and the same seed draws the same text") {
    const auto text = [](std::vector<std::string> more) {
        std::vector<std::string> args = {"-p", "The cat", "-n", "24", "-q"};
        args.insert(args.end(), more.begin(), more.end());
        return run(args).out;
    };
    CHECK(text({}) == text({}));
    const std::vector<std::string> warm = {"--temperature", "1", "--seed", "7"};
    CHECK(text(warm) == text(warm));
    CHECK(text(warm) != text({"--temperature", "1", "--seed", "8"}));
}

TEST_CASE("the JSON form carries ids, log-probabilities and the plan") {
    const auto result = run({"-p", "The dog", "-n", "5", "--logprobs", "2", "--json", "-q"});
    REQUIRE(result.exit_code == 0);
    const auto json = nlohmann::json::parse(result.out);
    CHECK(json["ids"].size() == 5);
    CHECK(json["finish"] == "length");
    CHECK(json["plan"].get<std::string>().size() == 16);
    REQUIRE(json["logprobs"].size() == 5);
    for (const auto& token : json["logprobs"]) {
        CHECK(token["top"].size() == 2);
        CHECK(token["id"] == token["top"][0]["id"]);  // greedy
        CHECK(token["logprob"].get<double>() <= 0.0);
    }
}

TEST_CASE("a stop string ends the text before it") {
    const auto whole = run({"-p", "Once upon a time", "-n", "60", "-q", "--no-echo"}).out;
    REQUIRE(whole.size() > 60);
    const std::string stop = whole.substr(30, 6);
    const auto cut =
        run({"-p", "Once upon a time", "-n", "60", "-q", "--no-echo", "--stop", stop}).out;
    CHECK(cut == whole.substr(0, whole.find(stop)) + "\n");
}

TEST_CASE("output is whole UTF-8 characters, whatever is drawn") {
    for (int seed = 1; seed <= 3; ++seed) {
        const auto result = run({"-p", "é日本", "-n", "40", "-q", "--temperature", "3", "--seed",
                                 std::to_string(seed)});
        CHECK(result.exit_code == 0);
        CHECK_THAT(result.out, Catch::Matchers::StartsWith("é日本"));
    }
    CHECK(is_utf8(run({"-p", "A girl", "-n", "60", "-q"}).out));
}

TEST_CASE("a prompt longer than the context says both numbers") {
    std::string prompt;
    for (int i = 0; i < 400; ++i) prompt += "one two three ";
    const auto result = run({"--max-context", "64", "-q"}, prompt);
    CHECK(result.exit_code == 1);
    CHECK_THAT(result.err, Contains("64"));
}

TEST_CASE("a closed pipe ends quietly with an error") {
    const std::string command = kHost + " -p 'Once upon a time' -n 200 2>/dev/null | head -c 20";
    FILE* pipe = popen(command.c_str(), "r");
    REQUIRE(pipe);
    char buffer[64] = {};
    CHECK(fread(buffer, 1, sizeof buffer, pipe) == 20);
    CHECK(pclose(pipe) == 0);
}

TEST_CASE("an empty prompt is refused where the model has no opening token") {
    const auto result = run({"--model-plugin", "olmo2", "-p", "", "-q"});
    CHECK(result.exit_code == 1);
    CHECK_THAT(result.err, Contains("empty"));
}

TEST_CASE("a model path from the command line chooses its family by itself") {
    const auto result =
        run({"--model", "weights/llama3-tiny", "-p", "The", "-n", "3"}, "", AFS_SOURCE_DIR);
    INFO(result.err);
    CHECK(result.exit_code == 0);
    CHECK_THAT(result.err, Contains("command line --model"));
}
