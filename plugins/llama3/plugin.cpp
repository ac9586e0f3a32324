// The llama3 model plugin: hands the family's functions to the contract.
#include "model.hpp"

#include "afs/plugin/decoder/plugin.hpp"

namespace {
constexpr afs::DecoderFamily kFamily = {
    "llama3",    llama3::score, llama3::parse_config, llama3::declare_weights, llama3::build_graph,
    llama3::chat};
}

AFS_MODEL_PLUGIN(afs::DecoderPlugin<kFamily>, "llama3", "0.1.0", "Apache-2.0");
