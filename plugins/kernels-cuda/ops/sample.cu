// sample/1: one id from each row of logits that asks for it, as afs/sample.hpp defines the draw.
// The ids go to the output, which the next step reads as prev_ids, and to host_ids where there are
// any. Compiled with contraction off: the weights are the host's bits.
//
// Many blocks find the largest logit of each part of a row; then one block a row draws. A row whose
// n_vocab is no number of columns is drawn from what columns there are.
#include "backend.hpp"
#include "device/launch.hpp"
#include "kernels/draw.cuh"
#include "kernels/overlap.cuh"
#include "kernels/rows.cuh"

namespace afs::cuda {
namespace {

constexpr int kParts = 128, kPartThreads = 256;

// The largest logit so far and the lowest id that has it; NaN never gets in.
struct Best {
    float logit = -INFINITY;
    int32_t id = INT32_MAX;

    __device__ void take(float other, int32_t other_id) {
        if (other > logit || (other == logit && other_id < id)) logit = other, id = other_id;
    }
};

// The best of a warp, in its first lane.
__device__ Best warp_best(Best best) {
    for (int step = 16; step > 0; step /= 2) {
        const float logit = __shfl_down_sync(0xffffffffu, best.logit, step);
        const int32_t id = __shfl_down_sync(0xffffffffu, best.id, step);
        best.take(logit, id);
    }
    return best;
}

__device__ int32_t columns_of(const afs_row& row, int32_t n_columns) {
    return max(0, min(row.n_vocab, n_columns));
}

template <class T>
__global__ void best_of_parts_kernel(Rows<const T> logits, int32_t n_columns, const afs_row* rows,
                                     Best* parts) {
    __shared__ Best of_warp[kPartThreads / 32];
    let_next_start();
    wait_for_previous();
    const afs_row& row = rows[blockIdx.y];
    if (!(row.flags & AFS_ROW_SAMPLE)) return;
    const int32_t n = columns_of(row, n_columns);
    const T* from = logits.row(blockIdx.y);
    Best best;
    for (auto i = static_cast<int32_t>(blockIdx.x * kPartThreads + threadIdx.x); i < n;
         i += kParts * kPartThreads)
        best.take(widen(from[i]), i);
    best = warp_best(best);
    if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = best;
    __syncthreads();
    if (threadIdx.x != 0) return;
    for (const Best& other : of_warp) best.take(other.logit, other.id);
    parts[blockIdx.y * kParts + blockIdx.x] = best;
}

template <class T>
__global__ void __launch_bounds__(kDrawThreads)
    draw_kernel(Rows<const T> logits, int32_t n_columns, const afs_row* rows, const Best* parts,
                int32_t* ids, int32_t* host_ids) {
    __shared__ typename Draw<T>::Shared shared;
    __shared__ Best whole;
    let_next_start();
    wait_for_previous();
    const afs_row& row = rows[blockIdx.x];
    if (!(row.flags & AFS_ROW_SAMPLE)) return;
    if (threadIdx.x < 32) {
        Best best;
#pragma unroll
        for (int i = 0; i < kParts; i += 32) {
            const Best& other = parts[blockIdx.x * kParts + i + threadIdx.x];
            best.take(other.logit, other.id);
        }
        best = warp_best(best);
        if (threadIdx.x == 0) whole = best;
    }
    __syncthreads();
    const int32_t n = columns_of(row, n_columns);
    int32_t id = whole.id == INT32_MAX ? 0 : whole.id;  // no logit is a number
    if (row.temperature > 0.0f && n > 0 && whole.id != INT32_MAX)
        id = Draw<T>(shared, logits.row(blockIdx.x), n, whole.logit, row).id(id);
    if (threadIdx.x != 0) return;
    ids[blockIdx.x] = id;
    if (host_ids) host_ids[blockIdx.x] = id;
}

class Sample final : public Op {
public:
    explicit Sample(const afs_query&) {}

    static void query(OpCheck& check, afs_verdict& out) {
        plugin::require_sample(check);
        answer(check, out, uint64_t{check.limits().max_rows} * kParts * sizeof(Best));
    }

    Status run(const afs_run& run) override {
        const afs_tensor &logits = run.inputs[0], &out = *run.output;
        const auto step = read<afs_step>(run.step);
        AFS_TRY(check_rows("logits", logits, step.n_rows, logits.dims[1]));
        if (out.dtype != AFS_I32 || out.rank != 1 || out.dims[0] != step.n_rows || !out.data)
            return invalid("sample: expected an int32 output of " + std::to_string(step.n_rows));
        if (step.n_rows == 0) return {};
        const auto n_columns = static_cast<int32_t>(logits.dims[1]);
        const auto stream = static_cast<cudaStream_t>(run.stream);
        return dispatch(logits.dtype, [&](auto t) -> Status {
            using T = decltype(t);
            auto* parts = static_cast<Best*>(run.workspace);
            AFS_TRY(prefer_shared(best_of_parts_kernel<T>, 0));
            AFS_TRY(prefer_shared(draw_kernel<T>, 0));
            Launch how = {dim3(kParts, step.n_rows), kPartThreads, 0, stream};
            AFS_TRY(launch(how, best_of_parts_kernel<T>, rows_of<const T>(logits), n_columns,
                           step.rows, parts));
            how.grid = step.n_rows;
            how.block = kDrawThreads;
            return launch(how, draw_kernel<T>, rows_of<const T>(logits), n_columns, step.rows,
                          parts, static_cast<int32_t*>(out.data), step.host_ids);
        });
    }
};

}  // namespace

constexpr OpEntry kSample = entry<Sample>("sample/1");

}  // namespace afs::cuda
