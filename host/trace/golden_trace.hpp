// A trace of another implementation (tools/goldens/trace.py: Hugging Face transformers) and how far
// this engine's values are from it.
#pragma once
#include <string>
#include <vector>

#include "trace/error_ratio.hpp"
#include "trace/values.hpp"

namespace afs {

struct GoldenTrace {
    std::string made_by;
    std::vector<int32_t> ids;
    TracedValues exact;  // in fp32
    // The same model run in `dtype`; empty: only fp32 was traced. Its distance from `exact` is what
    // rounding costs there, so it is the measure for this engine in that dtype.
    TracedValues rounded;
    std::string dtype;
};

// Folder with trace.json, fp32.safetensors and maybe one more file of values.
Result<GoldenTrace> open_golden_trace(const std::string& folder);

// One tag: errors against the exact values, and the other implementation's own at this dtype.
struct GoldenRow {
    std::string tag;
    ErrorRatio error;    // theirs: 0 where it was not traced in this dtype
    double largest = 0;  // |exact value|
    bool holds = false;
};

// In the order of `tags`, those that both have. Holds: within 2x (max) and 1.25x (RMS) of the
// other's error in the same dtype; with fp32 alone, within 1e-4 of the largest value.
Result<std::vector<GoldenRow>> compare_to_golden(const TracedValues& values,
                                                 const GoldenTrace& golden,
                                                 const std::vector<std::string>& tags,
                                                 const std::string& dtype);

std::string golden_text(const std::vector<GoldenRow>& rows, const GoldenTrace& golden,
                        const std::string& dtype);

}  // namespace afs
