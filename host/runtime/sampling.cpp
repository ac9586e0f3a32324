#include "runtime/sampling.hpp"

#include <cmath>

namespace afs {

ResolvedSampling resolve_sampling(const Config& config, const afs_model_info* checkpoint,
                                  const std::string& origin) {
    ResolvedSampling out;
    // stated: whether the checkpoint says anything.
    const auto resolve = [&](const char* key, bool stated, double theirs, double otherwise) {
        SamplingValue value{key, otherwise, "default"};
        if (config.has(key))
            value = {key, config.number(key), config.origin(key)};
        else if (stated)
            value = {key, theirs, origin};
        out.values.push_back(value);
        return value.value;
    };
    const afs_model_info none{};
    const afs_model_info& info = checkpoint ? *checkpoint : none;
    const bool known = checkpoint != nullptr;
    const auto positive = [](float value) { return value > 0; };  // NaN is not
    SamplingParams& p = out.params;
    p.temperature =
        static_cast<float>(resolve("sampling.temperature", known && !std::isnan(info.temperature),
                                   static_cast<double>(info.temperature), 0));
    p.top_k =
        static_cast<int32_t>(resolve("sampling.top_k", known && info.top_k >= 0, info.top_k, 0));
    p.top_p = static_cast<float>(resolve("sampling.top_p", known && !std::isnan(info.top_p),
                                         static_cast<double>(info.top_p), 1));
    p.min_p = static_cast<float>(
        resolve("sampling.min_p", positive(info.min_p), static_cast<double>(info.min_p), 0));
    p.repetition_penalty =
        static_cast<float>(resolve("sampling.repetition_penalty", positive(info.repetition_penalty),
                                   static_cast<double>(info.repetition_penalty), 1));
    if (config.has("sampling.seed")) p.seed = config.natural("sampling.seed");
    return out;
}

}  // namespace afs
