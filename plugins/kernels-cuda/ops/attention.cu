// attention/1: causal attention of grouped query heads over the paged cache. For token t of
// sequence s at context position c, head h and its kv head g = h / (heads / kv_heads):
//   score[p] = scale * (q[t, h] . k[p, g]),  p = 0 .. c
//   out[t, h] = sum over p of exp(score[p] - max) * v[p, g], over the sum of the exponentials,
// rounded once. Position p lies in block block_table[s, p / block_size]. Padding tokens are left as
// they are. The kernels stand in ops/attention/.
#include "backend.hpp"
#include "device/launch.hpp"
#include "kernels/rows.cuh"
#include "ops/attention/attention.hpp"

namespace afs::cuda {
namespace {

class Attention final : public Op {
public:
    explicit Attention(const afs_query& query)
        : params_(Node(query).params<afs_attention_params>()) {
        const auto limits = read<afs_limits>(query.limits);
        exact_ = limits.deterministic != 0;
        decode_ = limits.step_class == AFS_CLASS_DECODE && !exact_;
    }

    static void query(OpCheck& check, afs_verdict& out) {
        plugin::require_attention(check);
        const auto params = check.node().params<afs_attention_params>();
        const uint32_t head_dim = params.head_dim;
        check.require(head_dim <= kAttentionMaxHeadDim, "expected a head_dim of at most " +
                                                            std::to_string(kAttentionMaxHeadDim) +
                                                            ", found " + std::to_string(head_dim));
        answer(check, out);
        if (!out.supported) return;
        const auto& limits = check.limits();
        const int32_t dtype = check.node().in(0).dtype;
        const bool divides = limits.step_class == AFS_CLASS_DECODE && !limits.deterministic &&
                             params.n_heads / params.n_kv_heads <= kAttentionDecodeGroup;
        // A decode step divides a context between blocks as the batch leaves room for them; the
        // kernel of prompts rounds probabilities to the cache's dtype, but not under
        // "deterministic", where both classes run it.
        if (divides)
            out.flags &= ~uint32_t{AFS_BATCH_INVARIANT};
        else if (!limits.deterministic && dtype != AFS_F32 && (head_dim == 64 || head_dim == 128) &&
                 has_wgmma())
            out.internal_dtype = dtype;
    }

    Status run(const afs_run& run) override {
        const afs_tensor &q = run.inputs[0], &out = *run.output;
        const auto step = read<afs_step>(run.step);
        const int64_t width = int64_t{params_.n_heads} * params_.head_dim;
        AFS_TRY(check_rows("q", q, step.n_tokens, width));
        AFS_TRY(check_rows("output", out, step.n_tokens, width));
        if (step.n_tokens == 0) return {};
        const AttentionArgs args = {
            params_,   read<afs_kv_layout>(run.kv->layout),  step, q, out, run.kv->k,
            run.kv->v, static_cast<cudaStream_t>(run.stream)};
        if (decode_ && attention_decode_fits(args)) return attention_decode(args, nullptr, false);
        return attention_prefill_fits(args) ? attention_prefill(args, exact_) : attention_any(args);
    }

private:
    afs_attention_params params_;
    bool exact_, decode_;
};

}  // namespace

constexpr OpEntry kAttention = entry<Attention>("attention/1");

}  // namespace afs::cuda
