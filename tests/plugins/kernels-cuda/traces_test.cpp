// Every value of every layer against traces of HF transformers, node by node on the device: the
// same rules as for the reference (tests/plugins/models/traces_test.cpp).
#include "fixture.hpp"
#include "support/model_traces.hpp"

using namespace afs;
using namespace afs::test;
using namespace afs::conformance;

namespace {

// The runner, after one step of the whole prompt.
struct Traced {
    Traced(const TracedModel& model, const ModelTraces& g)
        : runner(model.runner(*gpu()->backend, 4, &gpu()->device())) {
        BlockPool pool(4, 64);
        runner.run(prompt(g, pool, 0, static_cast<int32_t>(g.ids.size())));
    }
    GraphRunner runner;
};

}  // namespace

TEST_CASE("traces: fp32 equals HF transformers in fp32") {
    if (!gpu()) return;
    for (const ModelTraces& g : model_traces()) {
        const TracedModel model(g, AFS_F32);
        const Traced traced(model, g);
        CHECK(g.traces.size() > 30);
        for (const auto& [tag, trace] : g.traces) {
            const std::vector<double> got = traced.runner.value(tag);
            CAPTURE(g.name, tag);
            REQUIRE(got.size() == trace.fp32.size());
            const Error e = error_of(got, trace.fp32);
            CAPTURE(e.worst, got[e.worst], trace.fp32[e.worst]);
            CHECK(e.max <= 1e-4 * largest(trace.fp32));
        }
    }
}

TEST_CASE("traces: bf16 is as near to the truth as HF transformers in bf16") {
    if (!gpu()) return;
    for (const ModelTraces& g : model_traces()) {
        const TracedModel model(g, AFS_BF16);
        const Traced traced(model, g);
        for (const auto& [tag, trace] : g.traces) {
            const std::vector<double> got = traced.runner.value(tag);
            CAPTURE(g.name, tag);
            REQUIRE(got.size() == trace.fp32.size());
            const Error ours = error_of(got, trace.fp32), theirs = error_of(trace.bf16, trace.fp32);
            CAPTURE(ours.worst, got[ours.worst], trace.fp32[ours.worst], trace.bf16[ours.worst]);
            CHECK(ours.max <= 2.0 * theirs.max);
            CHECK(ours.rms <= 1.25 * theirs.rms);
        }
    }
}

TEST_CASE("traces: each op on HF's bf16 inputs rounds as the family does") {
    if (!gpu()) return;
    for (const ModelTraces& g : model_traces()) {
        const TracedModel model(g, AFS_BF16);
        GraphRunner runner = model.runner(*gpu()->backend, 4, &gpu()->device());
        size_t n_checked = 0;
        runner.after = [&](const std::string& tag, afs_tensor& value) {
            const auto trace = g.traces.find(tag);
            if (trace == g.traces.end()) return;
            const std::vector<double>& hf = trace->second.bf16;
            const double top = largest(hf);
            size_t differ = 0;
            double worst = 0;
            for (size_t i = 0; i < hf.size(); ++i) {
                const double got = decode(value.data, AFS_BF16, i);
                differ += got != hf[i];
                worst = std::max(worst, std::abs(got - hf[i]));
                encode(value.data, AFS_BF16, i, hf[i]);  // the next operation gets HF's
            }
            CAPTURE(g.name, tag, differ, hf.size());
            // HF's attention rounds scores and probabilities besides.
            const bool attention = tag.find(".ctx") != std::string::npos;
            if (!attention)
                CHECK(static_cast<double>(differ) <= 0.02 * static_cast<double>(hf.size()));
            CHECK(worst <= top * (attention ? 0x1p-5 : 0x1p-7));
            ++n_checked;
        };
        BlockPool pool(4, 64);
        runner.run(prompt(g, pool, 0, static_cast<int32_t>(g.ids.size())));
        CHECK(n_checked == g.traces.size());
    }
}
