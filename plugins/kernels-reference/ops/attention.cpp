// attention/1: causal attention of grouped query heads over the paged cache. For token t of
// sequence s at context position c, head h and its kv head g = h / (heads / kv_heads):
//   score[p] = scale * (q[t, h] . k[p, g]),  p = 0 .. c
//   out[t, h] = sum over p of exp(score[p] - max) * v[p, g], over the sum of the exponentials,
// rounded once. Position p lies in block block_table[s, p / block_size]. Positions are added in
// ascending order, so chunks, neighbours and block size do not change a bit. Padding tokens are
// left as they are.
#include "backend.hpp"
#include "cache.hpp"
#include "lanes.hpp"

namespace afs::reference {
namespace {

class Attention final : public Op {
public:
    explicit Attention(const afs_query& query)
        : params_(Node(query).params<afs_attention_params>()),
          max_context_(read<afs_limits>(query.limits).max_context) {}

    static void query(Check& check, const afs_query& query, afs_verdict& out);

    Status run(const afs_run& run) override {
        const afs_tensor &q = run.inputs[0], &out = *run.output;
        const afs_step step = read<afs_step>(run.step);
        const int64_t width = static_cast<int64_t>(params_.n_heads) * params_.head_dim;
        AFS_TRY(check_rows("q", q, step.n_tokens, width));
        AFS_TRY(check_rows("output", out, step.n_tokens, width));
        const auto layout = read<afs_kv_layout>(run.kv->layout);
        for (uint32_t s = 0; s < step.n_seqs; ++s) AFS_TRY(check_sequence(step, s, layout));
        return dispatch(out.dtype, [&](auto t) {
            using T = decltype(t);
            for (uint32_t s = 0; s < step.n_seqs; ++s)
                for (int32_t i = step.cu_seqlens[s]; i < step.cu_seqlens[s + 1]; ++i) {
                    const int32_t behind = step.cu_seqlens[s + 1] - i;  // itself counted
                    const Place place = {step.block_table + size_t{s} * step.max_blocks,
                                         step.context_lens[s] - behind + 1};
                    for (uint32_t g = 0; g < params_.n_kv_heads; ++g)
                        token(row<T>(q, i), row<T>(out, i), g, place, *run.kv, layout,
                              static_cast<Acc<T>*>(run.workspace));
                }
            return Status();
        });
    }

private:
    struct Place {
        const int32_t* blocks;
        int32_t n_context;  // positions that the token sees
    };

    // Refuses numbers that would read outside the cache's own arrays.
    Status check_sequence(const afs_step& step, uint32_t s, const afs_kv_layout& layout) const;

    // The heads that share kv head g, for one token.
    template <class T>
    void token(const T* q, T* out, uint32_t g, const Place& place, const afs_kv& kv,
               const afs_kv_layout& layout, Acc<T>* workspace) const {
        using A = Acc<T>;
        const size_t hd = params_.head_dim, pitch = padded(hd), n = size_t(place.n_context);
        const size_t group = params_.n_heads / params_.n_kv_heads, first = g * group * hd;
        A *wide = workspace, *queries = wide + pitch, *sums = queries + group * pitch,
          *scores = sums + group * pitch;  // scores[group][max_context]
        for (size_t h = 0; h < group; ++h)
            widen_row(queries + h * pitch, q + first + h * hd, dtype_of(T{}), hd);

        const auto load = [&](const void* side, const int64_t(&stride)[4], size_t p) {
            const int64_t block = place.blocks[p / layout.block_size];
            const int64_t at = cache_index(stride, block, g, int64_t(p % layout.block_size));
            widen_row(wide, element(side, layout.dtype, at), layout.dtype, hd, stride[3]);
        };
        for (size_t p = 0; p < n; ++p) {
            load(kv.k, layout.k_stride, p);
            for (size_t h = 0; h < group; ++h)
                scores[h * max_context_ + p] =
                    dot(queries + h * pitch, wide, pitch) * static_cast<A>(params_.scale);
        }
        for (size_t h = 0; h < group; ++h) softmax(scores + h * max_context_, n);
        std::fill(sums, sums + group * pitch, A{0});
        for (size_t p = 0; p < n; ++p) {
            load(kv.v, layout.v_stride, p);
            for (size_t h = 0; h < group; ++h)
                add_scaled(sums + h * pitch, scores[h * max_context_ + p], wide, hd);
        }
        for (size_t h = 0; h < group; ++h)
            for (size_t d = 0; d < hd; ++d)
                out[first + h * hd + d] = narrow<T>(sums[h * pitch + d]);
    }

    // scores -> exp(score - max) / sum; NaN anywhere gives NaN everywhere.
    template <class A>
    static void softmax(A* scores, size_t n) {
        A max = scores[0], sum = 0;
        for (size_t p = 1; p < n; ++p) max = std::max(max, scores[p]);
        for (size_t p = 0; p < n; ++p) sum += scores[p] = std::exp(scores[p] - max);
        for (size_t p = 0; p < n; ++p) scores[p] /= sum;
    }

    afs_attention_params params_;
    size_t max_context_;
};

Status Attention::check_sequence(const afs_step& step, uint32_t s,
                                 const afs_kv_layout& layout) const {
    const int64_t first = step.cu_seqlens[s], end = step.cu_seqlens[s + 1];
    const int64_t context = step.context_lens[s];
    if (first < 0 || end < first || end > static_cast<int64_t>(step.n_tokens))
        return invalid("attention: sequence " + std::to_string(s) + " has tokens " +
                       std::to_string(first) + " to " + std::to_string(end) + " of " +
                       std::to_string(step.n_tokens));
    const auto room = std::min<int64_t>(static_cast<int64_t>(max_context_),
                                        int64_t{step.max_blocks} * layout.block_size);
    if (end > first && (context < end - first || context > room))
        return invalid("attention: sequence " + std::to_string(s) + " has a context of " +
                       std::to_string(context) + ", expected " + std::to_string(end - first) +
                       " to " + std::to_string(room));
    return {};
}

void Attention::query(Check& check, const afs_query& query, afs_verdict& out) {
    const afs_value result = check.node().out();
    const auto p = check.node().params<afs_attention_params>();
    plugin::require_attention(check);
    const size_t group = p.n_kv_heads ? p.n_heads / p.n_kv_heads : 0, pitch = padded(p.head_dim);
    const size_t elements =
        (1 + 2 * group) * pitch + group * read<afs_limits>(query.limits).max_context;
    check.answer(out, result.dtype, elements * dtype_size(acc_dtype(result.dtype)));
}

}  // namespace

constexpr OpEntry kAttention = entry<Attention>("attention/1");

}  // namespace afs::reference
