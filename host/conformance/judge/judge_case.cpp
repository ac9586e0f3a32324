#include "conformance/judge/judge_case.hpp"

#include "afs/sample.hpp"

namespace afs::conformance {
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

// One sequence's keys and values, [context, kv_heads * head_dim], gathered through its block table.
struct Gathered {
    std::vector<double> k, v;
};

Gathered gather(const OpCase& c, uint32_t s, size_t context) {
    const Cache& cache = *c.kv;
    const size_t width = size_t{cache.layout.n_kv_heads} * cache.layout.head_dim;
    const auto block_size = cache.layout.block_size;
    Gathered g{std::vector<double>(context * width), std::vector<double>(context * width)};
    for (size_t t = 0; t < context; ++t)
        for (size_t e = 0; e < width; ++e) {
            const int32_t block =
                c.step.block_table[size_t{s} * c.step.max_blocks + t / block_size];
            const int32_t slot =
                block * static_cast<int32_t>(block_size) + static_cast<int32_t>(t % block_size);
            const auto head = static_cast<int64_t>(e / cache.layout.head_dim),
                       dim = static_cast<int64_t>(e % cache.layout.head_dim);
            g.k[t * width + e] = cache.k[cache.index(cache.layout.k_stride, slot, head, dim)];
            g.v[t * width + e] = cache.v[cache.index(cache.layout.v_stride, slot, head, dim)];
        }
    return g;
}

// Those positions of a query's context that `sees` lets through, in order.
Gathered seen_only(const Gathered& all, size_t context, size_t width, const Sees& sees,
                   size_t& n_seen) {
    Gathered some;
    n_seen = 0;
    for (size_t t = 0; t < all.k.size() / width; ++t) {
        if (!sees(t, context)) continue;
        const auto at = static_cast<std::ptrdiff_t>(t * width),
                   end = at + static_cast<std::ptrdiff_t>(width);
        some.k.insert(some.k.end(), all.k.begin() + at, all.k.begin() + end);
        some.v.insert(some.v.end(), all.v.begin() + at, all.v.begin() + end);
        ++n_seen;
    }
    return some;
}

int32_t wider(int32_t a, int32_t b) {
    return bound::unit_roundoff(a) <= bound::unit_roundoff(b) ? a : b;
}

}  // namespace

Judged judge_attention_case(const OpCase& c, const Arithmetic& how, const Sees& sees) {
    const auto& p = *static_cast<const afs_attention_params*>(c.params.get());
    const size_t width = size_t{p.n_heads} * p.head_dim,
                 kv_width = size_t{p.n_kv_heads} * p.head_dim;
    const std::vector<double> q = c.inputs[0].doubles();
    Judged all;
    for (uint32_t s = 0; s < c.step.n_seqs(); ++s) {
        const int32_t first = c.step.cu_seqlens[s], end = c.step.cu_seqlens[s + 1];
        const auto context = static_cast<size_t>(end > first ? c.step.context_lens[s] : 0);
        const Gathered every = gather(c, s, context);
        for (int32_t i = first; i < end; ++i) {
            const size_t own = context - static_cast<size_t>(end - 1 - i);
            const double* row = &q[static_cast<size_t>(i) * width];
            if (!sees) {
                append(all, judge_attention(row, every.k.data(), every.v.data(), own, p, how));
                continue;
            }
            size_t n_seen = 0;
            const Gathered some = seen_only(every, own, kv_width, sees, n_seen);
            append(all, judge_attention(row, some.k.data(), some.v.data(), n_seen, p, how));
        }
    }
    return all;
}

Judged judge_case(const OpCase& c, const Arithmetic& how) {
    const auto params = [&](auto p) { return *static_cast<const decltype(p)*>(c.params.get()); };
    if (c.op == "attention/1") return judge_attention_case(c, how);
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

}  // namespace afs::conformance
