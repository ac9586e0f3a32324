// Whole models through the engine, weights packed: logits against the reference, tokens whatever
// the threads, chunks and batches.
#include <algorithm>
#include <cmath>

#include "fixture.hpp"
#include "host/engine/model_fixture.hpp"

using namespace afs_test;
using afs::Quantise;
using afs::test::instruction_sets;

namespace {

const char* const kFamilies[] = {"olmo2", "llama3"};

Setup bundled(const std::string& family, int32_t dtype, const std::string& kernels,
              const std::string& set = "", unsigned threads = 2) {
    Setup setup;
    setup.family = family;
    setup.dtype = dtype;
    setup.kernels = {kernels};
    setup.folder = std::string(AFS_SOURCE_DIR) + "/weights/" + family + "-tiny";
    setup.limits = {64, 8, 64, 256, 0};
    if (!set.empty())
        setup.options = {{"instruction_set", set}, {"threads", std::to_string(threads)}};
    return setup;
}

std::vector<float> logits(const Setup& setup, const std::vector<int32_t>& ids) {
    const Model model = make_model(setup);
    return must(make_engine(model)->logits(ids, 0));
}

double rms_error(const std::vector<float>& got, const std::vector<float>& truth) {
    REQUIRE(got.size() == truth.size());
    double sum = 0;
    for (size_t i = 0; i < got.size(); ++i)
        sum += std::pow(static_cast<double>(got[i]) - static_cast<double>(truth[i]), 2);
    return std::sqrt(sum / static_cast<double>(got.size()));
}

std::vector<afs::Request> requests(int32_t n_vocab, uint32_t n_new) {
    std::vector<afs::Request> all;
    for (const unsigned n : {1u, 5u, 17u, 40u}) {
        afs::Request request;
        request.prompt = some_ids(n, n, n_vocab);
        request.max_new_tokens = n_new;
        request.n_vocab = n_vocab;
        if (n == 5) request.sampling.temperature = 0.8f, request.sampling.top_p = 0.9f;
        all.push_back(request);
    }
    return all;
}

using Tokens = std::vector<std::vector<int32_t>>;

Tokens together(const Setup& setup, const std::vector<afs::Request>& all) {
    const auto engine = make_engine(make_model(setup));
    std::vector<uint64_t> numbers;
    for (const afs::Request& request : all) numbers.push_back(must(engine->submit(request)));
    auto runs = run_all(*engine);
    Tokens ids;
    for (const uint64_t number : numbers) ids.push_back(runs[number].ids);
    return ids;
}
Tokens alone(const Setup& setup, const std::vector<afs::Request>& all) {
    const auto engine = make_engine(make_model(setup));
    Tokens ids;
    for (const afs::Request& request : all) ids.push_back(run_one(*engine, request).ids);
    return ids;
}

}  // namespace

TEST_CASE("engine: the bundled models' logits are as near to fp64 as the reference's") {
    const auto ids = some_ids(60, 3, 1000);
    for (const std::string family : kFamilies)
        for (const int32_t dtype : {AFS_F32, AFS_BF16}) {
            const auto truth = logits(bundled(family, AFS_F64, "reference"), ids);
            const double theirs =
                rms_error(logits(bundled(family, dtype, "reference"), ids), truth);
            for (const std::string& set : instruction_sets()) {
                CAPTURE(family, dtype, set);
                CHECK(rms_error(logits(bundled(family, dtype, "cpu", set), ids), truth) <=
                      1.25 * theirs);
            }
        }
}

TEST_CASE("engine: logits of quantised weights are as near to fp64 as the reference's") {
    const auto ids = some_ids(60, 3, 1000);
    for (const std::string family : kFamilies)
        for (const Quantise quantise : {Quantise::int8, Quantise::int4}) {
            const auto of = [&](int32_t dtype, const char* kernels, const std::string& set = "") {
                Setup setup = bundled(family, dtype, kernels, set);
                setup.quantise = quantise;
                return logits(setup, ids);
            };
            const auto truth = of(AFS_F64, "reference");
            const double theirs = rms_error(of(AFS_BF16, "reference"), truth);
            for (const std::string& set : instruction_sets()) {
                CAPTURE(family, quantise, set);
                CHECK(rms_error(of(AFS_BF16, "cpu", set), truth) <= 1.25 * theirs);
            }
        }
}

TEST_CASE("engine: fp32 tokens are the reference's") {
    for (const std::string family : kFamilies) {
        const auto all = requests(1000, 40);
        const auto expected = together(bundled(family, AFS_F32, "reference"), all);
        Setup odd;  // 4 heads of 12 over 2, 97 ids
        odd.family = family;
        const auto odd_expected = together(odd, requests(97, 40));
        odd.kernels = {"cpu"};
        for (const std::string& set : instruction_sets()) {
            CAPTURE(family, set);
            CHECK(together(bundled(family, AFS_F32, "cpu", set), all) == expected);
            odd.options = {{"instruction_set", set}};
            CHECK(together(odd, requests(97, 40)) == odd_expected);
        }
    }
}

TEST_CASE("engine: deterministic, the same tokens alone and together, on 1 thread and on 2") {
    const auto cases = {std::pair{"olmo2", Quantise::none}, std::pair{"llama3", Quantise::none},
                        std::pair{"olmo2", Quantise::int8}, std::pair{"llama3", Quantise::int4}};
    for (const auto& [family, quantise] : cases)
        for (const std::string& set : instruction_sets()) {
            CAPTURE(family, quantise, set);
            Setup one = bundled(family, AFS_BF16, "cpu", set, 1);
            one.deterministic = true;
            one.quantise = quantise;
            Setup two = bundled(family, AFS_BF16, "cpu", set, 2);
            two.deterministic = true;
            two.quantise = quantise;
            const auto all = requests(1000, 24);
            const Tokens expected = alone(one, all);
            CHECK(together(one, all) == expected);
            CHECK(alone(two, all) == expected);
            CHECK(together(two, all) == expected);
        }
}
