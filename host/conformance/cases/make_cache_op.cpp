// Ops on the paged cache. What no sequence may read is NaN, or with cache=stale what a sequence
// that has ended could have left there.
#include <algorithm>
#include <cmath>

#include "conformance/cases/families.hpp"
#include "conformance/cases/make_case.hpp"

namespace afs::conformance {
namespace {

struct Sizes {
    int64_t heads, kv_heads, head_dim, block_size, n_padding;
    std::vector<Sequence> sequences;
    uint32_t n_blocks = 1;
};

Result<Sizes> sizes_of(const CaseSpec& spec) {
    Sizes s{};
    AFS_ASSIGN(s.kv_heads, ranged(spec, "kv", 1, 512, 1));
    AFS_ASSIGN(s.heads, ranged(spec, "h", 1, 1024, s.kv_heads));
    AFS_ASSIGN(s.head_dim, ranged(spec, "hd", 1, 1024, 8));
    AFS_ASSIGN(s.block_size, ranged(spec, "bs", 1, 4096, 16));
    AFS_ASSIGN(s.n_padding, ranged(spec, "pad", 0, 64, 0));
    AFS_ASSIGN(const auto pairs, parse_sequences(spec.text("seqs")));
    int64_t blocks = 3, tokens = s.n_padding;  // scratch, and two that nobody owns
    for (const auto& [past, now] : pairs) {
        s.sequences.push_back({past, now});
        blocks += (int64_t{past} + now + s.block_size - 1) / s.block_size;
        tokens += now;
    }
    if (s.heads % s.kv_heads)
        return invalid("h=" + std::to_string(s.heads) +
                       ": expected a multiple of kv=" + std::to_string(s.kv_heads));
    const int64_t elements = blocks * s.block_size * s.kv_heads * s.head_dim;
    if (tokens == 0 || elements > kMostElements || tokens * s.heads * s.head_dim > kMostElements)
        return invalid(spec.op + " of " + spec.shape() +
                       ": no token, or larger than a case may be");
    s.n_blocks = static_cast<uint32_t>(blocks);
    return s;
}

// [block][slot][dim][kv_head] and [block][slot][kv_head][dim].
void other_strides(Cache& cache) {
    const int64_t heads = cache.layout.n_kv_heads, hd = cache.layout.head_dim;
    const int64_t k[] = {cache.layout.block_elems, 1, hd * heads, heads};
    const int64_t v[] = {cache.layout.block_elems, hd, hd * heads, 1};
    std::copy(k, k + 4, cache.layout.k_stride);
    std::copy(v, v + 4, cache.layout.v_stride);
}

Cache cache_of(const CaseSpec& spec, const Sizes& s) {
    Cache cache(spec.stored, s.n_blocks, static_cast<uint32_t>(s.block_size),
                static_cast<uint32_t>(s.kv_heads), static_cast<uint32_t>(s.head_dim));
    if (spec.number("strided")) other_strides(cache);
    return cache;
}

// Keys, values and queries of one family. needle: each sequence has one key that its queries find,
// at its end, its beginning, or an edge of a block; all else is orthogonal.
struct Drawn {
    std::function<double(size_t)> q, k, v;
};

class NeedleKeys {
public:
    NeedleKeys(const CaseSpec& spec, const Sizes& s) : spec_(spec), s_(s) {}
    int32_t position(size_t sequence) const {
        const int32_t end = s_.sequences[sequence].past + s_.sequences[sequence].now;
        const auto bs = static_cast<int32_t>(s_.block_size);
        const int32_t choices[] = {end - 1, 0, (end - 1) / bs * bs,
                                   std::max(0, (end - 1) / bs * bs - 1), end / 2};
        return choices[(sequence + hash(spec_.data_seed(), 5)) % 5];
    }
    // 20 above the other scores, which are 0.
    double value() const { return 20 / std::sqrt(static_cast<double>(s_.head_dim)); }

private:
    const CaseSpec& spec_;
    const Sizes& s_;
};

void fill(const CaseSpec& spec, const Sizes& s, BlockPool& pool, Cache& cache) {
    const uint64_t seed = spec.data_seed();
    const auto hd = static_cast<size_t>(s.head_dim);
    const bool needle = spec.family == "needle", stale = spec.text("cache") == "stale";
    const Family k = family(spec.family, spec.stored, seed + 1, hd),
                 v = family(needle ? "normal" : spec.family, spec.stored, seed + 2, hd);
    for (size_t i = 0; i < cache.k.size(); ++i) {  // what nobody owns
        cache.k.set(i, stale ? 0.5 * normal(seed + 3, i) : NAN);
        cache.v.set(i, stale ? 2 * normal(seed + 4, i) : NAN);
    }
    const NeedleKeys needles(spec, s);
    for (size_t seq = 0; seq < s.sequences.size(); ++seq) {
        const int32_t end = s.sequences[seq].past + s.sequences[seq].now;
        const int32_t found = needle ? needles.position(seq) : -1;
        for (int32_t p = 0; p < end; ++p) {
            const int32_t slot = pool.slot(seq, p);
            for (int64_t h = 0; h < s.kv_heads; ++h)
                for (int64_t d = 0; d < s.head_dim; ++d) {
                    const size_t at = cache.index(cache.layout.k_stride, slot, h, d);
                    const size_t number = static_cast<size_t>(
                        (static_cast<int64_t>(slot) * s.kv_heads + h) * s.head_dim + d);
                    cache.k.set(at, !needle ? k.draw(number) : p == found ? needles.value() : 0.0);
                    cache.v.set(cache.index(cache.layout.v_stride, slot, h, d), v.draw(number));
                }
        }
    }
}

Result<OpCase> attention(const CaseSpec& spec, const Sizes& s) {
    BlockPool pool(static_cast<uint32_t>(s.block_size), s.n_blocks,
                   static_cast<uint32_t>(spec.data_seed()));
    OpCase c("attention/1");
    c.on(ragged(s.sequences, pool, static_cast<uint32_t>(s.n_padding)));
    Cache cache = cache_of(spec, s);
    fill(spec, s, pool, cache);
    auto p = make<afs_attention_params>();
    p.n_heads = static_cast<uint32_t>(s.heads), p.n_kv_heads = static_cast<uint32_t>(s.kv_heads);
    p.head_dim = static_cast<uint32_t>(s.head_dim);
    p.scale =
        static_cast<float>(spec.real("scale", 1.0 / std::sqrt(static_cast<double>(s.head_dim))));
    const int64_t width = s.heads * s.head_dim, n = c.step.n_tokens();
    const Family q =
        family(spec.family, spec.act, spec.data_seed(), static_cast<size_t>(s.head_dim));
    const size_t real = static_cast<size_t>(c.step.cu_seqlens.back() * width);
    c.act(Array::filled(spec.act, {n, width}, [&](size_t i) {
        return i >= real ? NAN : spec.family == "needle" ? 1.0 : q.draw(i);
    }));
    c.cache(std::move(cache)).with(p).result(spec.act, {n, width});
    return c;
}

Result<OpCase> kv_append(const CaseSpec& spec, const Sizes& s) {
    BlockPool pool(static_cast<uint32_t>(s.block_size), s.n_blocks,
                   static_cast<uint32_t>(spec.data_seed()));
    Cache cache = cache_of(spec, s);
    for (size_t i = 0; i < cache.k.size(); ++i) cache.k.set(i, -9), cache.v.set(i, -9);
    OpCase c("kv_append/1");
    c.on(ragged(s.sequences, pool, static_cast<uint32_t>(s.n_padding))).cache(std::move(cache));
    const int64_t width = s.kv_heads * s.head_dim, n = c.step.n_tokens();
    for (const uint64_t side : {uint64_t{1}, uint64_t{2}})
        c.act(Array::filled(
            spec.act, {n, width},
            family(spec.family, spec.act, spec.data_seed() + side, static_cast<size_t>(width))
                .draw));
    return c;
}

}  // namespace

Result<OpCase> make_cache_op(const CaseSpec& spec) {
    AFS_ASSIGN(const Sizes s, sizes_of(spec));
    return spec.op == "attention/1" ? attention(spec, s) : kv_append(spec, s);
}

}  // namespace afs::conformance
