// attention/1 in one file: causal attention of grouped query heads over the paged cache, one pass
// over the keys with a running maximum. Takes fp32, bf16 and fp16 in host memory.
#include <algorithm>
#include <cmath>
#include <vector>

#include "afs/numeric.hpp"
#include "afs/plugin/kernels.hpp"

namespace {

class Attention final : public afs::Op {
public:
    Attention(const afs::Node& node, const afs::OpenArgs&)
        : params_(node.params<afs_attention_params>()) {}

    static void query(const afs::Node& node, afs_verdict& out) {
        const int32_t dtype = node.out().dtype;
        out.supported = dtype == AFS_F32 || dtype == AFS_BF16 || dtype == AFS_F16;
        if (!out.supported) afs::put(out.reason, "fp32, bf16 and fp16 only");
        out.acc_dtype = out.internal_dtype = AFS_F32;
        out.flags = AFS_CAPTURE_SAFE | AFS_DETERMINISTIC | AFS_BATCH_INVARIANT;
        out.workspace_bytes = 2 * sizeof(float) * node.params<afs_attention_params>().head_dim;
    }

    // The cache has a dtype of its own.
    afs::Status run(const afs_run& run) override {
        switch (run.output->dtype) {
            case AFS_F32: return with_cache<float>(run);
            case AFS_BF16: return with_cache<afs::bf16>(run);
            default: return with_cache<afs::f16>(run);
        }
    }

private:
    template <class T>
    afs::Status with_cache(const afs_run& run) {
        switch (run.kv->layout->dtype) {
            case AFS_F32: return rows<T, float>(run);
            case AFS_BF16: return rows<T, afs::bf16>(run);
            case AFS_F16: return rows<T, afs::f16>(run);
            default: return afs::unsupported("the cache must be fp32, bf16 or fp16");
        }
    }

    template <class T, class C>
    afs::Status rows(const afs_run& run) {
        const afs_kv& kv = *run.kv;
        const afs_step& step = *run.step;
        const int64_t hd = params_.head_dim, width = params_.n_heads * hd;
        const uint32_t group = params_.n_heads / params_.n_kv_heads;
        for (uint32_t s = 0; s < step.n_seqs; ++s)
            for (int32_t t = step.cu_seqlens[s]; t < step.cu_seqlens[s + 1]; ++t) {
                // Positions that token t sees: all before it in its sequence, and itself.
                const int32_t n_context = step.context_lens[s] - (step.cu_seqlens[s + 1] - t) + 1;
                const int32_t* blocks = step.block_table + int64_t{s} * step.max_blocks;
                for (uint32_t h = 0; h < params_.n_heads; ++h)
                    head<T, C>(static_cast<const T*>(run.inputs[0].data) + t * width + h * hd,
                               static_cast<T*>(run.output->data) + t * width + h * hd, h / group,
                               blocks, n_context, kv, static_cast<float*>(run.workspace));
            }
        return {};
    }

    template <class T, class C>
    void head(const T* q, T* out, uint32_t g, const int32_t* blocks, int32_t n_context,
              const afs_kv& kv, float* workspace) const {
        const afs_kv_layout& at = *kv.layout;
        const int64_t hd = params_.head_dim, size = at.block_size;
        float *query = workspace, *sum = workspace + hd;  // [head_dim] each
        for (int64_t d = 0; d < hd; ++d) query[d] = afs::to_float(q[d]), sum[d] = 0;
        float most = -INFINITY, total = 0;
        for (int32_t p = 0; p < n_context; ++p) {
            const C* k = static_cast<const C*>(kv.k) + blocks[p / size] * at.k_stride[0] +
                         g * at.k_stride[1] + p % size * at.k_stride[2];
            const C* v = static_cast<const C*>(kv.v) + blocks[p / size] * at.v_stride[0] +
                         g * at.v_stride[1] + p % size * at.v_stride[2];
            float score = 0;
            for (int64_t d = 0; d < hd; ++d)
                score += query[d] * afs::to_float(k[d * at.k_stride[3]]);
            score *= params_.scale;
            const float before = most;
            most = std::max(most, score);
            const float keep = std::exp(before - most), weight = std::exp(score - most);
            total = total * keep + weight;
            for (int64_t d = 0; d < hd; ++d)
                sum[d] = sum[d] * keep + weight * afs::to_float(v[d * at.v_stride[3]]);
        }
        for (int64_t d = 0; d < hd; ++d) out[d] = afs::from_float<T>(sum[d] / total);
    }

    afs_attention_params params_;
};

}  // namespace

AFS_OP_PLUGIN(Attention, "attention", "0.1", "Apache-2.0", "cpu/1", "attention/1");
