// Continuous mixed requests for a given time: prompts and answers of random lengths, sampling of
// every kind, stop ids, forks and cancellations, never fewer than one request and up to twice the
// engine's sequences at once. Nothing may fail and memory may not grow.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "afs/kernels.hpp"
#include "engine/engine.hpp"

namespace afs {

struct SoakOptions {
    double seconds = 60;
    uint64_t seed = 1;
    int32_t n_vocab = 0;
    bool stop_strings = false;  // the engine has a tokenizer
    Device* device = nullptr;   // whose memory is watched; absent: the host's alone
    std::function<void(double seconds)> progress;
    std::function<bool()> stop;  // asked between steps: true ends the run early
};

// Bytes in use at one moment.
struct MemoryReading {
    double seconds = 0;
    uint64_t device = 0, host = 0;
};

struct SoakResult {
    uint64_t requests = 0, finished = 0, cancelled = 0, forks = 0, tokens = 0, steps = 0;
    std::vector<MemoryReading> readings;
    // Maximum in the last third above that in the first third; 0 where it is lower.
    uint64_t device_growth = 0, host_growth = 0;
    // 16 MiB at most on either side.
    bool steady() const;
};

Result<SoakResult> run_soak(Engine& engine, const SoakOptions& options);

}  // namespace afs
