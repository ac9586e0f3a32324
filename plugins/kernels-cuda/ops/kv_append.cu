// kv_append/1: k and v of each token of a sequence into their slot of the paged cache, rounded to
// the cache's dtype where that is another. Token i goes to block slots[i] / block_size; padding
// tokens are not stored. One block a token.
#include "backend.hpp"
#include "device/launch.hpp"
#include "kernels/cache.cuh"
#include "kernels/overlap.cuh"
#include "kernels/rows.cuh"

namespace afs::cuda {
namespace {

constexpr int kThreads = 128;

template <class C>
struct Side {
    C* data;
    CacheStride stride;

    template <class T>
    __device__ void store(int64_t block, int64_t slot, int32_t head, int32_t dim, T x) const {
        C& to = data[stride.at(block, head, slot) + dim * stride.dim];
        if constexpr (std::is_same_v<T, C>)
            to = x;  // bit for bit
        else
            to = narrow<C>(widen(x));
    }
};

template <class T, class C>
__global__ void kv_append_kernel(Rows<const T> k, Rows<const T> v, Side<C> k_cache, Side<C> v_cache,
                                 const int32_t* slots, const int32_t* n_real, int32_t block_size,
                                 int32_t width, int32_t head_dim) {
    let_next_start();
    wait_for_previous();
    const int32_t token = static_cast<int32_t>(blockIdx.x);
    if (token >= *n_real || slots[token] < 0) return;
    const int64_t block = slots[token] / block_size, slot = slots[token] % block_size;
    for (int32_t i = static_cast<int32_t>(threadIdx.x); i < width; i += kThreads) {
        const int32_t head = i / head_dim, dim = i % head_dim;
        k_cache.store(block, slot, head, dim, k.row(token)[i]);
        v_cache.store(block, slot, head, dim, v.row(token)[i]);
    }
}

class KvAppend final : public Op {
public:
    explicit KvAppend(const afs_query&) {}
    static void query(OpCheck& check, afs_verdict& out) {
        plugin::require_kv_append(check);
        answer(check, out);
    }
    Status run(const afs_run& run) override {
        const afs_tensor &k = run.inputs[0], &v = run.inputs[1];
        const auto step = read<afs_step>(run.step);
        const auto layout = read<afs_kv_layout>(run.kv->layout);
        const int64_t width = int64_t{layout.n_kv_heads} * layout.head_dim;
        AFS_TRY(check_rows("k", k, step.n_tokens, width));
        AFS_TRY(check_rows("v", v, step.n_tokens, width));
        if (step.n_tokens == 0) return {};
        return dispatch(k.dtype, [&](auto t) {
            return dispatch(layout.dtype, [&](auto stored) {
                using T = decltype(t);
                using C = decltype(stored);
                const Launch how = {step.n_tokens, kThreads, 0,
                                    static_cast<cudaStream_t>(run.stream)};
                return launch(how, kv_append_kernel<T, C>, rows_of<const T>(k), rows_of<const T>(v),
                              Side<C>{static_cast<C*>(run.kv->k), CacheStride(layout.k_stride)},
                              Side<C>{static_cast<C*>(run.kv->v), CacheStride(layout.v_stride)},
                              step.slots, step.cu_seqlens + step.n_seqs,
                              static_cast<int32_t>(layout.block_size), static_cast<int32_t>(width),
                              static_cast<int32_t>(layout.head_dim));
            });
        });
    }
};

}  // namespace

constexpr OpEntry kKvAppend = entry<KvAppend>("kv_append/1");

}  // namespace afs::cuda
