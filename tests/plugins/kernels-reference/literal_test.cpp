// Each op against values worked out by hand.
#include "afs/sample.hpp"
#include "conformance/judge/judge_case.hpp"
#include "fixture.hpp"

using namespace afs;
using namespace afs::test;
using namespace afs::conformance;

namespace {

using Values = std::vector<double>;

afs_rope_params rope_params(uint32_t head_dim, double theta, bool table_in_act_dtype) {
    auto p = make<afs_rope_params>();
    p.head_dim = head_dim, p.theta = theta, p.table_in_act_dtype = table_in_act_dtype;
    return p;
}
afs_rms_norm_params norm_params(float eps, bool weight_before_cast) {
    auto p = make<afs_rms_norm_params>();
    p.eps = eps, p.weight_before_cast = weight_before_cast;
    return p;
}

}  // namespace

TEST_CASE("add, linear and embed by hand, in every dtype") {
    for (const int32_t t : {AFS_F32, AFS_BF16, AFS_F16, AFS_F64}) {
        CAPTURE(dtype_name(t));
        OpCase add("add/1");
        add.act(Array(t, {2, 2}, {1, 2, -3, 0.5})).act(Array(t, {2, 2}, {4, -2, 1, 0.25}));
        CHECK(good(add.result(t, {2, 2})).output.doubles() == Values{5, 0, -2, 0.75});

        for (const int32_t w : {AFS_F32, AFS_BF16, AFS_F16, AFS_F64}) {
            OpCase linear("linear/1");
            linear.act(Array(t, {1, 3}, {1, 2, 3})).weight(Array(w, {2, 3}, {1, 0, -1, 0.5, 2, 4}));
            CHECK(good(linear.result(t, {1, 2})).output.doubles() == Values{-2, 16.5});

            OpCase embed("embed/1");
            embed.weight(Array(w, {3, 2}, {1, 2, 3, 4, 5, 6})).on(StepData::plain(3));
            embed.step.token_ids = {2, 0, -2};  // the last: what row 1 sampled
            embed.step.prev_ids = {0, 1};
            CHECK(good(embed.result(t, {3, 2})).output.doubles() == Values{5, 6, 1, 2, 3, 4});
        }
    }
}

TEST_CASE("bf16: a sum is rounded once, to even") {
    OpCase add("add/1");  // neighbours at 256 are 2 apart
    add.act(Array(AFS_BF16, {1, 3}, {256, 256, 256})).act(Array(AFS_BF16, {1, 3}, {1, 3, 1.5}));
    CHECK(good(add.result(AFS_BF16, {1, 3})).output.doubles() == Values{256, 260, 258});
    OpCase linear("linear/1");  // 256 + 1 + 1: rounded in between it would stay 256
    linear.act(Array(AFS_BF16, {1, 3}, {256, 1, 1})).weight(Array(AFS_BF16, {1, 3}, {1, 1, 1}));
    CHECK(good(linear.result(AFS_BF16, {1, 1})).output.doubles() == Values{258});
}

TEST_CASE("rms_norm: eps inside the root, and where the weight is multiplied") {
    OpCase fp32("rms_norm/1");
    fp32.act(Array(AFS_F32, {1, 2}, {3, 4})).weight(Array(AFS_F32, {2}, {2, 0.5}));
    fp32.with(norm_params(3.5f, false)).result(AFS_F32, {1, 2});  // 12.5 + 3.5 = 16
    CHECK(good(fp32).output.doubles() == Values{1.5, 0.5});

    // x * r = 1.00390625 lies half way between two bf16: cast first it is 1, times 1.5 = 1.5;
    // multiplied first it is 1.505859375, which rounds to 1.5078125.
    for (const bool before : {false, true}) {
        OpCase bf16("rms_norm/1");
        bf16.act(Array(AFS_BF16, {1, 2}, {2.015625, 2.015625}));
        bf16.weight(Array(AFS_BF16, {2}, {1.5, 1.5}));
        const float x = 2.015625f, target = 1.00390625f;  // r = target / x
        const float eps = x * x / (target * target) - x * x;
        bf16.with(norm_params(eps, before)).result(AFS_BF16, {1, 2});
        CAPTURE(before, eps);
        CHECK(good(bf16).output[0] == Approx(before ? 1.5078125 : 1.5).epsilon(1e-9));
    }
}

