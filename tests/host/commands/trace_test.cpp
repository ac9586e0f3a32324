// trace: the table, its JSON, the timeline, saved values, the distance from Hugging Face's.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/afs_host.hpp"
#include "support/run_program.hpp"
#include "support/temp_folder.hpp"

namespace {

using Catch::Matchers::Contains;
const std::string kGolden = AFS_SOURCE_DIR "/tests/golden/trace/olmo2-tiny";

ProgramResult trace(std::vector<std::string> args) {
    args.insert(args.begin(), "trace");
    return ProgramRun{kHost, std::move(args), "", {}, "/tmp"}.run();
}

}  // namespace

TEST_CASE("trace prints where the time of a step goes, and writes the timeline") {
    const afs::test::TempFolder folder;
    const std::string file = (folder.path() / "t.json").string();
    const auto result = trace({"-n", "3", "--rows", "4", "--chrome", file});
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    CHECK_THAT(result.out, Contains("decode: 3 steps of 1 token, context 11 to 13; 131 launches"));
    CHECK_THAT(result.out, Contains("L*.mlp.down") && Contains("the rest"));
    std::ifstream in(file);
    const auto timeline = nlohmann::json::parse(in);
    size_t n = 0;
    for (const auto& event : timeline["traceEvents"])
        n += event["ph"] == "X" && event["name"] == "L0.attn.ctx";
    CHECK(n == 3 + 3);  // decode steps, and the prompt three times
}

TEST_CASE("trace of more tokens than the context holds says what it needs") {
    const auto result = trace({"-n", "100", "--max-context", "64"});
    CHECK(result.exit_code == 1);
    CHECK(result.out.empty());
    CHECK_THAT(result.err, Contains("--max-tokens 100 after a prompt of 10") &&
                               Contains("110 tokens") && Contains("--max-context"));
}

TEST_CASE("trace of a batch: every step has all of it") {
    const auto result = trace({"-n", "3", "--batch", "4"});
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    CHECK_THAT(result.out, Contains("decode: 3 steps of 4 tokens, context 44 to 52"));
}

TEST_CASE("trace --json: every op once, bytes of a step add up to the model") {
    const auto result = trace({"-n", "2", "--json", "--model-plugin", "llama3"});
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    const auto json = nlohmann::json::parse(result.out);
    const auto& decode = json["phases"][0];
    CHECK(decode["name"] == "decode");
    CHECK(decode["clock"] == "host");
    double bytes = 0, seconds = 0;
    uint32_t launches = 0;
    for (const auto& row : decode["rows"]) {
        bytes += row["bytes"].get<double>();
        seconds += row["seconds"].get<double>();
        launches += row["launches"].get<uint32_t>();
    }
    CHECK(launches == 133);
    CHECK(seconds == Approx(decode["unit_seconds"].get<double>()));
    CHECK(bytes > 11e6);
    CHECK(bytes < 13e6);
}

TEST_CASE("trace --tap saves values, and says what no tag is") {
    const afs::test::TempFolder folder;
    const std::string file = (folder.path() / "v.safetensors").string();
    const auto saved = trace({"--tap", "L*.attn.ctx", "--tap", "logits", "--out", file, "--json",
                              "-p", "The cat sat", "--chunk", "1"});
    INFO(saved.err);
    REQUIRE(saved.exit_code == 0);
    const auto json = nlohmann::json::parse(saved.out);
    CHECK(json["values"].size() == 8);
    CHECK(json["values"][0]["shape"][0] == json["ids"].size());
    CHECK(std::filesystem::file_size(file) > 1000);
    const auto unknown = trace({"--tap", "L0.attn.nothing"});
    CHECK(unknown.exit_code == 1);
    CHECK_THAT(unknown.err, Contains("'L0.attn.nothing'") && Contains("explain"));
    CHECK(trace({"--out", "x.npy"}).exit_code == 2);
}

TEST_CASE("trace --against-hf: the bundled model is as near to transformers as itself in bf16") {
    for (const char* chunk : {"0", "1"}) {
        const auto bf16 = trace({"--against-hf", kGolden, "--chunk", chunk});
        INFO(bf16.out << bf16.err);
        CHECK(bf16.exit_code == 0);
        CHECK_THAT(bf16.out, Contains("transformers") && Contains("of its own error in bf16"));
    }
    const auto fp32 = trace({"--against-hf", kGolden, "--dtype", "fp32", "--json"});
    CHECK(fp32.exit_code == 0);
    CHECK(nlohmann::json::parse(fp32.out)["rows"].size() == 20);
    const auto other = trace({"--against-hf", kGolden, "--model-plugin", "llama3"});
    CHECK(other.exit_code == 1);
    CHECK_THAT(other.err, Contains("different models"));
    const auto none = trace({"--against-hf", "/nowhere"});
    CHECK(none.exit_code == 2);
    CHECK_THAT(none.err, Contains("tools/goldens/trace.py"));
}
