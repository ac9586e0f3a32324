// The measured kernels against others on the same weights: logits of a short prompt.
#pragma once
#include "afs/config/config.hpp"
#include "bench/check.hpp"
#include "runtime/runtime.hpp"

namespace afs {

// Operations that comparing with other kernels takes: two runs of the prompt.
double judge_flops(const Runtime& runtime);

// config: what `runtime` was opened with. other: a kernels plugin that computes in host memory.
// The truth is computed by it too, in fp32, or fp64 where fp32 is measured.
Result<BenchCheck> judge_logits(const Config& config, Runtime& runtime, const std::string& other,
                                const std::string& random_weights);

}  // namespace afs
