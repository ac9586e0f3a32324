// The olmo2 model plugin: hands the family's score and build to the contract.
#include <memory>
#include <utility>
#include <vector>

#include "model.hpp"

#include "afs/plugin/model.hpp"

namespace {

class Olmo2 final : public afs::ModelArchitecture {
public:
    static afs::Result<std::unique_ptr<afs::ModelArchitecture>> create(const afs::OpenArgs&) {
        return std::unique_ptr<afs::ModelArchitecture>(new Olmo2);
    }
    int score(const afs_model_source& source) override { return olmo2::score(source); }
    afs::Result<const afs_graph*> build(const afs_model_source& source,
                                        afs_model_info& info) override {
        AFS_ASSIGN(config_, olmo2::parse_config(source));
        auto graph = std::make_unique<afs::GraphBuilder>(source.dtype);
        olmo2::declare_weights(*graph, config_);
        olmo2::build_graph(*graph, config_);
        config_.fill("olmo2", info);
        graphs_.push_back(std::move(graph));
        return graphs_.back()->finish();
    }

private:
    afs::DecoderConfig config_;
    std::vector<std::unique_ptr<afs::GraphBuilder>> graphs_;  // each lives until close
};

}  // namespace

AFS_MODEL_PLUGIN(Olmo2, "olmo2", "0.1.0", "Apache-2.0");
