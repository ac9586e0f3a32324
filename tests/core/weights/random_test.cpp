// Random weights: the right distribution, reproducible, distinct memory, refused when too large.
#include "afs/weights/random_weights.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <iostream>

#include "afs/numeric.hpp"
#include "afs/weights/available_memory.hpp"
#include "toy_graph.hpp"

using namespace afs;
using namespace afs::test;

namespace {

float drawn_at(const Weight& weight, size_t i) {
    switch (weight.dtype) {
        case AFS_F32: return static_cast<const float*>(weight.data)[i];
        case AFS_BF16: return to_float(static_cast<const bf16*>(weight.data)[i]);
        default: return to_float(static_cast<const f16*>(weight.data)[i]);
    }
}

std::string bytes_of(const Weight& weight) {
    return {static_cast<const char*>(weight.data), weight.bytes};
}

WeightSet made(const afs_graph& graph, const RandomWeightOptions& options) {
    auto set = random_weights(graph, options);
    INFO(set.status().message());
    REQUIRE(set.ok());
    return *std::move(set);
}

}  // namespace

TEST_CASE("matrices are N(0, 0.02), vectors N(1, 0.02), in every dtype") {
    ToyGraph toy;
    toy.add("matrix", {1000, 1001}, "m");
    toy.add("vector", {100'003}, "v");
    for (const int32_t dtype : {AFS_F32, AFS_BF16, AFS_F16}) {
        RandomWeightOptions options;
        options.dtype = dtype;
        const WeightSet set = made(toy.graph(), options);
        for (const uint32_t value : {0u, 1u}) {
            const Weight& weight = *set.of_value(value);
            const size_t n = value ? 100'003 : 1'001'000;
            const double mean = value ? 1.0 : 0.0;
            double sum = 0, squares = 0, cubes = 0, fourths = 0;
            size_t within[3] = {0, 0, 0};
            for (size_t i = 0; i < n; ++i) {
                const double d = (static_cast<double>(drawn_at(weight, i)) - mean) / 0.02;
                sum += d;
                squares += d * d;
                cubes += d * d * d;
                fourths += d * d * d * d;
                for (int k = 0; k < 3; ++k) within[k] += std::fabs(d) <= k + 1;
            }
            const double m = 1.0 / static_cast<double>(n), tolerance = 6 * std::sqrt(m);
            CAPTURE(dtype_name(dtype), value);
            CHECK(std::fabs(sum * m) < tolerance);
            CHECK(std::fabs(cubes * m) < 4 * tolerance);
            // Near 1 a bf16 has a step of 0.004 to 0.008, which widens the spread a little.
            const bool coarse = value && dtype == AFS_BF16;
            CHECK(std::fabs(squares * m - 1.0) < (coarse ? 0.03 : 1.5 * tolerance));
            if (coarse) continue;
            CHECK(std::fabs(fourths * m - 3.0) < 10 * tolerance);
            const double expected[] = {0.682689, 0.954500, 0.997300};
            for (int k = 0; k < 3; ++k)
                CHECK(std::fabs(static_cast<double>(within[k]) * m - expected[k]) < tolerance);
        }
    }
}

TEST_CASE("the same seed gives the same bytes, whatever the number of threads, tensors differ") {
    ToyGraph toy;
    toy.add("a", {1300, 1000}, "a");  // more than one chunk
    toy.add("b", {1300, 1000}, "b");
    toy.add("odd", {3, 7}, "o");
    RandomWeightOptions options;
    options.n_threads = 1;
    const WeightSet one = made(toy.graph(), options);
    options.n_threads = 5;
    const WeightSet five = made(toy.graph(), options);
    for (const uint32_t value : {0u, 1u, 2u})
        CHECK(bytes_of(*one.of_value(value)) == bytes_of(*five.of_value(value)));
    CHECK(bytes_of(*one.of_value(0)) != bytes_of(*one.of_value(1)));
    const std::string a = bytes_of(*one.of_value(0));
    CHECK(a.substr(0, 1 << 20) != a.substr(2 << 20, 1 << 20).append(1 << 19, '\0'));
    CHECK(a.substr(0, 500'000) != a.substr(2 << 20, 500'000));  // chunks differ
    options.large_pages = true;
    CHECK(bytes_of(*made(toy.graph(), options).of_value(0)) == a);
    options.seed = 2;
    CHECK(bytes_of(*made(toy.graph(), options).of_value(0)) != a);
    CHECK(one.of_value(0)->data != one.of_value(1)->data);
    CHECK(one.of_value(2)->name == "odd");
    CHECK(one.of_value(2)->bytes == 42);
    CHECK(one.bytes() == 2 * 2'600'000 + 42);
}

TEST_CASE("what does not fit in memory is refused with both numbers") {
    ToyGraph toy;
    toy.add("huge", {1 << 20, 1 << 20}, "h");
    const auto huge = random_weights(toy.graph(), {});
    REQUIRE_FALSE(huge.ok());
    CHECK(huge.status().code() == Code::no_memory);
    CHECK(huge.status().message().find("they need 2097152 MiB, available are") !=
          std::string::npos);
    ToyGraph small;
    small.add("small", {1024, 1024}, "s");
    RandomWeightOptions options;
    options.available_bytes = (2 << 20) - 1;
    CHECK(random_weights(small.graph(), options).status().message().find("need 2 MiB") !=
          std::string::npos);
    options.available_bytes = 2 << 20;
    CHECK(random_weights(small.graph(), options).ok());
    ToyGraph overflow;
    for (int i = 0; i < 40; ++i) overflow.add("x", {INT64_MAX / 16}, "x");
    CHECK_FALSE(random_weights(overflow.graph(), {}).ok());
    options.dtype = AFS_F64;
    CHECK(random_weights(small.graph(), options).status().message().find("found fp64") !=
          std::string::npos);
    const uint64_t available = available_memory();
    CHECK(available > (16u << 20));
    CHECK(available < (1ull << 50));
}

TEST_CASE("200 M values in bf16", "[.speed]") {
    ToyGraph toy;
    toy.add("a", {10'000, 10'000}, "a");
    toy.add("b", {10'000, 10'000}, "b");
    const auto start = std::chrono::steady_clock::now();
    const WeightSet set = made(toy.graph(), {});
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    std::cout << 0.2 / spent.count() << " G values/s\n";
}
