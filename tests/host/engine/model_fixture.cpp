#include "host/engine/model_fixture.hpp"

#include "afs/weights/random_weights.hpp"
#include "loader/open.hpp"

namespace afs_test {
namespace {

// 97 ids, 2 layers: odd sizes, GQA for both families.
std::string small_config(const std::string& family) {
    const std::string common =
        R"("hidden_size":48,"intermediate_size":80,"num_hidden_layers":2,"num_attention_heads":4,
           "num_key_value_heads":2,"vocab_size":97,"max_position_embeddings":512,
           "rope_theta":10000.0,"hidden_act":"silu","attention_bias":false,"rms_norm_eps":1e-05,)";
    if (family == "olmo2")
        return "{" + common +
               R"("model_type":"olmo2","architectures":["Olmo2ForCausalLM"],"eos_token_id":1,
                  "tie_word_embeddings":false})";
    return "{" + common +
           R"("model_type":"llama","architectures":["LlamaForCausalLM"],"bos_token_id":0,
              "eos_token_id":1,"mlp_bias":false,"tie_word_embeddings":true})";
}

afs::Backend open_backend(const std::string& name,
                          const std::map<std::string, std::string>& options) {
    const auto file = must(afs::load_plugin(plugin_path("kernels", name), "kernels"));
    afs::OpenRequest request;
    request.name = name;
    request.options = options;
    afs::Backend backend;
    backend.name = name;
    backend.plugin = file->name;
    backend.version = file->version;
    backend.path = file->path;
    backend.domain = file->domain;
    backend.options = options;
    backend.api = must(afs::open_kernels(file, request));
    return backend;
}

}  // namespace

Model make_model(const Setup& setup) {
    const auto file = must(afs::load_plugin(plugin_path("model", setup.family), "model"));
    const auto family = must(afs::open_model(file, {setup.family, 0, 0, 1, {}}));
    afs_model_source source = afs::make<afs_model_source>();
    source.dtype = setup.dtype;
    source.world = 1;
    std::string config = setup.config.empty() ? small_config(setup.family) : setup.config;
    std::optional<afs::Checkpoint> checkpoint;
    if (!setup.folder.empty()) {
        checkpoint = must(afs::Checkpoint::open(setup.folder));
        config = checkpoint->config_json();
        source.is_gguf = checkpoint->is_gguf();
    }
    source.config_json = config.c_str();
    afs_model_info info = afs::make<afs_model_info>();
    const afs_graph* graph = must(family->build(source, info));
    Model model;
    afs::RandomWeightOptions random;
    random.dtype = setup.dtype;
    random.n_threads = 1;
    model.weights = checkpoint ? must(afs::match_weights(*graph, *checkpoint))
                               : must(afs::random_weights(*graph, random));
    model.weights = must(afs::quantise(*graph, model.weights, setup.quantise, 1));
    std::vector<int32_t> dtypes;
    for (const afs::Weight& weight : model.weights.weights()) dtypes.push_back(weight.dtype);
    afs::PlanRequest request;
    request.graph = must(afs::ResolvedGraph::resolve(*graph, dtypes));
    request.abi = &request.graph->graph();
    for (const std::string& name : setup.kernels)
        request.backends.push_back(open_backend(name, setup.options));
    if (setup.adapt)
        for (afs::Backend& backend : request.backends) setup.adapt(backend);
    for (const std::string& name : setup.fallback)
        request.fallback.push_back(open_backend(name, setup.options));
    request.pins = setup.pins;
    request.limits = setup.limits;
    request.deterministic = setup.deterministic;
    request.allow_copies = setup.allow_copies;
    request.block_size = setup.block_size;
    model.plan = must(afs::make_plan(request));
    return model;
}

std::unique_ptr<afs::Engine> make_engine(const Model& model, const afs::EngineOptions& options) {
    return must(afs::Engine::create(model.plan, model.weights, options));
}

std::map<uint64_t, Run> run_all(afs::Engine& engine) {
    std::map<uint64_t, Run> runs;
    while (!engine.idle())
        for (afs::TokenEvent& event : must(engine.step())) {
            Run& run = runs[event.request];
            CHECK(run.finish == afs::FinishReason::none);  // nothing comes after the finish
            if (event.id >= 0) run.ids.push_back(event.id);
            run.finish = event.finish;
            run.events.push_back(std::move(event));
        }
    const afs::EngineStats stats = engine.stats();
    CHECK(stats.kv_blocks_free == stats.kv_blocks);
    return runs;
}

Run run_one(afs::Engine& engine, const afs::Request& request) {
    const uint64_t id = must(engine.submit(request));
    return run_all(engine)[id];
}

std::vector<int32_t> some_ids(size_t n, uint64_t seed, int32_t n_vocab) {
    std::vector<int32_t> ids;
    uint64_t state = seed * 0x9e3779b97f4a7c15ull + 1;
    for (size_t i = 0; i < n; ++i) {
        state = state * 6364136223846793005ull + 1442695040888963407ull;
        ids.push_back(static_cast<int32_t>((state >> 33) % static_cast<uint64_t>(n_vocab)));
    }
    return ids;
}

}  // namespace afs_test
