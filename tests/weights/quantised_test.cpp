// The bundled models in every GGUF type: perplexity on held-out text, and how far it is from that
// of the bf16 they were made from. The files are not in the repository: tools/fetch_parity_data.sh.
#include "weights/perplexity.hpp"

#include <cstdio>
#include <filesystem>

#include "afs/kernels.hpp"  // dtypes
#include "afs/weights/weight_set.hpp"
#include "support/temp_folder.hpp"
#include "weights/convert/convert.hpp"

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

afs::Config config_of(const std::string& file, const char* dtype, const char* quantise) {
    afs::ConfigRequest request;
    request.file = AFS_SOURCE_DIR "/configs/default.json";
    request.overrides = {{"model.plugin", "auto", "test"},
                         {"model.path", file, "test"},
                         {"model.dtype", dtype, "test"},
                         {"plugin_path", AFS_BUILD_DIR "/plugins", "test"},
                         {"engine.max_sequences", "1", "test"}};
    if (quantise) request.overrides.push_back({"quantize", quantise, "test"});
    auto config = afs::Config::load(request);
    REQUIRE(config.ok());
    return *config;
}

Sum perplexity_of(const std::string& file, uint64_t& bytes, const char* quantise = nullptr,
                  const char* dtype = "fp32", size_t n_documents = kDocuments) {
    auto runtime = afs::Runtime::open(config_of(file, dtype, quantise));
    INFO(runtime.status().message());
    REQUIRE(runtime.ok());
    bytes = (*runtime)->weights().bytes();
    return score(**runtime, documents("heldout.txt", n_documents));
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
    // By the program itself, while loading.
    for (const Row& row : {Row{"int8", 1.005}, Row{"int4", 1.1}}) {
        const Sum sum = perplexity_of(original, bytes, row.type);
        line(row.type, sum);
        CAPTURE(model, row.type);
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

// From its own file, whose matrices have 4 bits already: what is lost on top of that.
TEST_CASE("perplexity of SmolLM2 in fp32, bf16, int8 and int4") {
    const std::string original = AFS_SOURCE_DIR "/.parity/SmolLM2-135M-Instruct.Q4_1.gguf";
    if (!std::filesystem::exists(original)) {
        std::printf("skipped: %s is absent; run tools/fetch_parity_data.sh smollm2\n",
                    original.c_str());
        return;
    }
    const TempFolder folder;
    const auto converted = [&](const char* name, int32_t dtype) {
        afs::convert::ConvertRequest request;
        request.from = original;
        request.to = folder.path() / name;
        request.dtype = dtype;
        request.tables = AFS_SOURCE_DIR "/configs/conversion.json";
        const auto done = afs::convert::convert(config_of(original, "fp32", nullptr), request,
                                                [](uint64_t, uint64_t) { return true; });
        INFO(done.status().message());
        REQUIRE(done.ok());
        return request.to.string();
    };
    const std::string fp32 = converted("fp32.gguf", AFS_F32),
                      bf16 = converted("bf16.gguf", AFS_BF16);
    struct Way {
        const char* name;
        std::string file;
        const char *quantise, *activations;
        double at_most;  // over fp32
    };
    const Way ways[] = {{"fp32", fp32, nullptr, "fp32", 1},
                        {"Q4_1, as its file", original, nullptr, "bf16", 1.005},
                        {"bf16", bf16, nullptr, "bf16", 1.005},
                        {"int8", fp32, "int8", "bf16", 1.01},
                        {"int4", fp32, "int4", "bf16", 1.1}};
    double first = 0;
    for (const Way& way : ways) {
        uint64_t bytes = 0;
        const Sum sum =
            perplexity_of(way.file, bytes, way.quantise, way.activations, kDocuments / 8 + 1);
        if (first == 0) {
            first = sum.perplexity();
            std::printf(
                "| SmolLM2-135M | activations | MiB | perplexity (%zu tokens) | over fp32 |\n"
                "|---|---|--:|--:|--:|\n",
                sum.tokens);
        }
        std::printf("| %s | %s | %.2f | %.4f | %+.3f %% |\n", way.name, way.activations,
                    static_cast<double>(bytes) / 1048576.0, sum.perplexity(),
                    100 * (sum.perplexity() / first - 1));
        CAPTURE(way.name);
        CHECK(sum.perplexity() <= way.at_most * first);
    }
}
