// How tokens are drawn where a request does not say: the configuration (command line, environment,
// file) over what the checkpoint's generation_config.json states over greedy.
#pragma once
#include <string>
#include <vector>

#include "afs/abi/model.h"
#include "afs/config/config.hpp"
#include "engine/engine.hpp"

namespace afs {

struct SamplingValue {
    std::string key;  // "sampling.top_p"
    double value;
    std::string origin;  // the configuration's, else what the checkpoint's is called, or "default"
};

struct ResolvedSampling {
    SamplingParams params;
    std::vector<SamplingValue> values;  // each but the seed
};

// checkpoint: nullptr where none is known. origin: where its defaults stand.
ResolvedSampling resolve_sampling(const Config& config, const afs_model_info* checkpoint,
                                  const std::string& origin);

}  // namespace afs
