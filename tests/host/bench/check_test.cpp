// The checks beside bench's rows: right results pass, and each kind of wrong one has no speed.
#include "bench/check.hpp"

#include <cmath>

#include "afs/numeric.hpp"
#include "altered.hpp"
#include "bench/bench.hpp"
#include "host/engine/model_fixture.hpp"

using namespace afs_test;
using Outcome = afs::BenchCheck::Outcome;

namespace {

Setup bundled(Altered::After after = {}) {
    Setup setup;
    setup.family = "llama3";
    setup.folder = AFS_SOURCE_DIR "/weights/llama3-tiny";
    setup.dtype = AFS_BF16;
    if (after)
        setup.adapt = [after](afs::Backend& backend) {
            backend.api = std::make_shared<Altered>(backend.api, after);
        };
    return setup;
}

afs::BenchRow bench(const Setup& setup, const afs::BenchTest& test, bool check = true) {
    const Model model = make_model(setup);
    afs::EngineOptions engine_options;
    engine_options.prompts_first = true;
    engine_options.run_ahead = afs::EngineOptions::RunAhead::on;
    const auto engine = make_engine(model, engine_options);
    afs::BenchOptions options;
    options.repetitions = 1;
    options.n_vocab = 1000;
    options.check = check;
    return must(afs::run_bench(*engine, *model.plan, model.weights, test, options));
}

bool in_class(const afs_query& query, uint32_t step_class, const char* op) {
    return query.limits->step_class == step_class &&
           std::string(query.graph->nodes[query.node]->op) == op;
}

}  // namespace

TEST_CASE("check: right rows have a speed and a tick") {
    for (const afs::BenchTest& test :
         {afs::BenchTest{40, 0, 1, 0}, {0, 12, 1, 0}, {0, 12, 1, 30}, {0, 8, 5, 20}}) {
        const afs::BenchRow row = bench(bundled(), test);
        INFO(test.name() << ": " << row.check.text);
        CHECK(row.check.outcome == Outcome::right);
        CHECK(row.check.n_compared == (test.prompt ? 1 : test.batch > 1 ? 8 : 2));
        CHECK(row.mean > 0);
        CHECK((row.flops > 0) == (test.prompt > 0));
    }
}

TEST_CASE("check: attention that is wrong in decode steps alone has no speed") {
    const auto halve = [](const afs_query& query, const afs_run& run) {
        if (!in_class(query, AFS_CLASS_DECODE, "attention/1")) return;
        auto* out = static_cast<afs::bf16*>(run.output->data);
        for (int64_t i = 0; i < run.output->dims[0] * run.output->dims[1]; ++i)
            out[i] = afs::to_bf16(0.5f * afs::to_float(out[i]));
    };
    const afs::BenchTest test{0, 24, 2, 20};
    const afs::BenchRow row = bench(bundled(halve), test);
    CHECK(row.check.outcome == Outcome::wrong);
    CHECK_THAT(row.check.text, Catch::Contains("drew id") && Catch::Contains("deviations below"));
    CHECK(row.tokens_per_second.empty());
    CHECK(row.mean == 0);
    CHECK(row.bytes_per_second == 0);
    const afs::BenchRow unchecked = bench(bundled(halve), test, false);
    CHECK(unchecked.check.outcome == Outcome::impossible);
    CHECK(unchecked.check.text == "not asked for");
    CHECK(unchecked.mean > 0);
}

TEST_CASE("check: logits that are not numbers are wrong") {
    const auto spoil = [](const afs_query& query, const afs_run& run) {
        if (std::string(query.graph->values[query.graph->nodes[query.node]->output]->tag) ==
            "logits")
            static_cast<afs::bf16*>(run.output->data)[5] = afs::to_bf16(NAN);
    };
    CHECK(bench(bundled(spoil), {16, 0, 1, 0}).check.outcome == Outcome::wrong);
}

TEST_CASE("check: one id that was not drawn is found") {
    const Model model = make_model(bundled());
    const auto engine = make_engine(model);
    afs::Request request;
    request.prompt = some_ids(20, 2, 1000);
    request.max_new_tokens = 10;
    request.n_vocab = 1000;
    afs::Drawn drawn{request.prompt, run_one(*engine, request).ids};
    const afs::CheckOptions options{1000, 0.15, {}};
    CHECK(must(afs::check_tokens(*engine, {drawn}, options)).outcome == Outcome::right);
    for (const size_t i : {size_t{0}, drawn.ids.size() - 1}) {
        afs::Drawn other = drawn;
        other.ids[i] = (other.ids[i] + 500) % 1000;
        CHECK(must(afs::check_tokens(*engine, {other}, options)).outcome == Outcome::wrong);
    }
    CHECK(must(afs::check_tokens(*engine, {}, options)).outcome == Outcome::impossible);
}

TEST_CASE("check: logits as near to the truth as others' pass, further ones do not") {
    std::vector<float> truth(1000), theirs, near, far, spiked;
    for (size_t i = 0; i < truth.size(); ++i) {
        truth[i] = static_cast<float>(std::sin(static_cast<double>(i)));
        const auto wave = static_cast<float>(std::cos(static_cast<double>(3 * i)));
        theirs.push_back(truth[i] + 0.01f * wave);
        near.push_back(truth[i] - 0.012f * wave);
        far.push_back(truth[i] + 0.02f * wave);
        spiked.push_back(theirs[i] + (i == 700 ? 0.1f : 0.0f));
    }
    const auto outcome = [&](const std::vector<float>& measured) {
        return afs::compare_logits(measured, theirs, truth, "reference").outcome;
    };
    CHECK(outcome(near) == Outcome::right);
    CHECK(outcome(far) == Outcome::wrong);
    CHECK(outcome(spiked) == Outcome::wrong);
    near[3] = NAN;
    CHECK(outcome(near) == Outcome::wrong);
    CHECK(outcome({1, 2}) == Outcome::impossible);
}
