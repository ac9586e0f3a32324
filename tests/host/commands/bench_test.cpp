// bench: the table, its JSON, random weights, and the bytes a token reads.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/afs_host.hpp"
#include "support/run_program.hpp"

namespace {

using Catch::Matchers::Contains;

ProgramResult bench(std::vector<std::string> args) {
    args.insert(args.begin(), "bench");
    return ProgramRun{kHost, std::move(args), "", {}, AFS_SOURCE_DIR}.run();
}

// Llama-shaped: hidden 64, 2 layers, 4 heads over 2 kv heads x 16, ffn 96, vocabulary 128, tied.
const char* kShape = R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama",
 "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
 "head_dim": 16, "intermediate_size": 96, "vocab_size": 128, "rms_norm_eps": 1e-5,
 "rope_theta": 10000.0, "max_position_embeddings": 512, "tie_word_embeddings": true,
 "hidden_act": "silu", "attention_bias": false, "mlp_bias": false, "torch_dtype": "bfloat16",
 "bos_token_id": 1, "eos_token_id": 2})";

}  // namespace

TEST_CASE("bench prints llama-bench's table") {
    const auto result = bench({"--pp", "16", "--tg", "4", "-r", "2"});
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    CHECK_THAT(result.out, Contains("| model |"));
    CHECK_THAT(result.out, Contains("| pp16 |"));
    CHECK_THAT(result.out, Contains("| tg4 |"));
    CHECK_THAT(result.out, Contains("±"));
    CHECK_THAT(result.out, Contains("GB/s"));
    CHECK_THAT(result.out, Contains("plan "));
    CHECK_THAT(result.out, Contains("device: host memory (cpu:0)"));
    CHECK_THAT(result.out, Contains("ready: model ") && Contains("TFLOP/s"));
    CHECK_THAT(result.out, Contains("| ✓ |"));
}

TEST_CASE("bench compares logits with other kernels, and says where it cannot") {
    const auto result = bench({"--kernels", "test-toy", "--plugin",
                               AFS_BUILD_DIR "/tests/plugins/afs-kernels-test-toy.so", "--pp", "8",
                               "--tg", "0", "-r", "1", "--json"});
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    const auto json = nlohmann::json::parse(result.out);
    CHECK(json["logits"]["ok"] == true);  // auto: the reference, on a small model
    CHECK(json["rows"][0]["check"]["ok"] == true);
    CHECK(json["rows"][0]["flops"].get<double>() > 0);
    const auto absent = bench({"--check", "nobody", "--pp", "8", "--tg", "0"});
    CHECK(absent.exit_code == 3);
    CHECK_THAT(absent.err, Contains("nobody") && Contains("reference"));
    CHECK(absent.out.empty());
}

TEST_CASE("bench measures as much as the context holds, and says what more would need") {
    const auto all = bench(
        {"--pp", "32", "--tg", "28", "--context", "4", "--max-context", "32", "-r", "1", "--json"});
    INFO(all.err);
    CHECK(all.exit_code == 0);
    struct Case {
        std::vector<std::string> args;
        const char* says;
    };
    for (const Case& c : {Case{{"--pp", "33", "--tg", "8"}, "--pp 33 needs a context of 33"},
                          Case{{"--pp", "8", "--tg", "29", "--context", "4"},
                               "--tg 29 --context 4 needs a context of 33"}}) {
        std::vector<std::string> args = c.args;
        args.insert(args.end(), {"--max-context", "32"});
        const auto more = bench(args);
        CHECK(more.exit_code == 1);
        CHECK(more.out.empty());
        CHECK_THAT(more.err, Contains(c.says) && Contains("holds 32") && Contains("--max-context"));
    }
    const auto model = bench({"--pp", "1025", "--tg", "0", "-r", "1"});
    CHECK(model.exit_code == 3);
    CHECK_THAT(model.err, Contains("--pp 1025") && Contains("1024 positions"));
}

TEST_CASE("bench soaks for a second") {
    const auto result = bench({"--soak", "1", "--json"});
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    const auto json = nlohmann::json::parse(result.out);
    CHECK(json["soak"]["tokens"] > 0);
    CHECK(json["soak"]["steady"] == true);
    CHECK(bench({"--soak", "0"}).exit_code == 2);
}

TEST_CASE("bytes a token are counted: layers, head and KV, never an untied embedding") {
    const std::string folder =
        (std::filesystem::temp_directory_path() / "afs-bench-XXXXXX").string();
    std::string path = folder;
    REQUIRE(mkdtemp(path.data()));
    std::ofstream(path + "/tied.json") << kShape;
    std::string untied = kShape;
    untied.replace(untied.find("\"tie_word_embeddings\": true"), 27,
                   "\"tie_word_embeddings\": false");
    std::ofstream(path + "/untied.json") << untied;

    // per layer: q 64x64, k and v 32x64, o 64x64, gate, up, down 96x64, two norms of 64; bf16
    const int64_t layer = 2 * (64 * 64 * 2 + 32 * 64 * 2 + 96 * 64 * 3 + 64 * 2);
    const int64_t weights = 2 * layer + 2 * (128 * 64 + 64);  // head and final norm
    const int64_t kv = 2 * 2 * (2 * 16) * 2;                  // layers, sides, kv width, bf16
    for (const char* shape : {"tied", "untied"}) {
        INFO(shape);
        const auto result = bench({"--random-weights", path + "/" + shape + ".json", "--pp", "0",
                                   "--tg", "8", "--context", "16", "-r", "1", "--json"});
        INFO(result.err);
        REQUIRE(result.exit_code == 0);
        const auto json = nlohmann::json::parse(result.out);
        REQUIRE(json["rows"].size() == 1);
        CHECK(json["rows"][0]["bytes_per_token"] == weights + kv * (16 + 8 / 2));
        CHECK(json["read_ceiling"].get<double>() > 1e8);
        CHECK(json["rows"][0]["samples_ts"].size() == 1);
        CHECK(json["model_bytes"].get<int64_t>() ==
              weights + (std::string(shape) == "untied" ? 2 * 128 * 64 : 0));
    }
    std::filesystem::remove_all(path);
}

TEST_CASE("bench runs batches and contexts") {
    const auto result = bench(
        {"--pp", "0", "--tg", "4", "--batch", "1,3", "--context", "0,20", "-r", "1", "--json"});
    REQUIRE(result.exit_code == 0);
    const auto json = nlohmann::json::parse(result.out);
    REQUIRE(json["rows"].size() == 4);
    CHECK(json["rows"][3]["test"] == "tg4 @ c20 x3");
}

TEST_CASE("a batch that the cache does not hold at once is not measured") {
    const auto result = bench({"--model-plugin", "llama3", "--pp", "0", "--tg", "64", "--batch",
                               "8", "-r", "1", "--kv-memory-mib", "1"});
    CHECK(result.exit_code == 1);
    CHECK_THAT(result.err, Contains("batch of 8") && Contains("kv_memory_mib"));
    CHECK_THAT(result.out, !Contains("tg64"));
}
