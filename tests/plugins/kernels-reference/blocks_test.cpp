// linear/1 and embed/1 on weights in every block format: within the judge's bounds, and the bits of
// the same op on the decoded weights.
#include "conformance/cases/random_blocks.hpp"
#include "conformance/judge/judge_case.hpp"
#include "fixture.hpp"

using namespace afs;
using namespace afs::test;
using namespace afs::conformance;

namespace {

// [rows, cols] in a block format, and the same values in fp32.
std::pair<Array, Array> weights(int32_t dtype, int64_t rows, int64_t cols, uint32_t seed) {
    const auto blocks = random_blocks(dtype, static_cast<size_t>(rows * cols), 0.05, seed);
    const Array stored = Array::of_blocks(dtype, {rows, cols}, blocks);
    return {stored, Array(AFS_F32, {rows, cols}, stored.doubles())};
}

void check_same(OpCase stored, OpCase plain, const std::string& what) {
    const Outcome o = good(stored);
    const auto v = judge(stored, o);
    INFO(what << ": " << v.text());
    CHECK(v.ok());
    CHECK(o.output.same_bits(good(plain).output));
}

}  // namespace

TEST_CASE("linear on every block format") {
    for (const BlockFormat& format : kBlockFormats)
        for (const int32_t act : {AFS_F32, AFS_BF16, AFS_F16, AFS_F64})
            for (const int64_t n : {1, 3, 37})
                for (const int64_t n_blocks : {1, 2, 5}) {
                    const int64_t k = n_blocks * format.elements, m = 11;
                    const auto [stored, plain] = weights(format.dtype, m, k, 7);
                    const Array x = random_array(act, {n, k}, 3);
                    OpCase a("linear/1"), b("linear/1");
                    a.act(x).weight(stored).result(act, {n, m});
                    b.act(x).weight(plain).result(act, {n, m});
                    check_same(a, b,
                               std::string(format.name) + " x " + dtype_name(act) + " " +
                                   std::to_string(n) + "x" + std::to_string(k));
                }
}

TEST_CASE("embed on every block format") {
    for (const BlockFormat& format : kBlockFormats)
        for (const int32_t act : {AFS_F32, AFS_BF16, AFS_F16, AFS_F64}) {
            const int64_t d = 2 * format.elements, vocab = 9;
            const auto [stored, plain] = weights(format.dtype, vocab, d, 8);
            StepData step = StepData::plain(4);
            step.token_ids = {8, 0, 3, 3};
            OpCase a("embed/1"), b("embed/1");
            a.weight(stored).on(step).result(act, {4, d});
            b.weight(plain).on(step).result(act, {4, d});
            check_same(a, b, std::string(format.name) + " to " + dtype_name(act));
        }
}

TEST_CASE("blocks: what is said no to, and why") {
    const auto refusal = [](const OpCase& c) {
        const Outcome o = run(reference(), c);
        return o.status.message();
    };
    const auto norm_weight = Array::of_blocks(AFS_Q8_0, {32}, random_blocks(AFS_Q8_0, 32, 0.1, 1));
    OpCase norm("rms_norm/1");
    auto p = make<afs_rms_norm_params>();
    p.eps = 1e-6f;
    norm.act(random_array(AFS_F32, {2, 32}, 1)).weight(norm_weight).with(p);
    norm.result(AFS_F32, {2, 32});
    CHECK_THAT(refusal(norm), Catch::Contains("expected fp32, bf16, fp16 or fp64, found q8_0"));
    OpCase add("add/1");
    const auto blocks = Array::of_blocks(AFS_Q8_0, {2, 32}, random_blocks(AFS_Q8_0, 64, 0.1, 1));
    add.act(blocks).act(blocks).result(AFS_F32, {2, 32});
    CHECK_THAT(refusal(add), Catch::Contains("found q8_0"));
}
