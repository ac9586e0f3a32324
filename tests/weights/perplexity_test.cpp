// The bundled models' perplexity, recomputed through the engine on the texts that lie beside them:
// held-out text may not surprise a model much more than the text it was trained on.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "afs/tokenizer.hpp"
#include "runtime/runtime.hpp"

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kDocuments = 2;  // slow there: the path, not the figure
#else
constexpr size_t kDocuments = 24;
#endif

// Blocks of weights/<file> between lines that hold <|endoftext|>.
std::vector<std::string> documents(const std::string& file, size_t n) {
    std::ifstream in(std::string(AFS_SOURCE_DIR) + "/weights/" + file);
    std::vector<std::string> all;
    std::string text;
    for (std::string line; all.size() < n && std::getline(in, line);) {
        if (line == "<|endoftext|>") {
            while (!text.empty() && text.back() == '\n') text.pop_back();
            all.push_back(text);
            text.clear();
        } else {
            text += line + "\n";
        }
    }
    return all;
}

struct Sum {
    double nll = 0;  // natural log
    size_t tokens = 0;
    double perplexity() const { return std::exp(nll / static_cast<double>(tokens)); }
};

// Every document alone, each token given all before it.
Sum score(afs::Runtime& runtime, const std::vector<std::string>& texts) {
    Sum sum;
    for (const std::string& text : texts) {
        std::vector<int32_t> ids;
        REQUIRE(runtime.tokenizer()->encode(text, AFS_ENCODE_ADD_SPECIAL, ids).ok());
        if (ids.size() < 2) continue;
        afs::Request request;
        request.prompt = ids;
        request.max_new_tokens = 0;
        request.prompt_logprobs = true;
        request.n_vocab = static_cast<int32_t>(runtime.tokenizer_info().n_vocab);
        REQUIRE(runtime.engine().submit(request).ok());
        while (!runtime.engine().idle()) {
            auto events = runtime.engine().step();
            REQUIRE(events.ok());
            for (const afs::TokenEvent& event : *events)
                for (const float logprob : event.prompt_logprobs) {
                    sum.nll -= logprob;
                    ++sum.tokens;
                }
        }
    }
    return sum;
}

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
