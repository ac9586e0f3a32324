// rms_norm/1.
#include "backend.hpp"

namespace afs::seeded {
namespace {

float scale_of(const Row& x, size_t first, size_t end, const OpState& s) {
    float sum = 0;
    for (size_t j = first; j < end; ++j) {
        if (s.bug == Bug::mean_drops_last && j + 1 == end && end - first > 1) continue;
        const float square =
            s.bug == Bug::fp16_squares ? rounded(x[j] * x[j], AFS_F16) : x[j] * x[j];
        sum += square;
        if (s.bug == Bug::bf16_squares) sum = rounded(sum, AFS_BF16);
    }
    const auto d = static_cast<float>(end - first);
    const float mean = sum / (s.bug == Bug::divides_by_less && d > 1 ? d - 1 : d);
    if (s.bug == Bug::eps_outside) return 1 / (std::sqrt(mean) + s.norm.eps);
    if (s.bug == Bug::eps_left_out) return 1 / std::sqrt(mean);
    const float r = 1 / std::sqrt(mean + s.norm.eps);
    return s.bug == Bug::rough_root ? bits_float(float_bits(r) & 0xfffff000u) : r;
}

}  // namespace

void rms_norm(const afs_run& run, OpState& s) {
    const afs_tensor& out = *run.output;
    const Row weight = row_of(run.inputs[1], 0);
    const size_t d = weight.size(), head = s.bug == Bug::norms_heads && d % 64 == 0 ? 64 : d;
    for (int64_t i = 0; i < out.dims[0]; ++i) {
        const Row x = row_of(run.inputs[0], i);
        const bool over = out.dims[0] > 64 && out.dims[0] % 64 == 1 && i + 1 == out.dims[0];
        const Row scaled_by = s.bug == Bug::first_row_scale          ? row_of(run.inputs[0], 0)
                              : s.bug == Bug::last_row_scale && over ? row_of(run.inputs[0], i - 1)
                                                                     : x;
        for (size_t first = 0; first < d; first += head) {
            const float r = scale_of(scaled_by, first, first + head, s);
            for (size_t j = first; j < first + head; ++j) {
                float w = weight[s.bug == Bug::weight_neighbour ? (j + 1) % d : j];
                if (s.bug == Bug::weight_plus_one) w += 1;
                const bool before = (s.norm.weight_before_cast != 0) != (s.bug == Bug::casts_late);
                put(out, i, static_cast<int64_t>(j),
                    before ? w * (x[j] * r) : w * rounded(x[j] * r, out.dtype));
            }
        }
    }
}

}  // namespace afs::seeded
