// Which configurations are Llama's, and which of them this plugin computes: Llama 3.0, 3.1 and
// 3.2, and whatever else is LlamaForCausalLM (SmolLM2), with any theta, head_dim and head.
#include "model.hpp"

#include "afs/plugin/hf_config.hpp"

namespace llama3 {

namespace {
constexpr const char* kModelType = "llama";
constexpr const char* kArchitecture = "LlamaForCausalLM";
}  // namespace

int score(const afs_model_source& source) {
    if (source.is_gguf || !source.config_json) return 0;
    const afs::HfConfig in(source.config_json, "config.json");
    return in.status().ok() && in.is_family(kModelType, kArchitecture) ? 100 : 0;
}

afs::Result<afs::DecoderConfig> parse_config(const afs_model_source& source) {
    AFS_TRY(afs::check_source(source));
    afs::HfConfig in(source.config_json, "config.json");
    AFS_TRY(in.status());
    in.require_family(kModelType, kArchitecture);
    afs::DecoderConfig c = afs::read_decoder(in);
    AFS_TRY(in.status());
    AFS_TRY(afs::read_generation(source.generation_json, in, c));
    return c;
}

}  // namespace llama3
