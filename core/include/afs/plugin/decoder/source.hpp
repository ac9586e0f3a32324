// A decoder-only family's configuration from whichever form the checkpoint has: config.json of
// Hugging Face or the metadata of a GGUF file. C++17.
#pragma once
#include "afs/numeric.hpp"  // dtype_name
#include "afs/plugin/decoder/gguf_config.hpp"
#include "afs/plugin/decoder/hf_config.hpp"

namespace afs {

// What the family is called.
struct FamilyNames {
    const char* model_type;         // config.json
    const char* architecture;       // config.json
    const char* gguf_architecture;  // general.architecture
};

// 0 or 100; never fails on foreign text.
inline int score_decoder(const afs_model_source& source, const FamilyNames& names) {
    if (!source.config_json) return 0;
    if (source.is_gguf) {
        const GgufConfig in(source.config_json);
        return in.is_family(names.gguf_architecture) ? 100 : 0;
    }
    const HfConfig in(source.config_json, "config.json");
    return in.status().ok() && in.is_family(names.model_type, names.architecture) ? 100 : 0;
}

// What a family that emits a graph for one rank can be asked for.
inline Status check_source(const afs_model_source& source) {
    if (!source.config_json)
        return invalid("cannot build a graph: the text of config.json is NULL");
    if (source.world > 1)
        return unsupported("cannot split the model over " + std::to_string(source.world) +
                           " ranks: one rank is all that is built");
    switch (source.dtype) {
        case AFS_F32:
        case AFS_BF16:
        case AFS_F16:
        case AFS_F64: return {};
        default:
            return invalid("cannot use activation dtype " + std::to_string(source.dtype) + " (" +
                           dtype_name(source.dtype) + "): expected fp32, bf16, fp16 or fp64");
    }
}

inline Result<DecoderConfig> parse_decoder(const afs_model_source& source,
                                           const FamilyNames& names) {
    AFS_TRY(check_source(source));
    if (source.is_gguf) {
        GgufConfig in(source.config_json);
        in.require_family(names.gguf_architecture);
        AFS_TRY(in.status());
        DecoderConfig c = read_decoder(in);
        read_generation(in, c);
        AFS_TRY(in.status());
        return c;
    }
    HfConfig in(source.config_json, "config.json");
    AFS_TRY(in.status());
    in.require_family(names.model_type, names.architecture);
    DecoderConfig c = read_decoder(in);
    AFS_TRY(in.status());
    AFS_TRY(read_generation(source.generation_json, in, c));
    return c;
}

}  // namespace afs
