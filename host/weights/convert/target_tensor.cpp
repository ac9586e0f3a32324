#include "weights/convert/target_tensor.hpp"

#include <cmath>

#include "afs/dequantise.hpp"
#include "engine/weight_bytes.hpp"

namespace afs::convert {
namespace {

template <class T>
void widen(const char* from, float* to, size_t n) {
    for (size_t i = 0; i < n; ++i) {
        T value;
        std::memcpy(&value, from + i * sizeof value, sizeof value);
        to[i] = to_float(value);
    }
}

// n values of any dtype, blocks whole.
void to_floats(int32_t dtype, const char* from, float* to, size_t n) {
    if (dtype >= AFS_BLOCK) {
        static_cast<void>(dequantise(dtype, from, to, n));
    } else if (dtype == AFS_BF16) {
        widen<bf16>(from, to, n);
    } else if (dtype == AFS_F16) {
        widen<f16>(from, to, n);
    } else if (dtype == AFS_F32) {
        std::memcpy(to, from, n * sizeof(float));
    } else {
        for (size_t i = 0; i < n; ++i) {
            double value;
            std::memcpy(&value, from + i * sizeof value, sizeof value);
            to[i] = static_cast<float>(value);
        }
    }
}

template <class T>
void narrow(const float* from, char* to, size_t n) {
    for (size_t i = 0; i < n; ++i) {
        const T value = from_float<T>(from[i]);
        std::memcpy(to + i * sizeof value, &value, sizeof value);
    }
}

void from_floats(int32_t dtype, const float* from, char* to, size_t n) {
    if (dtype == AFS_BF16) return narrow<bf16>(from, to, n);
    if (dtype == AFS_F16) return narrow<f16>(from, to, n);
    std::memcpy(to, from, n * sizeof(float));
}

// The row of the graph that lies in row `row` of a file with rotary pairs.
uint64_t from_pairs(uint64_t row, uint64_t head_dim) {
    const uint64_t within = row % head_dim;
    return row - within + within % 2 * (head_dim / 2) + within / 2;
}

Status too_large(const TargetTensor& tensor, uint64_t row, size_t column, float value) {
    return invalid("cannot store tensor '" + tensor.weight->name + "' as " +
                   dtype_name(tensor.dtype) + ": value " + std::to_string(value) + " in row " +
                   std::to_string(row) + ", column " + std::to_string(column) +
                   " is beyond its range; use bf16 or fp32");
}

}  // namespace

uint64_t TargetTensor::bytes() const {
    uint64_t elements = 1;
    for (const int64_t size : shape) elements *= static_cast<uint64_t>(size);
    return dtype_bytes(dtype, elements);
}

Status write_tensor(const TargetTensor& tensor, OutFile& out,
                    const std::function<bool(uint64_t)>& progress) {
    if (!tensor.weight)
        return out.write(tensor.values.data(), tensor.values.size() * sizeof(float));
    const Weight& weight = *tensor.weight;
    const bool is_matrix = weight.rank > 1;
    const uint64_t n_rows = is_matrix ? static_cast<uint64_t>(weight.dims[0]) : 1;
    uint64_t columns = 1;
    for (int axis = is_matrix ? 1 : 0; axis < weight.rank; ++axis)
        columns *= static_cast<uint64_t>(weight.dims[axis]);
    const uint64_t row_bytes = weight.bytes / n_rows;
    const WeightBytes source(weight, *tensor.line);
    const bool same = weight.dtype == tensor.dtype;
    std::vector<char> in(row_bytes), stored(same ? 0 : dtype_bytes(tensor.dtype, columns));
    std::vector<float> values(same ? 0 : columns);
    for (uint64_t i = 0; i < n_rows; ++i) {
        const uint64_t row = tensor.pairs_of ? from_pairs(i, tensor.pairs_of) : i;
        source.read(in.data(), row * row_bytes, row_bytes);
        if (same) {
            AFS_TRY(out.write(in.data(), in.size()));
        } else {
            to_floats(weight.dtype, in.data(), values.data(), columns);
            if (tensor.dtype == AFS_F16)
                for (size_t j = 0; j < columns; ++j)
                    if (std::isfinite(values[j]) && std::abs(values[j]) >= 65520.0f)
                        return too_large(tensor, row, j, values[j]);
            from_floats(tensor.dtype, values.data(), stored.data(), columns);
            AFS_TRY(out.write(stored.data(), stored.size()));
        }
        if (!progress(out.written())) return Status(Code::cancelled, "interrupted");
    }
    return {};
}

bool fits(const Weight& weight, int32_t dtype) {
    if (weight.dtype == dtype) return true;
    if (weight.dtype != AFS_F32 || weight.bytes > (1u << 24)) return false;
    std::vector<float> values(weight.bytes / sizeof(float)), back(values.size());
    to_floats(AFS_F32, static_cast<const char*>(weight.data), values.data(), values.size());
    std::vector<char> stored(dtype_bytes(dtype, values.size()));
    from_floats(dtype, values.data(), stored.data(), values.size());
    to_floats(dtype, stored.data(), back.data(), back.size());
    return std::memcmp(values.data(), back.data(), weight.bytes) == 0;
}

}  // namespace afs::convert
