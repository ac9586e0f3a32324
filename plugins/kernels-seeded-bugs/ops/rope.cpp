// rope/1.
#include "afs/rope.hpp"
#include "backend.hpp"

namespace afs::seeded {
namespace {

int32_t position_of(int32_t position, Bug bug) {
    if (bug == Bug::position_ahead) return position + 1;
    if (bug == Bug::other_way) return -position;
    if (bug == Bug::bf16_position)
        return static_cast<int32_t>(rounded(static_cast<float>(position), AFS_BF16));
    if (bug == Bug::table_ends && position > 131071) return 131071;
    if (bug == Bug::position_clamped && position > 8191) return 8191;
    return bug == Bug::does_not_rotate ? 0 : position;
}

}  // namespace

void rope(const afs_run& run, OpState& s) {
    const afs_tensor& out = *run.output;
    afs_rope_params p = s.rope;
    if (s.bug == Bug::theta_of_others) p.theta = 10000;
    if (s.bug == Bug::no_scaling) p.scaling = AFS_ROPE_PLAIN;
    const bool rounds = (p.table_in_act_dtype != 0) != (s.bug == Bug::other_table);
    const size_t hd = p.head_dim, half = hd / 2;
    for (int64_t i = 0; i < out.dims[0]; ++i) {
        Row x = row_of(run.inputs[0], i);
        const int32_t position = position_of(run.step->positions[i], s.bug);
        for (size_t head = 0; head < x.size(); head += hd) {
            if (s.bug == Bug::first_head_only && head > 0) break;
            for (size_t j = 0; j < half; ++j) {
                const float angle =
                    rope_angle(position, rope_inv_freq(p, static_cast<uint32_t>(j)));
                float c = std::cos(angle), sine = std::sin(angle);
                const bool pairs = s.bug == Bug::interleaves;
                float &a = x[head + (pairs ? 2 * j : j)],
                      &b = x[head + (pairs ? 2 * j + 1 : j + half)];
                const float a0 = a, b0 = b;
                if (rounds) {
                    c = rounded(c, out.dtype), sine = rounded(sine, out.dtype);
                    a = rounded(a0 * c, out.dtype) - rounded(b0 * sine, out.dtype);
                    b = rounded(b0 * c, out.dtype) + rounded(a0 * sine, out.dtype);
                } else {
                    a = a0 * c - b0 * sine;
                    b = b0 * c + a0 * sine;
                }
            }
        }
        put_row(out, i, x);
    }
}

}  // namespace afs::seeded
