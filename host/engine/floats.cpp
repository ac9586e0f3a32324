#include "engine/floats.hpp"

#include <algorithm>

#include "afs/numeric.hpp"

namespace afs {
namespace {

template <class T>
void convert(const void* from, size_t n, float* to) {
    const auto* elements = static_cast<const T*>(from);
    std::transform(elements, elements + n, to, [](T x) {
        if constexpr (std::is_arithmetic_v<T>)
            return static_cast<float>(x);
        else
            return to_float(x);
    });
}

}  // namespace

void to_floats(const void* from, int32_t dtype, size_t n, float* to) {
    switch (dtype) {
        case AFS_F32: return convert<float>(from, n, to);
        case AFS_BF16: return convert<bf16>(from, n, to);
        case AFS_F16: return convert<f16>(from, n, to);
        case AFS_F64: return convert<double>(from, n, to);
        case AFS_I32: return convert<int32_t>(from, n, to);
        default: std::fill(to, to + n, 0.0f);
    }
}

}  // namespace afs
