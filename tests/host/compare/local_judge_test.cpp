// Every node of small models judged on its own inputs: right for correct kernels in every dtype,
// wrong where a value was changed, whatever the op.
#include "compare/local_judge.hpp"

#include "host/engine/model_fixture.hpp"

using namespace afs_test;
using Catch::Matchers::Contains;

namespace {

struct Judged {
    size_t n_judged = 0;
    std::vector<std::string> wrong, looks_like;
};

Judged judge_all(const Model& model, const afs::TracedValues& values,
                 const std::vector<int32_t>& ids, double most) {
    Judged made;
    for (const afs::Unit& unit : model.plan->class_for(false).units) {
        const auto verdict = afs::judge_node(*model.plan, model.weights, unit, ids, values, most);
        made.n_judged += verdict.judged;
        const std::string tag =
            model.plan->abi->values[model.plan->abi->nodes[unit.nodes[0]]->output]->tag;
        CAPTURE(tag, verdict.skipped, verdict.verdict.text());
        if (verdict.ok) continue;
        made.wrong.push_back(tag);
        made.looks_like.push_back(verdict.looks_like);
    }
    return made;
}

}  // namespace

TEST_CASE("correct kernels are right in every dtype, a part of the columns too") {
    const auto ids = some_ids(40, 2);
    for (const std::string family : {"olmo2", "llama3"})
        for (const int32_t dtype : {AFS_F32, AFS_BF16, AFS_F16}) {
            if (family == "olmo2" && dtype == AFS_F16) continue;  // it refuses to run in fp16
            Setup setup;
            setup.family = family;
            setup.dtype = dtype;
            const Model model = make_model(setup);
            const auto engine = make_engine(model);
            const auto values =
                must(afs::trace_values(*engine, afs::matching_tags(*model.plan, "all"), ids, 0));
            for (const double most : {1e9, 1e3}) {
                const Judged judged = judge_all(model, values, ids, most);
                CAPTURE(family, dtype);
                CHECK(judged.wrong == std::vector<std::string>{});
                // All but kv_append/1 and sample/1.
                CHECK(judged.n_judged == model.plan->abi->n_nodes - 2 - 1);
            }
        }
}

TEST_CASE("correct kernels are right on a token that is repeated") {
    std::vector<int32_t> ids(272, 2760);
    ids[0] = 4088, ids[1] = 773;
    Setup setup;
    setup.family = "llama3";
    setup.folder = AFS_SOURCE_DIR "/weights/llama3-tiny";
    setup.limits = {300, 1, 300, 300, 0};
    for (const int32_t dtype : {AFS_BF16, AFS_F16}) {
        setup.dtype = dtype;
        const Model model = make_model(setup);
        const auto engine = make_engine(model);
        const auto values =
            must(afs::trace_values(*engine, afs::matching_tags(*model.plan, "all"), ids, 0));
        CAPTURE(dtype);
        CHECK(judge_all(model, values, ids, 1e4).wrong == std::vector<std::string>{});
    }
}

TEST_CASE("a changed value is found at its node, and what it looks like is said") {
    const auto ids = some_ids(40, 2);
    Setup setup;
    setup.dtype = AFS_BF16;
    const Model model = make_model(setup);
    const auto engine = make_engine(model);
    const auto tags = afs::matching_tags(*model.plan, "all");
    const auto values = must(afs::trace_values(*engine, tags, ids, 0));
    for (const std::string& tag : tags) {
        auto changed = values;
        for (size_t i = 30 * static_cast<size_t>(changed[tag].width());
             i < changed[tag].data.size(); ++i)
            changed[tag].data[i] *= 1.5f;
        const Judged judged = judge_all(model, changed, ids, 1e9);
        CAPTURE(tag);
        REQUIRE_FALSE(judged.wrong.empty());
        CHECK(judged.wrong[0] == tag);
        CHECK_FALSE(judged.looks_like[0].empty());
    }
    auto scaled = values;
    for (float& x : scaled["L1.attn.ctx"].data) x *= 1.01f;
    const Judged judged = judge_all(model, scaled, ids, 1e9);
    REQUIRE_FALSE(judged.wrong.empty());
    CHECK(judged.wrong[0] == "L1.attn.ctx");
    CHECK_THAT(judged.looks_like[0], Contains("scaled by 1.01"));
}