TEST_CASE("swiglu: silu is rounded before it is multiplied") {
    OpCase zero("swiglu/1");
    zero.act(Array(AFS_F32, {1, 3}, {0, 100, -100})).act(Array(AFS_F32, {1, 3}, {5, 2, 3}));
    const Values y = good(zero.result(AFS_F32, {1, 3})).output.doubles();
    CHECK(y[0] == 0);
    CHECK(y[1] == 200);
    CHECK(std::abs(y[2]) < 1e-40);
    // silu(2) = 1.761594 -> 1.7578125; times 9 = 15.8203125 -> 15.8125; unrounded it would
    // give 15.875
    OpCase bf16("swiglu/1");
    bf16.act(Array(AFS_BF16, {1, 1}, {2})).act(Array(AFS_BF16, {1, 1}, {9}));
    CHECK(good(bf16.result(AFS_BF16, {1, 1})).output[0] == 15.8125);
}

TEST_CASE("rope: pairs are half a head apart, each head alike") {
    OpCase still("rope/1");  // position 0 changes nothing
    still.act(Array(AFS_F32, {1, 4}, {1, 2, 3, 4})).with(rope_params(4, 10000, false));
    CHECK(good(still.on(StepData::plain(1)).result(AFS_F32, {1, 4})).output.doubles() ==
          Values{1, 2, 3, 4});

    OpCase turned("rope/1");  // two heads of 4, position 1: angles 1 and theta^-0.5 = 0.01
    turned.act(Array(AFS_F64, {1, 8}, {1, 0, 0, 0, 0, 1, 0, 2})).with(rope_params(4, 1e4, false));
    turned.on(StepData::plain(1)).result(AFS_F64, {1, 8});
    turned.step.positions = {1};
    const Array y = good(turned).output;
    CHECK(y[0] == std::cos(1.0));
    CHECK(y[2] == std::sin(1.0));
    const double small = static_cast<double>(0.01f);
    CHECK(y[5] == Approx(std::cos(small) - 2 * std::sin(small)).epsilon(1e-14));
    CHECK(y[7] == Approx(2 * std::cos(small) + std::sin(small)).epsilon(1e-14));
    CHECK(y[4] == 0);
}

TEST_CASE("rope: llama3 scaling leaves short waves, divides long ones") {
    auto p = rope_params(128, 500000, false);
    p.scaling = AFS_ROPE_LLAMA3, p.factor = 32, p.low_freq_factor = 1, p.high_freq_factor = 4;
    p.original_max_position = 8192;
    Values ones(128, 0.0);
    for (size_t j = 0; j < 64; ++j) ones[j] = 1;  // y[64 + j] = sin(angle), y[j] = cos(angle)
    OpCase c("rope/1");
    c.act(Array(AFS_F64, {1, 128}, ones)).with(p).on(StepData::plain(1)).result(AFS_F64, {1, 128});
    c.step.positions = {1};
    const Array y = good(c).output;
    const auto inv = [](double j) { return std::pow(500000.0, -2 * j / 128); };
    CHECK(y[64] == Approx(std::sin(1.0)).epsilon(1e-6));
    CHECK(y[64 + 20] == Approx(std::sin(inv(20))).epsilon(1e-6));        // wave of 379
    CHECK(y[64 + 63] == Approx(std::sin(inv(63) / 32)).epsilon(1e-6));   // wave of 2.6 million
    const double smooth = (8192 * inv(32) / 6.283185307179586 - 1) / 3;  // wave of 4443: between
    CHECK(y[64 + 32] ==
          Approx(std::sin((1 - smooth) * inv(32) / 32 + smooth * inv(32))).epsilon(1e-6));
}

