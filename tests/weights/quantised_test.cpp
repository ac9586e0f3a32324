// The bundled models in every GGUF type: perplexity on held-out text, and how far it is from that
// of the bf16 they were made from. The files are not in the repository: tools/fetch_parity_data.sh.
#include "weights/perplexity.hpp"

#include <cstdio>
#include <filesystem>

#include "afs/weights/weight_set.hpp"

using namespace afs::test;

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kDocuments = 2;  // slow there: the path, not the figure
#else
constexpr size_t kDocuments = 64;
#endif

struct Row {
    const char* type;
    double at_most;  // perplexity over bf16's
};
// ggml's own encoders stay below; ours of the K-quants are simpler. A block that is decoded wrongly
// doubles the figure at least.
constexpr Row kRows[] = {{"f32", 1.0001}, {"f16", 1.001}, {"q8_0", 1.005}, {"q6_k", 1.01},
                         {"q5_k", 1.03},  {"q5_1", 1.03}, {"q5_0", 1.03},  {"q4_k", 1.1},
                         {"q4_1", 1.1},   {"q4_0", 1.15}};

std::string file_of(const std::string& model, const std::string& type) {
    std::string path = AFS_SOURCE_DIR "/.parity/gguf/";
    return path.append(model).append("-").append(type).append(".gguf");
}

Sum perplexity_of(const std::string& file, uint64_t& bytes) {
    afs::ConfigRequest request;
    request.file = AFS_SOURCE_DIR "/configs/default.json";
    request.overrides = {{"model.plugin", "auto", "test"},
                         {"model.path", file, "test"},
                         {"model.dtype", "fp32", "test"},
                         {"plugin_path", AFS_BUILD_DIR "/plugins", "test"},
                         {"engine.max_sequences", "1", "test"}};
    auto config = afs::Config::load(request);
    REQUIRE(config.ok());
    auto runtime = afs::Runtime::open(*config);
    INFO(runtime.status().message());
    REQUIRE(runtime.ok());
    bytes = (*runtime)->weights().bytes();
    return score(**runtime, documents("heldout.txt", kDocuments));
}

void check_all_types(const std::string& model) {
    const std::string original = file_of(model, "bf16");
    if (!std::filesystem::exists(original)) {
        std::printf("skipped: %s is absent; run tools/fetch_parity_data.sh quantised\n",
                    original.c_str());
        return;
    }
    uint64_t bytes = 0;
    const Sum bf16 = perplexity_of(original, bytes);
    std::printf("| %s | MiB | perplexity (%zu tokens) | over bf16 |\n|---|--:|--:|--:|\n",
                model.c_str(), bf16.tokens);
    const auto line = [&](const char* type, const Sum& sum) {
        std::printf("| %s | %.2f | %.4f | %+.3f %% |\n", type,
                    static_cast<double>(bytes) / 1048576.0, sum.perplexity(),
                    100 * (sum.perplexity() / bf16.perplexity() - 1));
    };
    line("bf16", bf16);
    for (const Row& row : kRows) {
        const Sum sum = perplexity_of(file_of(model, row.type), bytes);
        line(row.type, sum);
        CAPTURE(model, row.type);
        CHECK(sum.tokens == bf16.tokens);
        if (kDocuments > 2) CHECK(sum.perplexity() <= row.at_most * bf16.perplexity());
    }
}

}  // namespace

TEST_CASE("perplexity of llama3-tiny in every GGUF type") {
    check_all_types("llama3-tiny");
}

TEST_CASE("perplexity of olmo2-tiny in every GGUF type") {
    check_all_types("olmo2-tiny");
}
