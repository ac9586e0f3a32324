#include "afs/bound/judged.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "afs/abi/tensor.h"

namespace afs::bound {
namespace {

struct Format {
    int digits;        // of the significand, the leading one counted
    int min_exponent;  // of the smallest normal, as in 2^e
    int max_exponent;  // of the binade of the largest
};

Format format(int32_t dtype) {
    switch (dtype) {
        case AFS_BF16: return {8, -126, 127};
        case AFS_F16: return {11, -14, 15};
        case AFS_F64: return {53, -1022, 1023};
        default: return {24, -126, 127};
    }
}

}  // namespace

double unit_roundoff(int32_t dtype) {
    return std::ldexp(1.0, -format(dtype).digits);
}

double half_ulp(int32_t dtype, double x) {
    const Format f = format(dtype);
    int exponent = f.min_exponent;
    if (x != 0 && std::isfinite(x)) exponent = std::max(exponent, std::ilogb(x));
    const double half = std::ldexp(1.0, std::min(exponent, f.max_exponent) - f.digits);
    return std::max(half, std::numeric_limits<double>::denorm_min());  // of fp64's subnormals: 0
}

double nearest_value(int32_t dtype, double x) {
    if (dtype == AFS_F64 || !std::isfinite(x)) return x;
    const double step = 2 * half_ulp(dtype, x);
    return std::nearbyint(x / step) * step;
}

double smallest_normal(int32_t dtype) {
    return std::ldexp(1.0, format(dtype).min_exponent);
}

double largest_finite(int32_t dtype) {
    const Format f = format(dtype);
    return std::ldexp(2.0 - std::ldexp(1.0, 1 - f.digits), f.max_exponent);
}

}  // namespace afs::bound
