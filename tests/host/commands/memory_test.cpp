// What a run costs: weights stay in the file's own pages, shared between processes; the rest of
// the memory is the KV cache, the tokenizer's tables and at most 64 MiB.
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "support/afs_host.hpp"
#include "support/running_program.hpp"

namespace {

const std::string kWeights = std::string(AFS_SOURCE_DIR) + "/weights/llama3-tiny/model.safetensors";
constexpr long kSlackKib = 64 * 1024;

std::vector<std::string> endless() {
    return {kHost,  "--model-plugin", "llama3",        "--kernels", "reference", "--prompt",
            "Once", "--ignore-stop",  "--temperature", "1",         "-n",        "100000"};
}

bool sanitized() {
#if defined(__SANITIZE_ADDRESS__)
    return true;
#else
    return false;
#endif
}

}  // namespace

TEST_CASE("two processes share the mapped weights, and neither dirties them") {
    RunningProgram first(endless()), second(endless());
    REQUIRE(first.read_out(20).size() >= 20);
    REQUIRE(second.read_out(20).size() >= 20);
    const long size = static_cast<long>(std::filesystem::file_size(kWeights) / 1024);
    for (const RunningProgram* each : {&first, &second}) {
        CHECK(each->mapped_kib("llama3-tiny/model.safetensors", "Private_Dirty") == 0);
        CHECK(each->mapped_kib("llama3-tiny/model.safetensors", "Private_Clean") < size / 10);
        CHECK(each->mapped_kib("llama3-tiny/model.safetensors", "Shared_Clean") > size * 9 / 10);
        CHECK_FALSE(each->maps_file("libcuda"));
        CHECK_FALSE(each->maps_file("libcublas"));
    }
}

TEST_CASE("Ctrl-C ends with the statistics so far, a TERM signal likewise") {
    for (const int signal_number : {SIGINT, SIGTERM}) {
        RunningProgram program(endless());
        REQUIRE(program.read_out(20).size() >= 20);
        program.send(signal_number);
        CHECK_THAT(program.read_rest_of_err(), Catch::Matchers::Contains("tok/s") &&
                                                   Catch::Matchers::Contains("ended by cancelled"));
        CHECK(program.wait() == 128 + signal_number);
    }
}

TEST_CASE("peak memory is weights, KV cache, tokenizer and at most 64 MiB") {
    if (sanitized()) {
        std::puts("skipped: the address sanitizer's own memory counts");
        return;
    }
    RunningProgram program(
        {kHost, "--model-plugin", "llama3", "--prompt", "Once upon a time", "-n", "64", "-q"});
    program.read_out(1 << 20);
    REQUIRE(program.wait() == 0);
    const long weights = static_cast<long>(std::filesystem::file_size(kWeights) / 1024);
    INFO("peak " << program.peak_kib() << " KiB, weights " << weights << " KiB");
    CHECK(program.peak_kib() < weights + kSlackKib);  // KV and tables of a tiny model are inside
}

TEST_CASE("random weights of a larger shape stay within their memory") {
    if (sanitized()) {
        std::puts("skipped: the address sanitizer's own memory counts");
        return;
    }
    // Llama-shaped: hidden 1024, 4 layers, ffn 4096, vocabulary 147456, untied, bf16: 667 MiB.
    char folder[] = "/tmp/afs-memory-XXXXXX";
    REQUIRE(mkdtemp(folder));
    const std::string shape = std::string(folder) + "/shape.json";
    std::ofstream(shape) << R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama",
        "hidden_size": 1024, "num_hidden_layers": 4, "num_attention_heads": 16,
        "num_key_value_heads": 4, "head_dim": 64, "intermediate_size": 4096, "vocab_size": 147456,
        "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "max_position_embeddings": 2048,
        "tie_word_embeddings": false, "hidden_act": "silu", "attention_bias": false,
        "mlp_bias": false, "torch_dtype": "bfloat16", "bos_token_id": 1, "eos_token_id": 2})";
    RunningProgram program({kHost, "bench", "--random-weights", shape, "--kernels", "reference",
                            "--pp", "16", "--tg", "4", "-r", "1", "--json"});
    program.read_out(1 << 20);
    REQUIRE(program.wait() == 0);
    const long layer = 2 * (1024 * 1024 + 2 * 256 * 1024 + 1024 * 1024 + 3 * 4096 * 1024);
    const long weights = (4 * layer + 2LL * 2 * 147456 * 1024) / 1024;
    const long kv = 17 * 4 * 2 * 256 * 2 / 1024;
    // The read ceiling is measured before, over 512 MiB that are given back: less than the model.
    INFO("peak " << program.peak_kib() << " KiB, weights " << weights << " KiB");
    CHECK(program.peak_kib() < weights + kv + kSlackKib);
    std::filesystem::remove_all(folder);
}
