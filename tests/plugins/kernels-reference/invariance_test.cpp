// Bits that must not depend on chunking, neighbours, block size, padding or forks.
#include "fixture.hpp"

using namespace afs;
using namespace afs::test;

namespace {

constexpr uint32_t kHeads = 6, kKvHeads = 2, kHeadDim = 20;  // 20: no multiple of the lanes

// A stored sequence of q, k, v rows, the same whoever asks.
Array rows_of(int32_t dtype, uint32_t sequence, uint32_t kind, int32_t first, int32_t n,
              int64_t width) {
    Array all(dtype, {n, width});
    for (int32_t t = 0; t < n; ++t) {
        const Array row = random_array(
            dtype, {width}, sequence * 7919u + kind * 104729u + static_cast<uint32_t>(first + t));
        for (int64_t d = 0; d < width; ++d)
            all.set(static_cast<size_t>(t * width + d), row[static_cast<size_t>(d)]);
    }
    return all;
}

Array joined(const std::vector<Array>& parts, int64_t n_padding, double padding) {
    int64_t n = n_padding;
    for (const Array& p : parts) n += p.dims[0];
    Array all =
        Array::filled(parts[0].dtype, {n, parts[0].dims[1]}, [padding](size_t) { return padding; });
    size_t at = 0;
    for (const Array& p : parts)
        for (size_t i = 0; i < p.size(); ++i) all.set(at++, p[i]);
    return all;
}

struct Part {
    uint32_t sequence;
    Sequence tokens;
};

// kv_append then attention for one step; the cache goes on to the next.
std::vector<std::vector<uint64_t>> step(int32_t dtype, Cache& cache, BlockPool& pool,
                                        const std::vector<Part>& parts, uint32_t n_padding) {
    std::vector<Sequence> sequences;
    std::vector<Array> q, k, v;
    for (const Part& p : parts) {
        sequences.push_back(p.tokens);
        q.push_back(rows_of(dtype, p.sequence, 1, p.tokens.past, p.tokens.now, kHeads * kHeadDim));
        k.push_back(
            rows_of(dtype, p.sequence, 2, p.tokens.past, p.tokens.now, kKvHeads * kHeadDim));
        v.push_back(
            rows_of(dtype, p.sequence, 3, p.tokens.past, p.tokens.now, kKvHeads * kHeadDim));
    }
    const StepData data = ragged(sequences, pool, n_padding);
    OpCase append("kv_append/1");
    append.act(joined(k, n_padding, NAN)).act(joined(v, n_padding, NAN)).cache(cache).on(data);
    cache = *good(append).kv;
    OpCase attend("attention/1");
    attend.act(joined(q, n_padding, NAN)).cache(cache).on(data);
    attend.with(attention_params(kHeads, kKvHeads, kHeadDim));
    attend.result(dtype, {data.n_tokens(), kHeads * kHeadDim});
    for (size_t i = 0; i < attend.output.size(); ++i) attend.output.set(i, -7);
    const Outcome o = good(attend);
    std::vector<std::vector<uint64_t>> bits(parts.size());
    size_t at = 0;
    for (size_t p = 0; p < parts.size(); ++p)
        for (int64_t i = 0; i < q[p].dims[0] * q[p].dims[1]; ++i) {
            REQUIRE(std::isfinite(o.output[at]));
            bits[p].push_back(o.output.bits(at++));
        }
    for (; at < o.output.size(); ++at) REQUIRE(o.output[at] == -7);  // padding left alone
    return bits;
}

// What each token of a sequence gets when it is alone, in one shot, with blocks of 16.
std::vector<uint64_t> alone(int32_t dtype, uint32_t sequence, int32_t n) {
    Cache cache(dtype, 64, 16, kKvHeads, kHeadDim);
    BlockPool pool(16, 64);
    return step(dtype, cache, pool, {{sequence, {0, n}}}, 0)[0];
}

void poison(Cache& cache) {
    for (size_t i = 0; i < cache.k.size(); ++i) cache.k.set(i, NAN), cache.v.set(i, NAN);
}

}  // namespace

