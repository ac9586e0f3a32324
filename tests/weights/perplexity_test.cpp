// The bundled models' perplexity, recomputed through the engine on the texts that lie beside them:
// held-out text may not surprise a model much more than the text it was trained on.
#include "weights/perplexity.hpp"

#include <cstdio>

using namespace afs::test;

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kDocuments = 2;  // slow there: the path, not the figure
#else
constexpr size_t kDocuments = 24;
#endif

}  // namespace

TEST_CASE("held-out perplexity is at most 1.15 times that of training text") {
    for (const char* family : {"olmo2", "llama3"}) {
        afs::ConfigRequest request;
        request.file = std::string(AFS_SOURCE_DIR) + "/configs/default.json";
        request.overrides = {{"model.plugin", family, "test"},
                             {"plugin_path", std::string(AFS_BUILD_DIR) + "/plugins", "test"},
                             {"engine.max_sequences", "1", "test"}};
        auto config = afs::Config::load(request);
        REQUIRE(config.ok());
        auto runtime = afs::Runtime::open(*config);
        INFO(runtime.status().message());
        REQUIRE(runtime.ok());
        const Sum training = score(**runtime, documents("train-sample.txt", kDocuments));
        const Sum heldout = score(**runtime, documents("heldout.txt", kDocuments));
        std::printf("%s: perplexity %.3f on %zu held-out tokens, %.3f on %zu training tokens\n",
                    family, heldout.perplexity(), heldout.tokens, training.perplexity(),
                    training.tokens);
        CHECK(heldout.tokens > kDocuments * 50);
        CHECK(training.tokens > kDocuments * 50);
        if (kDocuments > 2) CHECK(heldout.perplexity() <= 1.15 * training.perplexity());
        CHECK(heldout.perplexity() < 20.0);
    }
}
