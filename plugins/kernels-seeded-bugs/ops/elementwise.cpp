// add/1 and swiglu/1.
#include <algorithm>

#include "backend.hpp"

namespace afs::seeded {

void add(const afs_run& run, OpState& s) {
    const afs_tensor& out = *run.output;
    const int64_t d = width(out);
    for (int64_t i = 0; i < out.dims[0]; ++i) {
        const Row a = row_of(run.inputs[0], i), b = row_of(run.inputs[1], i);
        for (int64_t j = 0; j < d; ++j) {
            const auto at = static_cast<size_t>(j);
            float y = s.bug == Bug::subtracts ? a[at] - b[at] : a[at] + b[at];
            if (s.bug == Bug::add_tail && j >= d / 16 * 16) y = a[at];
            const bool last = i + 1 == out.dims[0] && j + 1 == d;
            if (s.bug == Bug::add_almost_tile && out.dims[0] * d % 4096 == 4095 && last) y = a[at];
            if (s.bug == Bug::add_saturates) y = std::clamp(y, -65504.0f, 65504.0f);
            put(out, i, j, s.bug == Bug::add_truncates ? cut(y, out.dtype) : y);
        }
    }
}

void swiglu(const afs_run& run, OpState& s) {
    const afs_tensor& out = *run.output;
    const int64_t d = width(out);
    for (int64_t i = 0; i < out.dims[0]; ++i) {
        Row gate = row_of(run.inputs[0], i), up = row_of(run.inputs[1], i);
        if (s.bug == Bug::swaps_gate) std::swap(gate, up);
        for (int64_t j = 0; j < d; ++j) {
            const float x = gate[static_cast<size_t>(j)];
            float silu = x / (1 + std::exp(-x));
            if (s.bug == Bug::sigmoid_only) silu = 1 / (1 + std::exp(-x));
            if (s.bug == Bug::gelu)
                silu = 0.5f * x * (1 + std::tanh(0.7978846f * (x + 0.044715f * x * x * x)));
            if (s.bug == Bug::exp_overflow) silu = x * std::exp(x) / (1 + std::exp(x));
            if (s.bug == Bug::swiglu_tail && j >= d / 8 * 8) silu = x;
            const bool last = i + 1 == out.dims[0] && j + 1 == d;
            if (s.bug == Bug::swiglu_whole_tile && out.dims[0] * d % 4096 == 0 && last) silu = x;
            put(out, i, j, rounded(silu, out.dtype) * up[static_cast<size_t>(j)]);
        }
    }
}

}  // namespace afs::seeded
