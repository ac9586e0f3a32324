// Which configurations are OLMo-2's, and which of them this plugin computes.
#include "model.hpp"

#include "afs/plugin/decoder/source.hpp"

namespace olmo2 {

namespace {
constexpr afs::FamilyNames kNames = {"olmo2", "Olmo2ForCausalLM", "olmo2"};
}

int score(const afs_model_source& source) {
    return afs::score_decoder(source, kNames);
}

afs::Result<afs::DecoderConfig> parse_config(const afs_model_source& source) {
    // Its residual stream, normed only after each block, leaves the range of fp16.
    if (source.dtype == AFS_F16)
        return afs::unsupported(
            "cannot run OLMo-2 in fp16: its activations overflow and the text turns into "
            "noise; use dtype bf16 or fp32");
    return afs::parse_decoder(source, kNames);
}

}  // namespace olmo2
