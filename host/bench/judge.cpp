#include "bench/judge.hpp"

#include <algorithm>
#include <random>

#include "bench/work.hpp"

namespace afs {
namespace {

constexpr uint32_t kPrompt = 12;

Result<std::vector<float>> other_logits(const Config& config, const Runtime& weights_of,
                                        const std::string& other, const std::string& dtype,
                                        const std::string& random_weights,
                                        const std::vector<int32_t>& ids) {
    const std::string origin = "bench's check";
    std::vector<Override> changes = {{"kernels", other, origin},
                                     {"fallback", "", origin},
                                     {"model.dtype", dtype, origin},
                                     {"engine.max_context", std::to_string(ids.size()), origin},
                                     {"engine.max_sequences", "1", origin}};
    for (const auto& [pattern, backend] : config.pins())
        changes.push_back({"pin." + pattern, other, origin});
    AFS_ASSIGN(const Config changed, config.with(changes));
    RuntimeOptions options;
    options.tokenizer = false;
    options.random_weights = random_weights;
    options.weights_of = &weights_of;
    AFS_ASSIGN(const auto runtime, Runtime::open(changed, options));
    return runtime->engine().logits(ids, 0);
}

}  // namespace

double judge_flops(const Runtime& runtime) {
    return 2 * prompt_flops(runtime.plan(), kPrompt);
}

Result<BenchCheck> judge_logits(const Config& config, Runtime& runtime, const std::string& other,
                                const std::string& random_weights) {
    std::mt19937_64 random(7);
    std::vector<int32_t> ids(std::min(kPrompt, runtime.engine().stats().max_context));
    for (int32_t& id : ids)
        id = std::uniform_int_distribution<int32_t>(
            0, static_cast<int32_t>(runtime.model().vocab_rows) - 1)(random);
    const auto measured = runtime.engine().logits(ids, 0);
    if (!measured && measured.status().code() == Code::unsupported)
        return BenchCheck{BenchCheck::Outcome::impossible, 0, measured.status().message()};
    if (!measured) return measured.status();
    const auto by_other = [&](const std::string& dtype) {
        return other_logits(config, runtime, other, dtype, random_weights, ids);
    };
    AFS_ASSIGN(const std::vector<float> theirs, by_other(runtime.dtype()));
    AFS_ASSIGN(const std::vector<float> truth,
               by_other(runtime.dtype() == "fp32" ? "fp64" : "fp32"));
    return compare_logits(*measured, theirs, truth, other);
}

}  // namespace afs
