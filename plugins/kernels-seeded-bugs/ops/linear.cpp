// linear/1: one sum an element, in fp32.
#include "backend.hpp"

namespace afs::seeded {
namespace {

bool leaves_out(Bug bug, int64_t i, int64_t k) {
    switch (bug) {
        case Bug::drops_last_k: return i == k - 1;
        case Bug::drops_first_k: return i == 0;
        case Bug::drops_k_behind_16: return i >= k / 16 * 16 && k > 16;
        case Bug::drops_k_64: return i == 64;
        case Bug::one_k_over_256: return k > 256 && k % 256 == 1 && i == k - 1;
        case Bug::one_k_over_512: return k > 512 && k % 512 == 1 && i == k - 1;
        default: return false;
    }
}

float narrowed(Bug bug, float sum) {
    if (bug == Bug::bf16_sum) return rounded(sum, AFS_BF16);
    if (bug == Bug::fp16_sum) return rounded(sum, AFS_F16);
    return sum;
}

float sum_of(const Row& x, const Row& w, const OpState& s, int64_t n_rows) {
    const auto k = static_cast<int64_t>(w.size());
    // a run's own beginning, as atomics have it
    const int64_t first = s.bug == Bug::random_order     ? int64_t{s.n_runs} * 7 % k
                          : s.bug == Bug::order_by_batch ? (n_rows > 1 ? k / 2 : 0)
                                                         : 0;
    float sum = 0;
    for (int64_t step = 0; step < k; ++step) {
        const int64_t i = (step + first) % k;
        if (leaves_out(s.bug, i, k)) continue;
        float a = x[static_cast<size_t>(i)], b = w[static_cast<size_t>(i)];
        if (s.bug == Bug::flushes && std::fpclassify(a) == FP_SUBNORMAL) a = 0;
        if (s.bug == Bug::narrows_weights) b = rounded(b, AFS_BF16);
        sum = narrowed(s.bug, sum + a * b);
    }
    if (s.bug == Bug::odd_k_twice && k % 2 && k > 1) sum += x.back() * w.back();
    return sum;
}

// The row of the weight that column o is made of.
int64_t weight_row(Bug bug, int64_t o, int64_t m) {
    if (bug == Bug::last_column && o == m - 1 && m > 1) return o - 1;
    if (bug == Bug::column_mod_128 && o % 128 == 17) return o - 1;
    if (bug == Bug::one_column_over_256 && m > 256 && m % 256 == 1 && o == m - 1) return 0;
    return o;
}

}  // namespace

void linear(const afs_run& run, OpState& s) {
    const afs_tensor &x = run.inputs[0], &out = *run.output;
    const int64_t n = out.dims[0], m = width(out), k = width(x);
    ++s.n_runs;
    if (s.bug == Bug::workspace_overrun) std::memset(run.workspace, 1, 96);
    for (int64_t i = 0; i < n; ++i) {
        const bool other = s.bug == Bug::one_row_over_64 && n > 64 && n % 64 == 1 && i == n - 1;
        const Row row = row_of(x, other ? 0 : i);
        for (int64_t o = 0; o < m; ++o) {
            float y = sum_of(row, row_of(run.inputs[1], weight_row(s.bug, o, m)), s, n);
            if (s.bug == Bug::scales_up) y *= 1.01f;
            if (s.bug == Bug::reads_past_row)
                y += load(x.data, x.dtype, i * x.strides[0] + k) * 0.1f;
            if (s.bug == Bug::truncates) y = cut(y, out.dtype);
            if (s.bug == Bug::nudges_up) {
                const float ulp = out.dtype == AFS_BF16  ? 0x1p-8f
                                  : out.dtype == AFS_F16 ? 0x1p-11f
                                                         : 0x1p-24f;
                y += std::abs(y) * ulp * 0.66f;
            }
            if (s.bug == Bug::adds_to_output)
                y += load(out.data, out.dtype, i * out.strides[0] + o);
            if (s.bug == Bug::column_unwritten && m % 2 && m > 1 && o == m - 1) continue;
            put(out, i, o, y);
        }
    }
    if (s.bug == Bug::writes_past_end) store(out.data, out.dtype, n * out.strides[0], 0);
    if (s.bug == Bug::writes_input) store(x.data, x.dtype, 0, 2 * load(x.data, x.dtype, 0) + 1);
}

}  // namespace afs::seeded
