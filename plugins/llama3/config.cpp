// Which configurations are Llama's, and which of them this plugin computes: Llama 3.0, 3.1 and
// 3.2, and whatever else is LlamaForCausalLM (SmolLM2), with any theta, head_dim and head.
#include "model.hpp"

#include "afs/plugin/decoder/source.hpp"

namespace llama3 {

namespace {
constexpr afs::FamilyNames kNames = {"llama", "LlamaForCausalLM", "llama"};
}

int score(const afs_model_source& source) {
    return afs::score_decoder(source, kNames);
}

afs::Result<afs::DecoderConfig> parse_config(const afs_model_source& source) {
    return afs::parse_decoder(source, kNames);
}

}  // namespace llama3
