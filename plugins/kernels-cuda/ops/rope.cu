// rope/1: each pair (x[j], x[j + head_dim/2]) of a head turned by angle(position, j), T the
// activations' dtype:
//   table_in_act_dtype (Llama):  cos, sin and each product rounded to T, then their sum;
//   else (OLMo-2):               fp32 cos, sin and arithmetic, rounded once.
// One block a token: its table is made once and serves every head.
#include "backend.hpp"
#include "device/launch.hpp"
#include "kernels/overlap.cuh"
#include "kernels/rope.cuh"
#include "kernels/rows.cuh"

namespace afs::cuda {
namespace {

constexpr int kThreads = 256;

template <class T>
__global__ void rope_kernel(Rows<const T> x, Rows<T> out, const int32_t* positions, int32_t width,
                            int32_t half, bool table_in_act_dtype,
                            const __grid_constant__ RopeFrequencies frequencies) {
    __shared__ float2 table[kRopeMaxHeadDim / 2];
    let_next_start();
    const int32_t position = positions[blockIdx.x];
    for (int32_t j = static_cast<int32_t>(threadIdx.x); j < half; j += kThreads)
        table[j] = rope_cos_sin<T>(position, frequencies.inv_freq[j], table_in_act_dtype);
    __syncthreads();
    wait_for_previous();
    const T* from = x.row(blockIdx.x);
    T* to = out.row(blockIdx.x);
    for (int32_t i = static_cast<int32_t>(threadIdx.x); i < width / 2; i += kThreads) {
        const int32_t j = i % half, at = i / half * 2 * half + j;
        T a = from[at], b = from[at + half];
        rope_turn(a, b, table[j], table_in_act_dtype);
        to[at] = a;
        to[at + half] = b;
    }
}

class Rope final : public Op {
public:
    explicit Rope(const afs_query& query)
        : params_(Node(query).params<afs_rope_params>()), frequencies_(rope_frequencies(params_)) {}

    static void query(OpCheck& check, afs_verdict& out) {
        plugin::require_rope(check);
        const auto head_dim = check.node().params<afs_rope_params>().head_dim;
        check.require(head_dim <= kRopeMaxHeadDim, "expected a head_dim of at most " +
                                                       std::to_string(kRopeMaxHeadDim) +
                                                       ", found " + std::to_string(head_dim));
        answer(check, out);
    }

    Status run(const afs_run& run) override {
        const afs_tensor &x = run.inputs[0], &out = *run.output;
        const auto step = read<afs_step>(run.step);
        AFS_TRY(check_rows("x", x, step.n_tokens, x.dims[1]));
        AFS_TRY(check_rows("output", out, step.n_tokens, x.dims[1]));
        if (step.n_tokens == 0) return {};
        return dispatch(out.dtype, [&](auto t) {
            using T = decltype(t);
            const Launch how = {step.n_tokens, kThreads, 0, static_cast<cudaStream_t>(run.stream)};
            return launch(how, rope_kernel<T>, rows_of<const T>(x), rows_of<T>(out), step.positions,
                          static_cast<int32_t>(x.dims[1]),
                          static_cast<int32_t>(params_.head_dim / 2),
                          params_.table_in_act_dtype != 0, frequencies_);
        });
    }

private:
    afs_rope_params params_;
    RopeFrequencies frequencies_;
};

}  // namespace

constexpr OpEntry kRope = entry<Rope>("rope/1");

}  // namespace afs::cuda
