// GGUF files through the program: a quantised model with its own vocabulary, bench and explain on
// it, and what users are told of files that cannot be used.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "afs/numeric.hpp"
#include "conformance/cases/random_blocks.hpp"
#include "support/gguf_model.hpp"
#include "support/run_program.hpp"
#include "support/temp_folder.hpp"

using namespace afs::test;
using namespace afs::conformance;

namespace {

ProgramResult run_gguf(const std::vector<std::string>& args) {
    ProgramRun program;
    program.program = std::string(AFS_BUILD_DIR) + "/bin/afs-host";
    program.args = args;
    return program.run();
}

// Printable ASCII, the blank as GPT-2's alphabet has it, one merge; enough for "a b".
void add_vocabulary(GgufBuilder& b, int64_t vocab) {
    std::vector<std::string> tokens;
    for (char c = '!'; c < '\x7f'; ++c) tokens.push_back(std::string(1, c));
    tokens.insert(tokens.end(), {"\u0120", "!!"});
    std::vector<int32_t> types(tokens.size(), 1);
    for (; static_cast<int64_t>(tokens.size()) < vocab; types.push_back(3))
        tokens.push_back("<|x" + std::to_string(tokens.size()) + "|>");
    b.text("tokenizer.ggml.model", "gpt2").text("tokenizer.ggml.pre", "gpt-2");
    b.texts("tokenizer.ggml.tokens", tokens);
    b.array("tokenizer.ggml.token_type", GgufBuilder::kI32, types);
    b.texts("tokenizer.ggml.merges", {"! !"});
}

std::string model(const GgufSizes& sizes, bool with_vocabulary) {
    GgufBuilder b = gguf_metadata(sizes);
    if (with_vocabulary) add_vocabulary(b, sizes.vocab);
    uint32_t seed = 0;
    for (const GgufWeight& weight : gguf_weights(sizes)) {
        size_t n = 1;
        for (const int64_t extent : weight.shape) n *= static_cast<size_t>(extent);
        if (weight.shape.size() == 1) {
            std::string ones;
            for (size_t i = 0; i < n; ++i) ones += le(1.0f);
            b.tensor({weight.name, 0, weight.shape, ones});
            continue;
        }
        const auto blocks = random_blocks(AFS_Q4_K, n, 0.05, ++seed);
        b.tensor({weight.name, 12, weight.shape, {blocks.begin(), blocks.end()}});
    }
    return b.bytes();
}

}  // namespace

TEST_CASE("a quantised GGUF file generates, explains and is measured") {
    const TempFolder folder;
    GgufSizes sizes;
    const std::string path = folder.write("m.gguf", model(sizes, true)).string();
    const auto text = run_gguf({"--model", path, "--kernels", "reference", "-p", "a b", "-n", "4",
                                "--ignore-stop", "--json"});
    INFO(text.err);
    REQUIRE(text.exit_code == 0);
    const auto json = nlohmann::json::parse(text.out);
    CHECK(json["prompt_ids"] == nlohmann::json({64, 94, 65}));
    CHECK(json["ids"].size() == 4);
    CHECK(json["dtype"] == "bf16");
    const auto plan =
        run_gguf({"explain", "--model", folder.path().string(), "--kernels", "reference"});
    INFO(plan.err);
    CHECK(plan.exit_code == 0);
    CHECK(plan.out.find("llama3, 2 layers, hidden 256, 4 heads (2 kv) x 64") != std::string::npos);
    const auto bench = run_gguf({"bench", "--model", path, "--kernels", "reference", "--pp", "0",
                                 "--tg", "2", "-r", "1", "--json"});
    INFO(bench.err);
    REQUIRE(bench.exit_code == 0);
    const auto report = nlohmann::json::parse(bench.out);
    // Every matrix but the embedding, in blocks, and the norms; then k and v of two tokens.
    const int64_t d = 256, elements = 2 * (2 * 256 * d + 2 * 128 * d + 3 * 256 * d) + 97 * d;
    const auto weights =
        afs::dtype_bytes(AFS_Q4_K, static_cast<uint64_t>(elements)) + 5 * d * sizeof(float);
    CHECK(report["rows"][0]["bytes_per_token"] == weights + 2 * (2 * 2 * 2 * 64 * 2));
}

TEST_CASE("GGUF files that cannot be used say why") {
    const TempFolder folder;
    GgufSizes sizes;
    const auto refused = [&](const std::string& file, const std::vector<std::string>& says) {
        const auto result = run_gguf({"--model", file, "--kernels", "reference", "-p", "x"});
        CAPTURE(file, result.err);
        CHECK(result.exit_code == 3);
        for (const std::string& part : says) CHECK(result.err.find(part) != std::string::npos);
    };
    refused(folder.write("bare.gguf", model(sizes, false)).string(),
            {"brings no vocabulary", "tokenizer.path"});
    GgufBuilder foreign;
    foreign.text("general.architecture", "qwen2");
    refused(folder.write("q.gguf", foreign.bytes()).string(),
            {"no model plugin knows the architecture 'qwen2'", "llama3: not its kind"});
    const std::string whole = model(sizes, true);
    refused(folder.write("cut.gguf", whole.substr(0, whole.size() / 2)).string(),
            {"cannot read tensor '", "is the download complete?"});
    refused(folder.path().string(), {"holds 3 models", "bare.gguf, cut.gguf, q.gguf"});
    GgufBuilder biased = gguf_metadata(sizes);
    add_vocabulary(biased, sizes.vocab);
    biased.tensor({"token_embd.weight", 0, {97, 256}, std::string(97 * 256 * 4, '\0')});
    biased.tensor({"blk.0.attn_q.bias", 0, {256}, std::string(1024, '\0')});
    refused(folder.write("biased.gguf", biased.bytes()).string(),
            {"tensors are missing", "'blk.0.attn_q.bias'"});
}