TEST_CASE("attention: one position gives its value, equal scores the mean, groups share a head") {
    for (const int32_t t : {AFS_F32, AFS_BF16, AFS_F16, AFS_F64}) {
        CAPTURE(dtype_name(t));
        BlockPool pool(2, 8);
        const StepData step = ragged({{0, 2}}, pool);
        OpCase append("kv_append/1");  // two kv heads of 2
        append.act(Array(t, {2, 4}, {0, 0, 8, 0, 0, 0, 0, 8}));
        append.act(Array(t, {2, 4}, {1, 2, 3, 4, 5, 6, 7, 8})).on(step);
        append.cache(Cache(t, 8, 2, 2, 2));
        const Outcome stored = good(append);
        CHECK(stored.kv->k.same_bits(appended(append).k));
        OpCase c("attention/1");  // four heads: 0, 1 read kv head 0, 2, 3 read kv head 1
        auto p = attention_params(4, 2, 2);
        p.scale = 32;
        c.act(Array(t, {2, 8}, {1, 1, 1, 1, 1, 1, 1, 1, 9, 9, -9, 0, 1, 0, 0, 1}));
        c.cache(*stored.kv).with(p).on(step).result(t, {2, 8});
        // token 0 sees itself only; token 1: equal scores in kv head 0, one-sided in kv head 1
        CHECK(good(c).output.doubles() == Values{1, 2, 1, 2, 3, 4, 3, 4, 3, 4, 3, 4, 3, 4, 7, 8});
    }
}

TEST_CASE("select_rows: rows may repeat and keep their bits") {
    OpCase c("select_rows/1");
    c.act(Array(AFS_BF16, {3, 2}, {1, 2, 3, NAN, 5, -0.0})).on(StepData::plain(3));
    c.step.logit_rows = {2, 1, 2};
    c.step.rows.resize(3);
    const Array y = good(c.result(AFS_BF16, {3, 2})).output;
    const Array& x = c.inputs[0];
    const size_t from[] = {4, 5, 2, 3, 4, 5};
    for (size_t i = 0; i < 6; ++i) CHECK(y.bits(i) == x.bits(from[i]));
}

TEST_CASE("sample: greedy takes the lowest of equals, padding columns and rows are left alone") {
    OpCase c("sample/1");
    c.act(Array(AFS_BF16, {3, 5}, {1, 7, 7, 0, 99, 9, 1, 1, 1, 1, NAN, -1, 3, 3, 50}));
    c.on(StepData::plain(1)).result(AFS_I32, {3});
    c.step.logit_rows = {0, 0, 0};
    afs_row greedy{};
    greedy.top_p = 1, greedy.n_vocab = 4, greedy.flags = AFS_ROW_SAMPLE;
    c.step.rows = {greedy, greedy, greedy};
    c.step.rows[1].flags = AFS_ROW_LOGITS;  // not asked for
    for (size_t i = 0; i < 3; ++i) c.output.set(i, -5);
    const Outcome o = good(c);
    CHECK(o.output.doubles() == Values{1, -5, 2});
    CHECK(o.host_ids == std::vector<int32_t>{1, -1, 2});
    c.with_host_ids = false;
    CHECK(good(c).output.doubles() == Values{1, -5, 2});
}

TEST_CASE("sample: a draw is the one that afs/sample.hpp defines") {
    const int64_t vocab = 1000, n = 24;
    OpCase c("sample/1");
    c.act(random_array(AFS_F32, {n, vocab}, 11, 3.0)).on(StepData::plain(1));
    c.result(AFS_I32, {n});
    for (int32_t i = 0; i < n; ++i) {
        afs_row row{};
        row.temperature = 0.5f + 0.1f * static_cast<float>(i % 9);
        row.top_k = i % 3 ? 0 : 40, row.top_p = i % 4 ? 1.0f : 0.9f, row.min_p = i % 5 ? 0 : 0.05f;
        row.flags = AFS_ROW_SAMPLE, row.n_vocab = static_cast<int32_t>(vocab) - i;
        row.seed = 77, row.counter = static_cast<uint32_t>(i);
        c.step.rows.push_back(row);
        c.step.logit_rows.push_back(0);
    }
    const Outcome o = good(c);
    for (uint32_t i = 0; i < n; ++i) CHECK(o.output[i] == drawn(c, i));
}
