#include "support/judge_case.hpp"

#include "afs/sample.hpp"

namespace afs::test {
namespace {

using bound::Arithmetic;
using bound::Judged;

Judged exact(const OpCase& c, const std::vector<double>& want) {
    Judged j;
    j.rows = static_cast<size_t>(c.output.dims[0]);
    j.cols = static_cast<size_t>(c.output.dims[1]);
    j.out_dtype = c.output.dtype;
    j.want = want;
    j.bound.assign(want.size(), 0);
    j.spread = j.shared = j.bound;
    return j;
}

// Row i of the result is row source(i) of x, rounded to the output's dtype.
template <class Source>
Judged gathered(const OpCase& c, Source&& source) {
    const Array& from = c.inputs[0];
    const auto width = static_cast<size_t>(c.output.dims[1]);
    Array want(c.output.dtype, c.output.dims);
    for (size_t i = 0; i < want.size(); ++i)
        want.set(i, from[static_cast<size_t>(source(i / width)) * width + i % width]);
    return exact(c, want.doubles());
}

Judged attention(const OpCase& c, const Arithmetic& how) {
    const auto& p = *static_cast<const afs_attention_params*>(c.params.get());
    const Cache& cache = *c.kv;
    const size_t width = size_t{p.n_heads} * p.head_dim,
                 kv_width = size_t{p.n_kv_heads} * p.head_dim;
    const std::vector<double> q = c.inputs[0].doubles();
    Judged all;
    for (uint32_t s = 0; s < c.step.n_seqs(); ++s) {
        const int32_t first = c.step.cu_seqlens[s], end = c.step.cu_seqlens[s + 1];
        const auto context = static_cast<size_t>(end > first ? c.step.context_lens[s] : 0);
        std::vector<double> k(context * kv_width), v(context * kv_width);
        const auto block_size = cache.layout.block_size;
        for (size_t t = 0; t < context; ++t)
            for (size_t e = 0; e < kv_width; ++e) {
                const int32_t block = c.step.block_table[s * c.step.max_blocks + t / block_size];
                const int32_t slot =
                    block * static_cast<int32_t>(block_size) + static_cast<int32_t>(t % block_size);
                const auto head = static_cast<int64_t>(e / p.head_dim),
                           dim = static_cast<int64_t>(e % p.head_dim);
                k[t * kv_width + e] = cache.k[cache.index(cache.layout.k_stride, slot, head, dim)];
                v[t * kv_width + e] = cache.v[cache.index(cache.layout.v_stride, slot, head, dim)];
            }
        for (int32_t i = first; i < end; ++i)
            append(all, judge_attention(&q[static_cast<size_t>(i) * width], k.data(), v.data(),
                                        context - static_cast<size_t>(end - 1 - i), p, how));
    }
    return all;
}

int32_t wider(int32_t a, int32_t b) {
    return bound::unit_roundoff(a) <= bound::unit_roundoff(b) ? a : b;
}

}  // namespace

Judged judge_case(const OpCase& c, const Arithmetic& how) {
    const auto params = [&](auto p) { return *static_cast<const decltype(p)*>(c.params.get()); };
    if (c.op == "attention/1") return attention(c, how);
    if (c.op == "embed/1")
        return gathered(c, [&](size_t i) {
            const int32_t id = c.step.token_ids[i];
            return id < 0 ? c.step.prev_ids[static_cast<size_t>(-1 - id)] : id;
        });
    if (c.op == "select_rows/1") return gathered(c, [&](size_t i) { return c.step.logit_rows[i]; });

    const auto n = static_cast<size_t>(c.inputs[0].dims[0]);
    const auto width = static_cast<size_t>(c.inputs[0].dims[1]);
    const std::vector<double> a = c.inputs[0].doubles();
    if (c.op == "rope/1")
        return judge_rope(a.data(), c.step.positions.data(), n, width, params(afs_rope_params{}),
                          how);
    const std::vector<double> b = c.inputs[1].doubles();
    if (c.op == "linear/1")
        return judge_linear(a.data(), b.data(), n, static_cast<size_t>(c.inputs[1].dims[0]), width,
                            wider(c.inputs[0].dtype, c.inputs[1].dtype), how);
    if (c.op == "rms_norm/1")
        return judge_rms_norm(a.data(), b.data(), n, width, params(afs_rms_norm_params{}), how);
    if (c.op == "swiglu/1") return judge_swiglu(a.data(), b.data(), n, width, how);
    return judge_add(a.data(), b.data(), n, width, how);
}

Cache appended(const OpCase& c) {
    Cache want = *c.kv;
    const int64_t hd = want.layout.head_dim, width = want.layout.n_kv_heads * hd;
    for (int32_t i = 0; i < c.step.cu_seqlens.back(); ++i)
        for (int64_t e = 0; e < width; ++e) {
            const int32_t slot = c.step.slots[static_cast<size_t>(i)];
            const auto from = static_cast<size_t>(i * width + e);
            want.k.set(want.index(want.layout.k_stride, slot, e / hd, e % hd), c.inputs[0][from]);
            want.v.set(want.index(want.layout.v_stride, slot, e / hd, e % hd), c.inputs[1][from]);
        }
    return want;
}

int32_t drawn(const OpCase& c, uint32_t row) {
    const auto width = static_cast<size_t>(c.inputs[0].dims[1]);
    std::vector<float> logits(width);
    for (size_t i = 0; i < width; ++i) logits[i] = static_cast<float>(c.inputs[0][row * width + i]);
    SampleScratch scratch;
    return sample_row(logits.data(), c.step.rows[row], scratch);
}

}  // namespace afs::test
