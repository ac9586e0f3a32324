// attention/1 in one file of CUDA: a warp for each token and query head, one pass over the keys
// with a running maximum. A guest on the memory of whoever owns cuda/1. Takes fp32, bf16 and fp16
// and head_dim up to 256.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "afs/plugin/kernels.hpp"

namespace {

constexpr int kLanes = 32, kMostDims = 256 / kLanes;  // dimensions of a lane

struct Params {
    const void* q;
    void* out;
    afs_kv_layout layout;
    const void *k, *v;
    const int32_t *cu_seqlens, *context_lens, *block_table;
    uint32_t n_seqs, max_blocks, n_heads, n_kv_heads, head_dim;
    float scale;
};

// T: of q and the output; C: of the cache.
template <class T, class C>
__global__ void attend(const Params p) {
    const int token = static_cast<int>(blockIdx.x), head = static_cast<int>(blockIdx.y);
    const int lane = static_cast<int>(threadIdx.x), head_dim = static_cast<int>(p.head_dim);
    uint32_t seq = 0;
    while (seq < p.n_seqs && p.cu_seqlens[seq + 1] <= token) ++seq;
    if (seq == p.n_seqs) return;  // padding
    // Positions that this token sees: all before it in its sequence, and itself.
    const int n_keys = p.context_lens[seq] - (p.cu_seqlens[seq + 1] - token) + 1;
    const int64_t group = p.n_heads / p.n_kv_heads, kv_head = head / group;
    const int64_t at = (int64_t{token} * p.n_heads + head) * p.head_dim;
    const int size = static_cast<int>(p.layout.block_size);
    const auto load = [&](const void* cache, const int64_t(&stride)[4], int position, int dim) {
        const int64_t block = p.block_table[int64_t{seq} * p.max_blocks + position / size];
        return static_cast<float>(
            static_cast<const C*>(cache)[block * stride[0] + kv_head * stride[1] +
                                         position % size * stride[2] + dim * stride[3]]);
    };
    float q[kMostDims] = {}, sum[kMostDims] = {}, most = -INFINITY, total = 0;
    for (int i = 0; i < kMostDims; ++i)
        if (i * kLanes + lane < head_dim)
            q[i] = static_cast<float>(static_cast<const T*>(p.q)[at + i * kLanes + lane]);
    for (int position = 0; position < n_keys; ++position) {
        float score = 0;
        for (int i = 0; i < kMostDims; ++i)
            if (i * kLanes + lane < head_dim)
                score += q[i] * load(p.k, p.layout.k_stride, position, i * kLanes + lane);
        for (int step = kLanes / 2; step; step /= 2)
            score += __shfl_xor_sync(0xffffffffu, score, step);
        score *= p.scale;
        const float before = most;
        most = fmaxf(most, score);
        const float keep = expf(before - most), weight = expf(score - most);
        total = total * keep + weight;
        for (int i = 0; i < kMostDims; ++i)
            if (i * kLanes + lane < head_dim)
                sum[i] = sum[i] * keep +
                         weight * load(p.v, p.layout.v_stride, position, i * kLanes + lane);
    }
    for (int i = 0; i < kMostDims; ++i)
        if (i * kLanes + lane < head_dim)
            static_cast<T*>(p.out)[at + i * kLanes + lane] = static_cast<T>(sum[i] / total);
}

class Attention final : public afs::Op {
public:
    Attention(const afs::Node& node, const afs::OpenArgs&)
        : params_(node.params<afs_attention_params>()) {}

    static void query(const afs::Node& node, afs_verdict& out) {
        const int32_t dtype = node.out().dtype;
        const uint32_t head_dim = node.params<afs_attention_params>().head_dim;
        out.supported = (dtype == AFS_F32 || dtype == AFS_BF16 || dtype == AFS_F16) &&
                        head_dim <= kLanes * kMostDims;
        if (!out.supported) afs::put(out.reason, "fp32, bf16, fp16 and head_dim up to 256 only");
        out.acc_dtype = out.internal_dtype = AFS_F32;
        out.flags = AFS_CAPTURE_SAFE | AFS_DETERMINISTIC | AFS_BATCH_INVARIANT;
    }

    afs::Status run(const afs_run& run) override {
        const afs_step& step = *run.step;
        if (run.inputs[0].dims[0] == 0) return {};
        const Params p = {
            run.inputs[0].data, run.output->data,   *run.kv->layout,  run.kv->k,    run.kv->v,
            step.cu_seqlens,    step.context_lens,  step.block_table, step.n_seqs,  step.max_blocks,
            params_.n_heads,    params_.n_kv_heads, params_.head_dim, params_.scale};
        switch (run.output->dtype) {
            case AFS_F32: return with_cache<float>(p, run);
            case AFS_BF16: return with_cache<__nv_bfloat16>(p, run);
            default: return with_cache<__half>(p, run);
        }
    }

private:
    template <class T>
    afs::Status with_cache(const Params& p, const afs_run& run) {
        switch (p.layout.dtype) {
            case AFS_F32: return launch(attend<T, float>, p, run);
            case AFS_BF16: return launch(attend<T, __nv_bfloat16>, p, run);
            case AFS_F16: return launch(attend<T, __half>, p, run);
            default: return afs::unsupported("the cache must be fp32, bf16 or fp16");
        }
    }
    afs::Status launch(void (*kernel)(Params), const Params& p, const afs_run& run) {
        const dim3 grid(static_cast<unsigned>(run.inputs[0].dims[0]), params_.n_heads);
        kernel<<<grid, kLanes, 0, reinterpret_cast<cudaStream_t>(run.stream)>>>(p);
        const cudaError_t error = cudaPeekAtLastError();
        if (error == cudaSuccess) return {};
        return afs::Status(afs::Code::device, cudaGetErrorString(error));
    }

    afs_attention_params params_;
};

}  // namespace

AFS_OP_PLUGIN(Attention, "attention-cuda", "0.1", "Apache-2.0", "cuda/1", "attention/1");
