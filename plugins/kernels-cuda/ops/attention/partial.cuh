// A softmax in parts.
#pragma once

namespace afs::cuda {

// A partial softmax of one head: largest exponent m, sum l of 2^(exponent - m), and elsewhere the
// sum of v weighted so.
struct Partial {
    float m, l;
};
// What a partial with maximum `from` is worth under a maximum `to`.
__device__ inline float worth(float from, float to) {
    return from == -INFINITY ? 0.0f : exp2f(from - to);
}

}  // namespace afs::cuda
