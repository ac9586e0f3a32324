// rms_norm/1: r = 1 / sqrt(mean(x^2) + eps) of each row, T the activations' dtype:
//   weight_before_cast (OLMo-2): out = T(w * (x * r));   else (Llama): out = T(w * T(x * r)).
// One block a row; sums in fp32. Bound by bytes: the row's second reading comes from a cache.
#include "backend.hpp"
#include "device/launch.hpp"
#include "kernels/overlap.cuh"
#include "kernels/reduce.cuh"
#include "kernels/rows.cuh"

namespace afs::cuda {
namespace {

template <class T, class W, int kWidth>
__global__ void rms_norm_kernel(Rows<const T> x, const W* weight, Rows<T> out, int64_t d, float eps,
                                bool weight_before_cast) {
    let_next_start();
    wait_for_previous();
    const T* from = x.row(blockIdx.x);
    float squares = 0;
    for (int64_t j = int64_t{threadIdx.x} * kWidth; j < d; j += int64_t{blockDim.x} * kWidth) {
        const auto v = load<kWidth>(from + j);
#pragma unroll
        for (int i = 0; i < kWidth; ++i) squares += widen(v.at[i]) * widen(v.at[i]);
    }
    const float r = 1.0f / sqrtf(block_sum(squares) / static_cast<float>(d) + eps);
    for (int64_t j = int64_t{threadIdx.x} * kWidth; j < d; j += int64_t{blockDim.x} * kWidth) {
        const auto v = load<kWidth>(from + j);
        const auto w = load<kWidth>(weight + j);
        Pack<T, kWidth> to;
#pragma unroll
        for (int i = 0; i < kWidth; ++i) {
            const float normed = widen(v.at[i]) * r;
            to.at[i] =
                narrow<T>(widen(w.at[i]) * (weight_before_cast ? normed : rounded<T>(normed)));
        }
        store<kWidth>(out.row(blockIdx.x) + j, to);
    }
}

class RmsNorm final : public Op {
public:
    explicit RmsNorm(const afs_query& query) : params_(Node(query).params<afs_rms_norm_params>()) {}
    static void query(OpCheck& check, afs_verdict& out) {
        plugin::require_rms_norm(check);
        answer(check, out);
    }
    Status run(const afs_run& run) override {
        const afs_tensor &x = run.inputs[0], &weight = run.inputs[1], &out = *run.output;
        const int64_t n = x.dims[0], d = x.dims[1];
        AFS_TRY(check_rows("x", x, kAny, d));
        AFS_TRY(check_vector("weight", weight, d));
        AFS_TRY(check_rows("output", out, n, d));
        if (n == 0) return {};
        return dispatch(out.dtype, [&](auto t) {
            return dispatch(weight.dtype, [&](auto stored) {
                using T = decltype(t);
                using W = decltype(stored);
                const bool wide = is_wide(x) && is_wide(out) && is_wide(weight);
                return dispatch_width(wide, [&](auto width) {
                    constexpr int kWidth = decltype(width)::value;
                    const int64_t pieces = (d + kWidth - 1) / kWidth;
                    const unsigned threads = pieces <= 128 ? 128 : pieces <= 256 ? 256 : 512;
                    const Launch how = {static_cast<unsigned>(n), threads, 0,
                                        static_cast<cudaStream_t>(run.stream)};
                    return launch(how, rms_norm_kernel<T, W, kWidth>, rows_of<const T>(x),
                                  static_cast<const W*>(weight.data), rows_of<T>(out), d,
                                  params_.eps, params_.weight_before_cast != 0);
                });
            });
        });
    }

private:
    afs_rms_norm_params params_;
};

}  // namespace

constexpr OpEntry kRmsNorm = entry<RmsNorm>("rms_norm/1");

}  // namespace afs::cuda
