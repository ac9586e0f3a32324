// The bundled models' perplexity, recomputed through the engine on the texts that lie beside them:
// held-out text may not surprise a model much more than the text it was trained on.
#include "weights/perplexity.hpp"

#include <cstdio>
#include <memory>
#include <utility>

using namespace afs::test;

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kDocuments = 2;  // slow there: the path, not the figure
#else
constexpr size_t kDocuments = 24;
#endif

std::unique_ptr<afs::Runtime> open(std::vector<afs::Override> overrides, std::string& error) {
    afs::ConfigRequest request;
    request.file = std::string(AFS_SOURCE_DIR) + "/configs/default.json";
    request.overrides = std::move(overrides);
    request.overrides.push_back({"plugin_path", std::string(AFS_BUILD_DIR) + "/plugins", "test"});
    request.overrides.push_back({"engine.max_sequences", "1", "test"});
    auto config = afs::Config::load(request);
    REQUIRE(config.ok());
    auto runtime = afs::Runtime::open(*config);
    error = runtime.status().message();
    return runtime.ok() ? std::move(*runtime) : nullptr;
}

}  // namespace

TEST_CASE("held-out perplexity is at most 1.15 times that of training text") {
    for (const char* family : {"olmo2", "llama3"}) {
        std::string error;
        const auto runtime = open({{"model.plugin", family, "test"}}, error);
        INFO(error);
        REQUIRE(runtime);
        const Sum training = score(*runtime, documents("train-sample.txt", kDocuments));
        const Sum heldout = score(*runtime, documents("heldout.txt", kDocuments));
        std::printf("%s: perplexity %.3f on %zu held-out tokens, %.3f on %zu training tokens\n",
                    family, heldout.perplexity(), heldout.tokens, training.perplexity(),
                    training.tokens);
        CHECK(heldout.tokens > kDocuments * 50);
        CHECK(training.tokens > kDocuments * 50);
        if (kDocuments > 2) CHECK(heldout.perplexity() <= 1.15 * training.perplexity());
        CHECK(heldout.perplexity() < 20.0);
    }
}

TEST_CASE("perplexity with activations of bf16, on every instruction set of this machine") {
    struct Way {
        const char* quantise;
        double at_most;  // over the same in fp32, of weights of bf16
    };
    for (const char* family : {"olmo2", "llama3"}) {
        std::string error;
        const auto exact =
            open({{"model.plugin", family, "test"}, {"model.dtype", "fp32", "test"}}, error);
        INFO(error);
        REQUIRE(exact);
        const double first = score(*exact, documents("heldout.txt", kDocuments)).perplexity();
        std::printf("%s, fp32: %.4f\n", family, first);
        for (const char* set : {"avx2", "avx512", "amx"})
            for (const Way& way : {Way{"none", 1.005}, Way{"int8", 1.01}, Way{"int4", 1.1}}) {
                std::vector<afs::Override> overrides = {
                    {"model.plugin", family, "test"},
                    {"model.dtype", "bf16", "test"},
                    {"kernels", "cpu", "test"},
                    {"plugins.cpu.instruction_set", set, "test"}};
                if (way.quantise != std::string("none"))
                    overrides.push_back({"quantize", way.quantise, "test"});
                const auto runtime = open(std::move(overrides), error);
                if (!runtime) {
                    std::printf("%s not tried: %s\n", set, error.c_str());
                    break;
                }
                const Sum sum = score(*runtime, documents("heldout.txt", kDocuments));
                std::printf("%s, bf16, %s, weights %s: %.4f, %+.3f %%\n", family, set, way.quantise,
                            sum.perplexity(), 100 * (sum.perplexity() / first - 1));
                CAPTURE(family, set, way.quantise);
                if (kDocuments > 2) CHECK(sum.perplexity() <= way.at_most * first);
            }
    }
}
