// 64 greedy tokens of each bundled model in fp32 equal those of HF transformers (goldens made by
// tools/goldens/models_greedy.py). All prompts run as one ragged batch over a paged cache.
#include <catch2/catch.hpp>

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "afs/json.hpp"
#include "afs/weights/weight_set.hpp"
#include "support/graph_runner.hpp"
#include "support/loaded_kernels.hpp"
#include "support/model_file.hpp"

using namespace afs::test;
using namespace afs::conformance;

namespace {

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// Sum over the 32-bit words, each times its place counted from 1, modulo 2^64.
uint64_t byte_sum(std::string data) {
    data.resize((data.size() + 3) / 4 * 4);
    uint64_t sum = 0;
    for (size_t i = 0; i < data.size() / 4; ++i) {
        uint32_t word;
        std::memcpy(&word, data.data() + 4 * i, sizeof word);
        sum += uint64_t{word} * (i + 1);
    }
    return sum;
}

struct Case {
    std::string prompt;
    std::vector<int32_t> ids, greedy;
};

std::vector<int32_t> ids_of(const afs::json::Value& list) {
    std::vector<int32_t> out;
    for (const auto& id : list.items) out.push_back(static_cast<int32_t>(*id.as_int64()));
    return out;
}

void check_family(const std::string& family) {
    const std::string golden = AFS_SOURCE_DIR "/tests/golden/models/greedy-" + family + ".json";
    const std::string folder = AFS_SOURCE_DIR "/weights/" + family + "-tiny";
    const auto parsed = afs::json::parse(read_file(golden));
    REQUIRE(parsed.ok());
    INFO(golden << " is of other weights: run tools/goldens/models_greedy.py");
    REQUIRE(byte_sum(read_file(folder + "/model.safetensors")) ==
            *parsed->find("weights_sum")->as_uint64());
    std::vector<Case> cases;
    for (const auto& in : parsed->find("cases")->items)
        cases.push_back(
            {in.find("prompt")->string, ids_of(*in.find("ids")), ids_of(*in.find("greedy"))});
    REQUIRE(cases.size() >= 5);

    auto checkpoint = afs::Checkpoint::open(folder);
    REQUIRE(checkpoint.ok());
    ModelFile plugin(family);
    const afs_graph* graph = plugin.build(checkpoint->config_json(), AFS_F32);
    REQUIRE(graph);
    auto weights = afs::match_weights(*graph, *checkpoint);
    REQUIRE(weights.ok());
    std::vector<int32_t> dtypes;
    for (const afs::Weight& weight : weights->weights()) dtypes.push_back(weight.dtype);
    const auto resolved = afs::ResolvedGraph::resolve(*graph, dtypes);
    REQUIRE(resolved.ok());

    LoadedKernels kernels(AFS_BUILD_DIR "/plugins/afs-kernels-reference.so");
    REQUIRE(kernels.why_not().empty());
    GraphRunner runner(**resolved, kernels,
                       [&](uint32_t line) { return weights->weights()[line].tensor(); },
                       {16, 64, 256});
    BlockPool pool(16, 64);
    std::vector<std::vector<int32_t>> feed, out(cases.size());
    std::vector<int32_t> past(cases.size(), 0);
    for (const Case& c : cases) feed.push_back(c.ids);
    for (size_t n = 0; n < cases[0].greedy.size(); ++n) {
        std::vector<Sequence> sequences;
        for (size_t s = 0; s < cases.size(); ++s)
            sequences.push_back({past[s], static_cast<int32_t>(feed[s].size())});
        StepData step = ragged(sequences, pool);
        step.token_ids.clear();
        for (size_t s = 0; s < cases.size(); ++s) {
            step.token_ids.insert(step.token_ids.end(), feed[s].begin(), feed[s].end());
            step.logit_rows.push_back(step.cu_seqlens[s + 1] - 1);
        }
        runner.run(step);
        for (size_t s = 0; s < cases.size(); ++s) {
            past[s] += static_cast<int32_t>(feed[s].size());
            feed[s] = {runner.sampled()[s]};
            out[s].push_back(feed[s][0]);
        }
    }
    for (size_t s = 0; s < cases.size(); ++s) {
        CAPTURE(family, cases[s].prompt);
        CHECK(cases[s].greedy.size() == 64);
        CHECK(out[s] == cases[s].greedy);
    }
}

}  // namespace

TEST_CASE("olmo2-tiny: 64 greedy tokens are those of HF transformers") {
    check_family("olmo2");
}
TEST_CASE("llama3-tiny: 64 greedy tokens are those of HF transformers") {
    check_family("llama3");
}
