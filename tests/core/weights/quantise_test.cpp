// Matrices in 8 and 4 bits: what they become, how far from what they were, and what is refused.
#include "afs/weights/quantise.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "afs/dequantise.hpp"
#include "afs/weights/random_weights.hpp"
#include "toy_graph.hpp"

using namespace afs;
using namespace afs::test;

namespace {

constexpr int64_t kRows = 50, kWidth = 96;

// A matrix, a vector, one of no whole blocks.
ToyGraph toy_graph() {
    ToyGraph toy;
    toy.add("matrix", {kRows, kWidth}, "m");
    toy.add("vector", {kWidth}, "v");
    toy.add("narrow", {4, 33}, "n");
    return toy;
}

WeightSet drawn(const afs_graph& graph, int32_t dtype) {
    RandomWeightOptions options;
    options.dtype = dtype;
    auto set = random_weights(graph, options);
    REQUIRE(set.ok());
    return *std::move(set);
}

float value_at(const Weight& weight, size_t i) {
    switch (weight.dtype) {
        case AFS_F32: return static_cast<const float*>(weight.data)[i];
        case AFS_BF16: return to_float(static_cast<const bf16*>(weight.data)[i]);
        default: return to_float(static_cast<const f16*>(weight.data)[i]);
    }
}

// RMS of what a block format lost, over the RMS of the weights.
double loss(const Weight& before, const Weight& after) {
    const auto n = static_cast<size_t>(before.dims[0] * before.dims[1]);
    std::vector<float> values(n);
    REQUIRE(dequantise(after.dtype, after.data, values.data(), n));
    double lost = 0, all = 0;
    for (size_t i = 0; i < n; ++i) {
        const double x = value_at(before, i);
        lost += (values[i] - x) * (values[i] - x);
        all += x * x;
    }
    return std::sqrt(lost / all);
}

}  // namespace

TEST_CASE("matrices of whole blocks become block formats, everything else stays") {
    ToyGraph toy = toy_graph();
    const afs_graph& graph = toy.graph();
    for (const int32_t dtype : {AFS_F32, AFS_BF16, AFS_F16})
        for (const Quantise to : {Quantise::int8, Quantise::int4}) {
            const WeightSet before = drawn(graph, dtype);
            const auto after = quantise(graph, before, to);
            REQUIRE(after.ok());
            const Weight& matrix = *after->of_value(0);
            CHECK(matrix.dtype == (to == Quantise::int8 ? AFS_Q8_0 : AFS_Q4_1));
            CHECK(matrix.bytes == dtype_bytes(matrix.dtype, kRows * kWidth));
            for (const uint32_t value : {1u, 2u}) {
                CHECK(after->of_value(value)->dtype == dtype);
                CHECK(after->of_value(value)->data == before.of_value(value)->data);
            }
            // Normal weights, 32 to a scale: the largest is at 2.07 of them, so a step of 8 bits is
            // 2.07 / 127 and its rounding's RMS 0.47 %; of 4 bits 7.5 % with the best scale.
            const double lost = loss(*before.of_value(0), matrix);
            CAPTURE(dtype, lost);
            CHECK(lost > (to == Quantise::int8 ? 0.004 : 0.06));
            CHECK(lost < (to == Quantise::int8 ? 0.006 : 0.09));
        }
}

TEST_CASE("zeros stay zeros, and one thread gives the bytes of many") {
    ToyGraph toy = toy_graph();
    const afs_graph& graph = toy.graph();
    const WeightSet before = drawn(graph, AFS_F32);
    auto* values = static_cast<float*>(const_cast<void*>(before.of_value(0)->data));
    for (size_t i = 0; i < 64; ++i) values[i] = 0;
    for (const Quantise to : {Quantise::int8, Quantise::int4}) {
        const auto one = quantise(graph, before, to, 1), many = quantise(graph, before, to, 5);
        REQUIRE(one.ok());
        REQUIRE(many.ok());
        const Weight &a = *one->of_value(0), &b = *many->of_value(0);
        CHECK(std::memcmp(a.data, b.data, a.bytes) == 0);
        float decoded[64];
        REQUIRE(dequantise(a.dtype, a.data, decoded, 64));
        for (const float each : decoded) CHECK(each == 0.0f);
    }
}

TEST_CASE("a weight that is not finite is refused by name") {
    ToyGraph toy = toy_graph();
    const afs_graph& graph = toy.graph();
    const WeightSet before = drawn(graph, AFS_F32);
    auto* values = static_cast<float*>(const_cast<void*>(before.of_value(0)->data));
    values[kRows * kWidth - 1] = NAN;
    const auto after = quantise(graph, before, Quantise::int8);
    REQUIRE_FALSE(after.ok());
    CHECK(after.status().message() ==
          "cannot quantise weight 'matrix': it holds a NaN or an infinity");
}

TEST_CASE("a weight that no fp16 scale reaches is refused by name, one that it does is kept") {
    ToyGraph toy = toy_graph();
    const afs_graph& graph = toy.graph();
    for (const Quantise to : {Quantise::int8, Quantise::int4}) {
        const WeightSet before = drawn(graph, AFS_F32);
        auto* values = static_cast<float*>(const_cast<void*>(before.of_value(0)->data));
        values[kRows * kWidth - 1] = 60000.0f;
        CHECK(quantise(graph, before, to).ok());
        values[kRows * kWidth - 1] = -1e9f;
        const auto after = quantise(graph, before, to);
        REQUIRE_FALSE(after.ok());
        CHECK(after.status().message() ==
              "cannot quantise weight 'matrix': it holds a number that is too large for the fp16 "
              "scale of a block");
    }
}

TEST_CASE("none leaves all as it is") {
    ToyGraph toy = toy_graph();
    const afs_graph& graph = toy.graph();
    const WeightSet before = drawn(graph, AFS_BF16);
    const auto after = quantise(graph, before, Quantise::none);
    REQUIRE(after.ok());
    for (uint32_t value = 0; value < 3; ++value)
        CHECK(after->of_value(value)->data == before.of_value(value)->data);
}
