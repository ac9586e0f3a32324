// A decoder-only family as a model plugin: config.cpp, weights.cpp, graph.cpp and chat.cpp of
// the family's folder give the functions, and its plugin.cpp says
//   constexpr afs::DecoderFamily kFamily = {"olmo2", olmo2::score, olmo2::parse_config,
//                                           olmo2::declare_weights, olmo2::build_graph,
//                                           olmo2::chat};
//   AFS_MODEL_PLUGIN(afs::DecoderPlugin<kFamily>, "olmo2", "0.1.0", "Apache-2.0");
// C++17.
#pragma once
#include <memory>
#include <utility>
#include <vector>

#include "afs/graph_builder.hpp"
#include "afs/plugin/decoder/config.hpp"
#include "afs/plugin/model.hpp"

namespace afs {

struct DecoderFamily {
    const char* name;
    int (*score)(const afs_model_source& source);  // 0 or 100; never fails on foreign text
    Result<DecoderConfig> (*parse_config)(const afs_model_source& source);
    void (*declare_weights)(GraphBuilder& g, const DecoderConfig& c);
    void (*build_graph)(GraphBuilder& g, const DecoderConfig& c);
    ChatTemplates* (*chat)();
};

template <const DecoderFamily& kFamily>
class DecoderPlugin final : public ModelArchitecture {
public:
    static Result<std::unique_ptr<ModelArchitecture>> create(const OpenArgs&) {
        return std::unique_ptr<ModelArchitecture>(new DecoderPlugin);
    }
    int score(const afs_model_source& source) override { return kFamily.score(source); }
    Result<const afs_graph*> build(const afs_model_source& source, afs_model_info& info) override {
        AFS_ASSIGN(config_, kFamily.parse_config(source));
        auto graph = std::make_unique<GraphBuilder>(source.dtype);
        kFamily.declare_weights(*graph, config_);
        kFamily.build_graph(*graph, config_);
        config_.fill(kFamily.name, info);
        graphs_.push_back(std::move(graph));
        return graphs_.back()->finish();
    }
    ChatTemplates* chat() override { return kFamily.chat(); }

private:
    DecoderConfig config_;
    std::vector<std::unique_ptr<GraphBuilder>> graphs_;  // each lives until close
};

}  // namespace afs
