// Every op on the input families that break kernels, at awkward sizes, against the judge.
#include "conformance/judge/judge_case.hpp"
#include "fixture.hpp"

using namespace afs;
using namespace afs::test;
using namespace afs::conformance;

namespace {

void check(const OpCase& c, const std::string& name) {
    const Outcome o = good(c);
    const auto v = judge(c, o);
    INFO(c.op << " " << name << " " << dtype_name(c.output.dtype) << ": " << v.text());
    CHECK(v.ok());
}

}  // namespace

TEST_CASE("families: linear, rms_norm, swiglu, add and rope stay within their bounds") {
    for (const int32_t t : {AFS_F32, AFS_BF16, AFS_F16, AFS_F64})
        for (const auto& [name, draw] : families(t, 9))
            for (const int64_t d : {int64_t{1}, int64_t{17}, int64_t{64}, int64_t{331}}) {
                const int64_t n = 5, m = 7;
                CAPTURE(d);
                const Array x = Array::filled(t, {n, d}, draw), y = Array::filled(t, {n, d}, draw);
                const std::string family(name);
                OpCase linear("linear/1"), add("add/1"), swiglu("swiglu/1");
                linear.act(x).weight(random_array(AFS_BF16, {m, d}, 4, 0.1)).result(t, {n, m});
                add.act(x).act(y).result(t, {n, d});
                swiglu.act(x).act(y).result(t, {n, d});
                const bool overflows = family == "largest";
                if (!overflows) check(linear, family);  // intermediate sums may overflow in fp32
                check(add, family);
                if (!overflows) check(swiglu, family);
                for (const bool before : {false, true}) {
                    auto p = make<afs_rms_norm_params>();
                    p.eps = 1e-6f, p.weight_before_cast = before;
                    OpCase norm("rms_norm/1");
                    norm.act(x).weight(random_array(t, {d}, 5)).with(p).result(t, {n, d});
                    if (!overflows) check(norm, family);
                    if (d % 2) continue;
                    auto r = make<afs_rope_params>();
                    r.head_dim = 32, r.theta = 500000, r.table_in_act_dtype = before;
                    OpCase rope("rope/1");
                    rope.act(x).with(r).on(StepData::plain(5)).result(t, {n, d});
                    rope.step.positions = {0, 31, 4095, 8190, 131071};
                    if (!overflows) check(rope, family);
                }
            }
}

TEST_CASE("families: attention, with grouped heads and a cache of any strides") {
    for (const int32_t t : {AFS_F32, AFS_BF16, AFS_F16, AFS_F64})
        for (const auto& [name, draw] : families(t, 10))
            for (const uint32_t kv_heads : {1u, 2u, 3u, 6u}) {
                const std::string family(name);
                if (family == "largest" || family == "infinite") continue;  // inf - inf
                const uint32_t hd = 24, block_size = 3, n_blocks = 40;
                BlockPool pool(block_size, n_blocks);
                const StepData step = ragged({{30, 2}, {0, 5}, {7, 1}}, pool, 2);
                Cache cache(t, n_blocks, block_size, kv_heads, hd);
                if (kv_heads % 2) {  // [block][slot][dim][kv_head]
                    const int64_t strides[] = {cache.layout.block_elems, 1, int64_t{hd} * kv_heads,
                                               kv_heads};
                    std::copy(strides, strides + 4, cache.layout.k_stride);
                }
                for (size_t i = 0; i < cache.k.size(); ++i)
                    cache.k.set(i, draw(i)), cache.v.set(i, draw(i + 3));
                OpCase c("attention/1");
                c.act(Array::filled(t, {step.n_tokens(), 6 * hd}, draw)).cache(cache).on(step);
                c.with(attention_params(6, kv_heads, hd)).result(t, {step.n_tokens(), 6 * hd});
                check(c, family + " kv heads " + std::to_string(kv_heads));
            }
}

TEST_CASE("kv_append: any strides, any dtype of the cache, padding not stored") {
    for (const int32_t t : {AFS_F32, AFS_BF16, AFS_F64})
        for (const int32_t stored : {AFS_F32, AFS_BF16, AFS_F16, AFS_F64}) {
            BlockPool pool(4, 20);
            Cache cache(stored, 20, 4, 3, 5);
            const int64_t strides[] = {60, 5, 15, 1};  // [block][slot][kv_head][dim]
            std::copy(strides, strides + 4, cache.layout.v_stride);
            for (size_t i = 0; i < cache.k.size(); ++i) cache.k.set(i, -9), cache.v.set(i, -9);
            OpCase c("kv_append/1");
            c.on(ragged({{3, 4}, {0, 1}}, pool, 3)).cache(cache);
            c.act(random_array(t, {8, 15}, 1)).act(random_array(t, {8, 15}, 2));
            const Cache want = appended(c);
            const Outcome o = good(c);
            CHECK(o.kv->k.same_bits(want.k));
            CHECK(o.kv->v.same_bits(want.v));
        }
}
