// bf16 and fp16 against their definitions: every pattern, every rounding tie, an oracle in doubles.
#include "afs/numeric.hpp"

#include <catch2/catch.hpp>
#include <limits>
#include <random>

namespace {

// A format by its number of mantissa bits and exponent range, after IEEE 754.
struct Format {
    int mantissa_bits, min_exponent, max_exponent;  // of normal numbers
};
constexpr Format kF16 = {10, -14, 15}, kBf16 = {7, -126, 127};

// The value of a pattern, from the definition.
double decode(uint16_t bits, const Format& f) {
    const int exponent_bits = 15 - f.mantissa_bits;
    const int exponent = (bits >> f.mantissa_bits) & ((1 << exponent_bits) - 1);
    const int mantissa = bits & ((1 << f.mantissa_bits) - 1);
    const double sign = bits & 0x8000 ? -1.0 : 1.0;
    if (exponent == (1 << exponent_bits) - 1)
        return mantissa ? std::numeric_limits<double>::quiet_NaN()
                        : sign * std::numeric_limits<double>::infinity();
    const double fraction = std::ldexp(mantissa, -f.mantissa_bits);
    return exponent ? sign * std::ldexp(1.0 + fraction, exponent - 1 + f.min_exponent)
                    : sign * std::ldexp(fraction, f.min_exponent);
}

// x rounded to the format, ties to even, by arithmetic in doubles (exact for floats).
double rounded(float x, const Format& f) {
    if (std::isnan(x) || std::isinf(x) || x == 0.0f) return static_cast<double>(x);
    int exponent;
    std::frexp(static_cast<double>(x), &exponent);  // |x| in [2^(e-1), 2^e)
    const int unit = std::max(exponent - 1, f.min_exponent) - f.mantissa_bits;
    const double result =
        std::ldexp(std::nearbyint(std::ldexp(static_cast<double>(x), -unit)), unit);
    const double largest = std::ldexp(2.0 - std::ldexp(1.0, -f.mantissa_bits), f.max_exponent);
    if (std::fabs(result) > largest)
        return std::copysign(std::numeric_limits<double>::infinity(), result);
    return result;
}

bool same(double a, double b) {
    return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

void check_rounding(float x) {
    const double half = static_cast<double>(afs::to_float(afs::to_f16(x)));
    const double brain = static_cast<double>(afs::to_float(afs::to_bf16(x)));
    if (!same(half, rounded(x, kF16)) || !same(brain, rounded(x, kBf16))) {
        CAPTURE(x, afs::float_bits(x), half, rounded(x, kF16), brain, rounded(x, kBf16));
        FAIL("rounding differs from the oracle");
    }
}

}  // namespace

TEST_CASE("every pattern decodes to its value and encodes back to itself") {
    for (uint32_t bits = 0; bits < 65536; ++bits) {
        const auto pattern = static_cast<uint16_t>(bits);
        const float half = afs::to_float(afs::f16{pattern});
        const float brain = afs::to_float(afs::bf16{pattern});
        if (!same(static_cast<double>(half), decode(pattern, kF16))) FAIL("fp16 " << bits);
        if (!same(static_cast<double>(brain), decode(pattern, kBf16))) FAIL("bf16 " << bits);
        const uint16_t half_again = afs::to_f16(half).bits, brain_again = afs::to_bf16(brain).bits;
        // A NaN keeps sign and payload and becomes quiet.
        if (half_again != (std::isnan(half) ? pattern | 0x200u : pattern)) FAIL("fp16 " << bits);
        if (brain_again != (std::isnan(brain) ? pattern | 0x40u : pattern)) FAIL("bf16 " << bits);
    }
}

TEST_CASE("between two neighbours: below, at and above the middle") {
    for (uint32_t bits = 0; bits < 0x7f7f; ++bits) {
        for (const bool brain : {false, true}) {
            if (!brain && bits >= 0x7bff) continue;
            const Format& f = brain ? kBf16 : kF16;
            const double low = decode(static_cast<uint16_t>(bits), f);
            const double high = decode(static_cast<uint16_t>(bits + 1), f);
            const auto middle = static_cast<float>(low + (high - low) / 2);
            for (const float x : {std::nextafterf(middle, 0.0f), middle,
                                  std::nextafterf(middle, std::numeric_limits<float>::max())}) {
                check_rounding(x);
                check_rounding(-x);
            }
        }
    }
}

TEST_CASE("the edges: overflow, underflow, zero, NaN") {
    struct Row {
        float x;
        uint16_t half, brain;
    };
    const float inf = std::numeric_limits<float>::infinity();
    const Row rows[] = {
        {0.0f, 0x0000, 0x0000},
        {-0.0f, 0x8000, 0x8000},
        {1.0f, 0x3c00, 0x3f80},
        {-2.0f, 0xc000, 0xc000},
        {65504.0f, 0x7bff, 0x4780},
        {65519.996f, 0x7bff, 0x4780},
        {65520.0f, 0x7c00, 0x4780},
        {inf, 0x7c00, 0x7f80},
        {-inf, 0xfc00, 0xff80},
        {3.4028235e38f, 0x7c00, 0x7f80},
        {3.3895314e38f, 0x7c00, 0x7f7f},
        {0x1p-14f, 0x0400, 0x3880},
        {0x1p-24f, 0x0001, 0x3380},
        {0x1p-25f, 0x0000, 0x3300},
        {0x1.000002p-25f, 0x0001, 0x3300},
        {0x1.8p-24f, 0x0002, 0x33c0},
        {1e-45f, 0x0000, 0x0000},
        {1.00390625f, 0x3c04, 0x3f80},
        {1.01171875f, 0x3c0c, 0x3f82},
    };
    for (const Row& row : rows) {
        CAPTURE(row.x);
        CHECK(afs::to_f16(row.x).bits == row.half);
        CHECK(afs::to_bf16(row.x).bits == row.brain);
    }
    CHECK(std::isnan(afs::to_float(afs::to_f16(std::nanf("")))));
    CHECK(std::isnan(afs::to_float(afs::to_bf16(std::nanf("")))));
    // The lowest payload bit alone must not turn a NaN into infinity.
    CHECK(std::isnan(afs::to_float(afs::to_f16(afs::bits_float(0x7f800001u)))));
    CHECK(std::isnan(afs::to_float(afs::to_bf16(afs::bits_float(0x7f800001u)))));
}

TEST_CASE("random floats of every exponent round as the oracle does") {
    std::mt19937 random(7);
    for (int i = 0; i < 2'000'000; ++i) {
        const float x = afs::bits_float(static_cast<uint32_t>(random()));
        if (!std::isnan(x)) check_rounding(x);
    }
}

TEST_CASE("element sizes and names") {
    CHECK(afs::dtype_size(AFS_F32) == 4);
    CHECK(afs::dtype_size(AFS_BF16) == 2);
    CHECK(afs::dtype_size(AFS_F16) == 2);
    CHECK(afs::dtype_size(AFS_F64) == 8);
    CHECK(afs::dtype_size(AFS_I32) == 4);
    CHECK(afs::dtype_size(AFS_DTYPE_NONE) == 0);
    CHECK(afs::dtype_size(AFS_Q4_0) == 0);
    CHECK(std::string(afs::dtype_name(AFS_BF16)) == "bf16");
    CHECK(std::string(afs::dtype_name(12345)) == "unknown");
    CHECK(afs::from_float<float>(0.1f) == 0.1f);
    CHECK(afs::from_float<afs::bf16>(0.1f).bits == 0x3dcd);
    CHECK(afs::from_float<afs::f16>(0.1f).bits == 0x2e66);
}