TEST_CASE("attention: chunks, neighbours, block sizes and padding change no bit") {
    for (const int32_t dtype : {AFS_F32, AFS_BF16, AFS_F16, AFS_F64})
        for (const uint32_t block_size : {1u, 3u, 16u, 64u}) {
            CAPTURE(dtype_name(dtype), block_size);
            const auto one = alone(dtype, 1, 37), two = alone(dtype, 2, 9);
            Cache cache(dtype, 200, block_size, kKvHeads, kHeadDim);
            poison(cache);  // whatever is read without having been written shows
            BlockPool pool(block_size, 200, block_size);
            const size_t width = kHeads * kHeadDim;
            const int32_t cuts[][2] = {{5, 1}, {1, 1}, {17, 6}, {14, 1}};
            std::vector<uint64_t> got_one, got_two;
            int32_t past_one = 0, past_two = 0;
            for (const auto& cut : cuts) {
                const auto bits =
                    step(dtype, cache, pool, {{1, {past_one, cut[0]}}, {2, {past_two, cut[1]}}}, 3);
                got_one.insert(got_one.end(), bits[0].begin(), bits[0].end());
                got_two.insert(got_two.end(), bits[1].begin(), bits[1].end());
                past_one += cut[0], past_two += cut[1];
            }
            REQUIRE(got_one.size() == 37 * width);
            CHECK(got_one == one);
            CHECK(got_two == two);
        }
}

TEST_CASE("attention: a fork that shares blocks equals a fresh sequence") {
    const uint32_t block_size = 4;
    Cache cache(AFS_BF16, 64, block_size, kKvHeads, kHeadDim);
    BlockPool pool(block_size, 64);
    step(AFS_BF16, cache, pool, {{1, {0, 8}}}, 0);  // two full blocks
    pool.owned.push_back(pool.owned[0]);            // the fork owns the same ones
    const auto bits = step(AFS_BF16, cache, pool, {{1, {8, 3}}, {1, {8, 2}}}, 0);
    const auto fresh = alone(AFS_BF16, 1, 11);
    const auto tail = std::vector<uint64_t>(fresh.begin() + 8 * kHeads * kHeadDim, fresh.end());
    CHECK(bits[0] == tail);
    CHECK(bits[1] == std::vector<uint64_t>(tail.begin(), tail.begin() + 2 * kHeads * kHeadDim));
}

TEST_CASE("a row's bits do not depend on the rows beside it") {
    for (const int32_t dtype : {AFS_F32, AFS_BF16, AFS_F16, AFS_F64})
        for (const int64_t k : {1, 15, 16, 100, 257}) {
            CAPTURE(dtype_name(dtype), k);
            const int64_t n = 71, m = 13;  // more than two token blocks, an odd rest
            const Array x = random_array(dtype, {n, k}, 5), w = random_array(AFS_BF16, {m, k}, 6);
            auto norm = make<afs_rms_norm_params>();
            norm.eps = 1e-6f;
            const Array scale = random_array(AFS_F32, {k}, 7);
            OpCase linear("linear/1"), rms("rms_norm/1");
            linear.act(x).weight(w).result(dtype, {n, m});
            rms.act(x).weight(scale).with(norm).result(dtype, {n, k});
            const Outcome all = good(linear), all_rms = good(rms);
            for (const int64_t i : {int64_t{0}, int64_t{1}, int64_t{31}, int64_t{32}, n - 1}) {
                const Array row = Array::filled(
                    dtype, {1, k}, [&](size_t j) { return x[static_cast<size_t>(i * k) + j]; });
                OpCase one("linear/1"), one_rms("rms_norm/1");
                one.act(row).weight(w).result(dtype, {1, m});
                one_rms.act(row).weight(scale).with(norm).result(dtype, {1, k});
                const Outcome o = good(one), r = good(one_rms);
                for (size_t j = 0; j < static_cast<size_t>(m); ++j)
                    REQUIRE(o.output.bits(j) == all.output.bits(static_cast<size_t>(i * m) + j));
                for (size_t j = 0; j < static_cast<size_t>(k); ++j)
                    REQUIRE(r.output.bits(j) ==
                            all_rms.output.bits(static_cast<size_t>(i * k) + j));
            }
        }
}
