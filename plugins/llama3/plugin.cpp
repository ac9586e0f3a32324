// The llama3 model plugin: hands the family's score and build to the contract.
#include <memory>
#include <utility>
#include <vector>

#include "model.hpp"

#include "afs/plugin/model.hpp"

namespace {

class Llama3 final : public afs::ModelArchitecture {
public:
    static afs::Result<std::unique_ptr<afs::ModelArchitecture>> create(const afs::OpenArgs&) {
        return std::unique_ptr<afs::ModelArchitecture>(new Llama3);
    }
    int score(const afs_model_source& source) override { return llama3::score(source); }
    afs::Result<const afs_graph*> build(const afs_model_source& source,
                                        afs_model_info& info) override {
        AFS_ASSIGN(config_, llama3::parse_config(source));
        auto graph = std::make_unique<afs::GraphBuilder>(source.dtype);
        llama3::declare_weights(*graph, config_);
        llama3::build_graph(*graph, config_);
        config_.fill("llama3", info);
        graphs_.push_back(std::move(graph));
        return graphs_.back()->finish();
    }

private:
    afs::DecoderConfig config_;
    std::vector<std::unique_ptr<afs::GraphBuilder>> graphs_;  // each lives until close
};

}  // namespace

AFS_MODEL_PLUGIN(Llama3, "llama3", "0.1.0", "Apache-2.0");
