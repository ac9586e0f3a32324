// Whole models through the engine on the device: logits against the reference, tokens under
// capture, run-ahead, chunks and batches.
#include <chrono>
#include <cmath>

#include "afs/numeric.hpp"
#include "fixture.hpp"
#include "host/engine/model_fixture.hpp"

using namespace afs_test;
using afs::test::gpu;

namespace {

const char* const kFamilies[] = {"olmo2", "llama3"};

Setup bundled(const std::string& family, int32_t dtype, const std::string& kernels) {
    Setup setup;
    setup.family = family;
    setup.dtype = dtype;
    setup.kernels = {kernels};
    setup.folder = std::string(AFS_SOURCE_DIR) + "/weights/" + family + "-tiny";
    setup.limits = {64, 8, 64, 256, 0};
    return setup;
}

std::vector<float> logits(const Setup& setup, const std::vector<int32_t>& ids, uint32_t chunk = 0) {
    const Model model = make_model(setup);
    return must(make_engine(model)->logits(ids, chunk));
}

struct StepError {
    double max = 0, rms = 0, tail = 0;  // tail: the 99.9th percentile
};
StepError error_of(const std::vector<float>& got, const std::vector<float>& truth) {
    REQUIRE(got.size() == truth.size());
    StepError e;
    std::vector<double> all;
    for (size_t i = 0; i < got.size(); ++i) {
        all.push_back(std::abs(static_cast<double>(got[i]) - truth[i]));
        e.rms += all.back() * all.back();
    }
    e.rms = std::sqrt(e.rms / static_cast<double>(all.size()));
    std::sort(all.begin(), all.end());
    e.max = all.back();
    e.tail = all[all.size() - 1 - all.size() / 1000];
    return e;
}

// A few prompts of several lengths, greedy and sampled.
std::vector<afs::Request> requests(int32_t n_vocab, uint32_t n_new) {
    std::vector<afs::Request> all;
    for (const unsigned n : {1u, 5u, 17u, 40u}) {
        afs::Request request;
        request.prompt = some_ids(n, n, n_vocab);
        request.max_new_tokens = n_new;
        request.n_vocab = n_vocab;
        if (n == 5) request.sampling.temperature = 0.8f, request.sampling.top_p = 0.9f;
        if (n == 17) request.sampling.temperature = 1.2f, request.sampling.top_k = 20;
        all.push_back(request);
    }
    return all;
}

std::vector<std::vector<int32_t>> together(afs::Engine& engine,
                                           const std::vector<afs::Request>& all) {
    std::vector<uint64_t> numbers;
    for (const afs::Request& request : all) numbers.push_back(must(engine.submit(request)));
    auto runs = run_all(engine);
    std::vector<std::vector<int32_t>> ids;
    for (const uint64_t number : numbers) ids.push_back(runs[number].ids);
    return ids;
}
std::vector<std::vector<int32_t>> alone(afs::Engine& engine, const std::vector<afs::Request>& all) {
    std::vector<std::vector<int32_t>> ids;
    for (const afs::Request& request : all) ids.push_back(run_one(engine, request).ids);
    return ids;
}

// A second run, when all programs are there.
double seconds_of(afs::Engine& engine, const std::vector<afs::Request>& all) {
    together(engine, all);
    const auto start = std::chrono::steady_clock::now();
    together(engine, all);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

TEST_CASE("engine: the bundled models' logits are as near to fp64 as the reference's") {
    if (!gpu()) return;
    for (const std::string family : kFamilies)
        for (const int32_t dtype : {AFS_F32, AFS_BF16, AFS_F16}) {
            if (family == "olmo2" && dtype == AFS_F16) continue;  // the family refuses it
            const auto ids = some_ids(60, 3, 1000);
            const auto truth = logits(bundled(family, AFS_F64, "reference"), ids);
            const StepError theirs =
                error_of(logits(bundled(family, dtype, "reference"), ids), truth);
            for (const uint32_t chunk : {0u, 1u, 7u}) {
                const StepError ours =
                    error_of(logits(bundled(family, dtype, "cuda"), ids, chunk), truth);
                std::printf(
                    "%s %s, chunks of %u: max %.3g rms %.3g 99.9 %% %.3g; reference %.3g %.3g "
                    "%.3g\n",
                    family.c_str(), afs::dtype_name(dtype), chunk, ours.max, ours.rms, ours.tail,
                    theirs.max, theirs.rms, theirs.tail);
                CHECK(ours.max <= 2 * theirs.max);
                CHECK(ours.rms <= 1.25 * theirs.rms);
                CHECK(ours.tail <= 1.5 * theirs.tail);
            }
        }
}

TEST_CASE("engine: fp32 tokens are the reference's") {
    if (!gpu()) return;
    for (const std::string family : kFamilies) {
        const auto tokens = [&](const std::string& kernels) {
            const Model model = make_model(bundled(family, AFS_F32, kernels));
            return together(*make_engine(model), requests(1000, 40));
        };
        CHECK(tokens("cuda") == tokens("reference"));
        Setup odd;  // 4 heads of 12 over 2, 97 ids
        odd.family = family;
        const auto small = [&](const std::string& kernels) {
            odd.kernels = {kernels};
            const Model model = make_model(odd);
            return together(*make_engine(model), requests(97, 40));
        };
        CHECK(small("cuda") == small("reference"));
    }
}

TEST_CASE("engine: the captured step under run-ahead gives the tokens of eager steps") {
    if (!gpu()) return;
    for (const std::string family : kFamilies) {
        const Model model = make_model(bundled(family, AFS_BF16, "cuda"));
        afs::EngineOptions eager;
        eager.run_ahead = afs::EngineOptions::RunAhead::off;
        eager.buckets = afs::EngineOptions::Buckets::exact;
        const auto captured = make_engine(model), plain = make_engine(model, eager);
        CHECK(alone(*captured, requests(1000, 60)) == alone(*plain, requests(1000, 60)));
        const afs::EngineStats stats = captured->stats();
        INFO(stats.capture_note);
        CHECK(stats.run_ahead);
        CHECK(stats.capture_failures == 0);
        CHECK(stats.graph_replays > 150);
        std::printf("%s: %llu steps, %llu replays, %llu eager\n", family.c_str(),
                    static_cast<unsigned long long>(stats.steps),
                    static_cast<unsigned long long>(stats.graph_replays),
                    static_cast<unsigned long long>(stats.eager_steps));
    }
}

TEST_CASE("engine: deterministic, a request has the same tokens alone and among others") {
    if (!gpu()) return;
    for (const std::string family : kFamilies)
        for (const int32_t dtype : {AFS_F32, AFS_BF16}) {
            Setup setup = bundled(family, dtype, "cuda");
            setup.deterministic = true;
            setup.limits = {64, 64, 64, 256, 0};
            const Model model = make_model(setup);
            const auto engine = make_engine(model);
            std::vector<afs::Request> many;
            for (uint64_t i = 0; i < 16; ++i)
                for (afs::Request request : requests(1000, 24)) {
                    request.prompt = some_ids(request.prompt.size(), i + 1, 1000);
                    request.sampling.seed = i;
                    many.push_back(request);
                }
            CHECK(together(*engine, many) == alone(*engine, many));
            setup.deterministic = false;
            const Model any = make_model(setup);
            const double cost = seconds_of(*engine, many),
                         free = seconds_of(*make_engine(any), many);
            std::printf("%s %s, 64 requests: deterministic %.0f ms, else %.0f ms\n", family.c_str(),
                        afs::dtype_name(dtype), 1e3 * cost, 1e3 * free);
        }
}

// Over 1,024 positions blocks share a context without being a cluster: three a kv head for one
// sequence, two for three.
TEST_CASE("engine: decode steps over long contexts are as the reference's") {
    if (!gpu()) return;
    const auto run = [](const std::string& kernels, unsigned n_seqs) {
        Setup setup;
        setup.family = "llama3";
        setup.dtype = AFS_BF16;
        setup.kernels = {kernels};
        setup.limits = {256, n_seqs, n_seqs, 2048, 0};
        setup.config =
            R"({"hidden_size":128,"intermediate_size":128,"num_hidden_layers":2,)"
            R"("num_attention_heads":20,"num_key_value_heads":20,"head_dim":64,"vocab_size":97,)"
            R"("max_position_embeddings":4096,"rope_theta":10000.0,"hidden_act":"silu",)"
            R"("attention_bias":false,"mlp_bias":false,"rms_norm_eps":1e-05,)"
            R"("tie_word_embeddings":false,"model_type":"llama",)"
            R"("architectures":["LlamaForCausalLM"],"bos_token_id":0,"eos_token_id":1})";
        const Model model = make_model(setup);
        const auto engine = make_engine(model);
        for (unsigned s = 0; s < n_seqs; ++s) {
            afs::Request request;
            request.prompt = some_ids(1100 + 37 * s, s + 1);
            request.max_new_tokens = 2;
            request.n_logprobs = 0;
            must(engine->submit(request));
        }
        std::vector<Run> all;
        for (const auto& [id, each] : run_all(*engine)) all.push_back(each);
        return all;
    };
    for (const unsigned n_seqs : {1u, 3u}) {
        const auto ours = run("cuda", n_seqs), theirs = run("reference", n_seqs);
        for (unsigned s = 0; s < n_seqs; ++s) {
            REQUIRE(ours[s].ids.size() == 2);
            REQUIRE(ours[s].ids[0] == theirs[s].ids[0]);  // made by a prompt's step
            CHECK(ours[s].ids[1] == theirs[s].ids[1]);    // by a decode step
            CHECK(std::abs(ours[s].events[1].logprob - theirs[s].events[1].logprob) < 0.02);
        }
    }
}

// Where every query head has its own key, attention of one sequence runs in the launch that makes
// q, k and v: with norms over all heads and without, with as many blocks a head as fit, over
// contexts of one position, of several turns, and across the length from which on it is a launch of
// its own.
TEST_CASE("engine: one sequence's decode steps with a key for every head are as the reference's") {
    if (!gpu()) return;
    struct Shape {
        std::string family;
        int32_t dtype;
        int heads, head_dim;
    };
    for (const Shape& shape : {Shape{"olmo2", AFS_BF16, 16, 128},
                               {"olmo2", AFS_BF16, 18, 64},
                               {"llama3", AFS_F16, 8, 128},
                               {"llama3", AFS_BF16, 40, 128}}) {
        const auto n = [](int value) { return std::to_string(value); };
        Setup setup;
        setup.family = shape.family;
        setup.dtype = shape.dtype;
        setup.limits = {256, 1, 1, 2048, 0};
        setup.config = R"({"hidden_size":192,"intermediate_size":128,"num_hidden_layers":2,)"
                       R"("num_attention_heads":)" +
                       n(shape.heads) + R"(,"num_key_value_heads":)" + n(shape.heads) +
                       R"(,"head_dim":)" + n(shape.head_dim) +
                       R"(,"vocab_size":97,"max_position_embeddings":4096,"rope_theta":10000.0,)"
                       R"("hidden_act":"silu","attention_bias":false,"rms_norm_eps":1e-05,)"
                       R"("tie_word_embeddings":false,"eos_token_id":1,)" +
                       (shape.family == "olmo2"
                            ? R"("model_type":"olmo2","architectures":["Olmo2ForCausalLM"]})"
                            : R"("model_type":"llama","architectures":["LlamaForCausalLM"],)"
                              R"("bos_token_id":0,"mlp_bias":false})");
        const auto run = [&setup](const std::string& kernels, unsigned n_prompt) {
            setup.kernels = {kernels};
            const Model model = make_model(setup);
            const auto engine = make_engine(model);
            afs::Request request;
            request.prompt = some_ids(n_prompt, n_prompt);
            request.max_new_tokens = 5;
            request.n_logprobs = 0;
            must(engine->submit(request));
            return run_all(*engine).begin()->second;
        };
        for (const unsigned n_prompt : {1u, 17u, 130u, 530u, 1022u}) {
            INFO(shape.family << ' ' << shape.heads << " x " << shape.head_dim << ", prompt of "
                              << n_prompt);
            const Run ours = run("cuda", n_prompt), theirs = run("reference", n_prompt);
            REQUIRE(ours.ids == theirs.ids);
            for (size_t i = 0; i < ours.events.size(); ++i)
                CHECK(std::abs(ours.events[i].logprob - theirs.events[i].logprob) < 0.02);
        }
    }
}

TEST_CASE("engine: rows that the host samples, and log-probabilities") {
    if (!gpu()) return;
    const auto run = [](const std::string& kernels) {
        const Model model = make_model(bundled("llama3", AFS_F32, kernels));
        auto all = requests(1000, 12);
        all[0].sampling.repetition_penalty = 1.3f;
        all[3].n_logprobs = 2;
        return together(*make_engine(model), all);
    };
    CHECK(run("cuda") == run("reference"));
}
