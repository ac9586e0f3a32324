// Which configurations are OLMo-2's, and which of them this plugin computes.
#include "model.hpp"

#include "afs/plugin/hf_config.hpp"

namespace olmo2 {

namespace {
constexpr const char* kModelType = "olmo2";
constexpr const char* kArchitecture = "Olmo2ForCausalLM";
}  // namespace

int score(const afs_model_source& source) {
    if (source.is_gguf || !source.config_json) return 0;
    const afs::HfConfig in(source.config_json, "config.json");
    return in.status().ok() && in.is_family(kModelType, kArchitecture) ? 100 : 0;
}

afs::Result<afs::DecoderConfig> parse_config(const afs_model_source& source) {
    AFS_TRY(afs::check_source(source));
    // Its residual stream, normed only after each block, leaves the range of fp16.
    if (source.dtype == AFS_F16)
        return afs::unsupported(
            "cannot run OLMo-2 in fp16: its activations overflow and the text turns into "
            "noise; use dtype bf16 or fp32");
    afs::HfConfig in(source.config_json, "config.json");
    AFS_TRY(in.status());
    in.require_family(kModelType, kArchitecture);
    afs::DecoderConfig c = afs::read_decoder(in);
    AFS_TRY(in.status());
    AFS_TRY(afs::read_generation(source.generation_json, in, c));
    return c;
}

}  // namespace olmo2
