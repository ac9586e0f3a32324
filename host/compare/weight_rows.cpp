#include "compare/weight_rows.hpp"

#include "afs/dequantise.hpp"
#include "engine/floats.hpp"
#include "engine/weight_bytes.hpp"

namespace afs {

void append_weight_row(const Plan& plan, const Weight& weight, size_t row,
                       std::vector<double>& to) {
    const auto k = static_cast<size_t>(weight.dims[weight.rank - 1]);
    const uint64_t n_bytes = dtype_bytes(weight.dtype, k);
    std::vector<char> bytes(n_bytes);
    for (uint32_t i = 0; i < plan.abi->n_weights; ++i)
        if (plan.abi->weights[i]->value == weight.value)
            WeightBytes(weight, read<afs_weight>(plan.abi->weights[i]))
                .read(bytes.data(), row * n_bytes, n_bytes);
    std::vector<float> floats(k);
    if (!dequantise(weight.dtype, bytes.data(), floats.data(), k))
        to_floats(bytes.data(), weight.dtype, k, floats.data());
    to.insert(to.end(), floats.begin(), floats.end());
}

}  // namespace afs
