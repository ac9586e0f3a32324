#include "families.hpp"

#include "afs/graph/validate.hpp"
#include "afs/plugin/decoder/plugin.hpp"
#include "require.hpp"

namespace llama3 {
int score(const afs_model_source& source);
afs::Result<afs::DecoderConfig> parse_config(const afs_model_source& source);
void declare_weights(afs::GraphBuilder& g, const afs::DecoderConfig& c);
void build_graph(afs::GraphBuilder& g, const afs::DecoderConfig& c);
afs::ChatTemplates* chat();
}  // namespace llama3
namespace olmo2 {
int score(const afs_model_source& source);
afs::Result<afs::DecoderConfig> parse_config(const afs_model_source& source);
void declare_weights(afs::GraphBuilder& g, const afs::DecoderConfig& c);
void build_graph(afs::GraphBuilder& g, const afs::DecoderConfig& c);
afs::ChatTemplates* chat();
}  // namespace olmo2

namespace afs::fuzz {
namespace {

// As the plugins' own plugin.cpp, whose exported symbol can be in a program only once.
constexpr DecoderFamily kLlama3 = {
    "llama3",    llama3::score, llama3::parse_config, llama3::declare_weights, llama3::build_graph,
    llama3::chat};
constexpr DecoderFamily kOlmo2 = {
    "olmo2",    olmo2::score, olmo2::parse_config, olmo2::declare_weights, olmo2::build_graph,
    olmo2::chat};

template <const DecoderFamily& kFamily>
void build_family(const afs_model_source& source) {
    DecoderPlugin<kFamily> plugin;
    const int score = plugin.score(source);
    require(score == 0 || score == 100, "a score of " + std::to_string(score));
    // A layer is like the next: a thousand of them only take time.
    constexpr uint32_t kMostLayers = 16;
    if (const auto config = kFamily.parse_config(source); config.ok())
        if (config->n_layers > kMostLayers) return;
    auto info = make<afs_model_info>();
    const auto graph = plugin.build(source, info);
    if (!graph.ok()) return require_clean(graph.status());
    require(score == 100, "a graph of a model that is another family's");
    const Status valid = validate(**graph);
    require(valid.ok(), "a graph that is not valid: " + valid.message());
}

}  // namespace

void build_families(const std::string& config, const char* generation, bool is_gguf) {
    auto source = make<afs_model_source>();
    source.dtype = AFS_F32;
    source.world = 1;
    source.config_json = config.c_str();
    source.generation_json = generation;
    source.is_gguf = is_gguf;
    build_family<kLlama3>(source);
    build_family<kOlmo2>(source);
}

}  // namespace afs::fuzz
