// Whole small models for the engine's tests: a family plugin's graph, weights, and a plan over
// loaded kernel plugins.
#pragma once
#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "afs/graph/resolved_graph.hpp"
#include "afs/weights/quantise.hpp"
#include "afs/weights/weight_set.hpp"
#include "engine/engine.hpp"
#include "planner/planner.hpp"

namespace afs_test {

struct Setup {
    std::string family = "olmo2";  // olmo2, llama3
    int32_t dtype = AFS_F32;       // of activations and weights
    std::vector<std::string> kernels = {"reference"};
    std::vector<std::string> fallback;
    std::vector<afs::Pin> pins;
    afs::PlanLimits limits = {64, 8, 64, 256, 0};
    uint32_t block_size = 0, allow_copies = 0;
    bool deterministic = false;
    std::string folder;  // a checkpoint, GGUF too; empty: a small random model
    std::string config;  // its config.json; empty: one of 97 ids and 2 layers
    std::function<void(afs::Backend&)> adapt;    // wraps an opened backend
    std::map<std::string, std::string> options;  // of every kernels plugin
    afs::Quantise quantise = afs::Quantise::none;
};

struct Model {
    std::shared_ptr<const afs::Plan> plan;
    afs::WeightSet weights;
};

inline std::string plugin_path(const std::string& kind, const std::string& name) {
    const std::string folder = name.rfind("test-", 0) == 0 ? "/tests/plugins" : "/plugins";
    return AFS_BUILD_DIR + folder + "/afs-" + kind + "-" + name + ".so";
}

template <class T>
T must(afs::Result<T> result) {
    if (!result.ok()) FAIL(result.status().message());
    return std::move(*result);
}
inline void must(const afs::Status& status) {
    if (!status.ok()) FAIL(status.message());
}

// Fails the test where a plugin is missing or says no.
Model make_model(const Setup& setup);
std::unique_ptr<afs::Engine> make_engine(const Model& model,
                                         const afs::EngineOptions& options = {});

// Tokens that a prompt gives when it runs to the end; events keep what came with them.
struct Run {
    std::vector<int32_t> ids;
    std::vector<afs::TokenEvent> events;
    afs::FinishReason finish = afs::FinishReason::none;
};
std::map<uint64_t, Run> run_all(afs::Engine& engine);
Run run_one(afs::Engine& engine, const afs::Request& request);

// n ids below n_vocab, another sequence for each seed.
std::vector<int32_t> some_ids(size_t n, uint64_t seed, int32_t n_vocab = 97);

}  // namespace afs_test
