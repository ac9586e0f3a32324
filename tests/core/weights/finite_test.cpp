// --check-tensors finds the first NaN or infinity in any dtype, at any place, on any thread.
#include <catch2/catch.hpp>
#include <cmath>

#include "afs/numeric.hpp"
#include "afs/weights/weight_set.hpp"

using namespace afs;

namespace {

Weight weight_of(const void* data, int32_t dtype, size_t n, std::string name) {
    Weight weight;
    weight.data = data;
    weight.dtype = dtype;
    weight.rank = 1;
    weight.dims[0] = static_cast<int64_t>(n);
    weight.bytes = dtype_bytes(dtype, n);
    weight.name = std::move(name);
    weight.file = std::string("f");
    return weight;
}

}  // namespace

TEST_CASE("finite tensors pass, the largest values included") {
    const std::vector<float> singles = {0.0f, -0.0f, 3.4028235e38f, -1e-45f};
    const std::vector<double> doubles = {1.7e308, -5e-324};
    const std::vector<uint16_t> brains = {0x7f7f, 0xff7f, 0x0001}, halves = {0x7bff, 0xfbff};
    WeightSet set;
    set.add(weight_of(singles.data(), AFS_F32, singles.size(), "s"));
    set.add(weight_of(doubles.data(), AFS_F64, doubles.size(), "d"));
    set.add(weight_of(brains.data(), AFS_BF16, brains.size(), "b"));
    set.add(weight_of(halves.data(), AFS_F16, halves.size(), "h"));
    CHECK(check_finite(set).ok());
    CHECK(check_finite(WeightSet()).ok());
}

TEST_CASE("the first bad value is named, whatever the number of threads") {
    std::vector<float> big(3'500'000, 1.0f);
    big[3'400'000] = INFINITY;
    const std::vector<uint16_t> brains = {0x3f80, 0xff80}, halves = {0x3c00, 0x3c00, 0x7e00};
    const std::vector<double> doubles = {1.0, -INFINITY};
    struct Row {
        Weight weight;
        std::string found;
    };
    const Row rows[] = {
        {weight_of(big.data(), AFS_F32, big.size(), "x"), "value 3400000 is infinity"},
        {weight_of(brains.data(), AFS_BF16, 2, "x"), "value 1 is -infinity"},
        {weight_of(halves.data(), AFS_F16, 3, "x"), "value 2 is NaN"},
        {weight_of(doubles.data(), AFS_F64, 2, "x"), "value 1 is -infinity"},
    };
    for (const Row& row : rows)
        for (const uint32_t threads : {0u, 1u, 7u}) {
            WeightSet set;
            set.add(row.weight);
            set.add(weight_of(halves.data(), AFS_F16, 3, "later"));
            const Status status = check_finite(set, threads);
            REQUIRE_FALSE(status.ok());
            CHECK(status.message() ==
                  "cannot use tensor 'x' of 'f': " + row.found + ", expected finite values");
        }
    big[1'000'000] = NAN;
    WeightSet set;
    set.add(rows[0].weight);
    CHECK(check_finite(set).message().find("value 1000000 is NaN") != std::string::npos);
}

TEST_CASE("a block whose scale is not finite is found") {
    // q8_0: an fp16 scale and 32 codes; q4_K: a second scale for the minima.
    std::vector<uint8_t> plain(3 * 34, 1), k(2 * 144, 1);
    for (const size_t i : {size_t{0}, size_t{34}, size_t{68}}) plain[i] = 0, plain[i + 1] = 0x3c;
    WeightSet good;
    good.add(weight_of(plain.data(), AFS_Q8_0, 96, "x"));
    good.add(weight_of(k.data(), AFS_Q4_K, 512, "k"));
    CHECK(check_finite(good).ok());
    plain[69] = 0x7c;
    CHECK(check_finite(good).message().find("'x' of 'f': value 64 is infinity") !=
          std::string::npos);
    plain[69] = 0x3c;
    k[144 + 3] = 0x7e;
    CHECK(check_finite(good).message().find("'k' of 'f': value 256 is NaN") != std::string::npos);
}

TEST_CASE("tensors at odd addresses are read") {
    std::vector<char> bytes(1 + 3 * sizeof(float));
    const float values[] = {1.0f, 2.0f, NAN};
    std::memcpy(bytes.data() + 1, values, sizeof values);
    WeightSet set;
    set.add(weight_of(bytes.data() + 1, AFS_F32, 3, "odd"));
    CHECK(check_finite(set).message().find("value 2 is NaN") != std::string::npos);
}
