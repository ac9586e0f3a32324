// The olmo2 model plugin: hands the family's functions to the contract.
#include "model.hpp"

#include "afs/plugin/decoder/plugin.hpp"

namespace {
constexpr afs::DecoderFamily kFamily = {
    "olmo2",    olmo2::score, olmo2::parse_config, olmo2::declare_weights, olmo2::build_graph,
    olmo2::chat};
}

AFS_MODEL_PLUGIN(afs::DecoderPlugin<kFamily>, "olmo2", "0.1.0", "Apache-2.0");
