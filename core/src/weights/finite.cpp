// --check-tensors: every value of every weight is a number.
#include <cmath>
#include <cstring>
#include <mutex>

#include "afs/dequantise.hpp"
#include "afs/numeric.hpp"
#include "afs/parallel.hpp"
#include "afs/weights/weight_set.hpp"

namespace afs {
namespace {

constexpr uint64_t kScanChunk = 1u << 20;  // elements, whole blocks of any format

struct ScanPiece {
    const Weight* weight;
    uint64_t begin, end;  // elements
};

// Index of the first element in [begin, end) whose exponent bits are all ones; end: none.
// Tensors in a file need not be aligned to their element.
template <class Bits>
uint64_t first_not_finite(const void* data, uint64_t begin, uint64_t end, Bits exponent) {
    const char* bytes = static_cast<const char*>(data);
    for (uint64_t i = begin; i < end; ++i) {
        Bits bits;
        std::memcpy(&bits, bytes + i * sizeof bits, sizeof bits);
        if ((bits & exponent) == exponent) return i;
    }
    return end;
}

// Scales that are not finite make values that are not.
uint64_t first_not_finite_block(const Weight& weight, uint64_t begin, uint64_t end) {
    const BlockFormat& format = *block_format(weight.dtype);
    std::vector<float> values(format.elements);
    for (uint64_t i = begin; i < end; i += format.elements) {
        const auto* block = static_cast<const char*>(weight.data) + dtype_bytes(weight.dtype, i);
        dequantise(weight.dtype, block, values.data(), format.elements);
        for (uint64_t j = 0; j < format.elements; ++j)
            if (!std::isfinite(values[j])) return i + j;
    }
    return end;
}

uint64_t scan(const ScanPiece& piece) {
    const void* data = piece.weight->data;
    if (block_format(piece.weight->dtype))
        return first_not_finite_block(*piece.weight, piece.begin, piece.end);
    switch (piece.weight->dtype) {
        case AFS_F64:
            return first_not_finite<uint64_t>(data, piece.begin, piece.end, 0x7ff0000000000000u);
        case AFS_F32: return first_not_finite<uint32_t>(data, piece.begin, piece.end, 0x7f800000u);
        case AFS_BF16: return first_not_finite<uint16_t>(data, piece.begin, piece.end, 0x7f80u);
        case AFS_F16: return first_not_finite<uint16_t>(data, piece.begin, piece.end, 0x7c00u);
        default: return piece.end;
    }
}

std::string value_text(const Weight& weight, uint64_t index) {
    const char* at = static_cast<const char*>(weight.data) + dtype_bytes(weight.dtype, index);
    double value = 0;
    if (const BlockFormat* format = block_format(weight.dtype)) {
        std::vector<float> values(format->elements);
        dequantise(weight.dtype, at, values.data(), format->elements);
        value = static_cast<double>(values[index % format->elements]);
    } else if (weight.dtype == AFS_F64) {
        std::memcpy(&value, at, sizeof value);
    } else if (weight.dtype == AFS_F32) {
        float single;
        std::memcpy(&single, at, sizeof single);
        value = static_cast<double>(single);
    } else {
        uint16_t bits;
        std::memcpy(&bits, at, sizeof bits);
        value = static_cast<double>(weight.dtype == AFS_BF16 ? to_float(bf16{bits})
                                                             : to_float(f16{bits}));
    }
    return std::isnan(value) ? "NaN" : value > 0 ? "infinity" : "-infinity";
}

}  // namespace

Status check_finite(const WeightSet& weights, uint32_t n_threads) {
    std::vector<ScanPiece> pieces;
    for (const Weight& weight : weights.weights()) {
        uint64_t n = 1;
        for (int32_t i = 0; i < weight.rank; ++i) n *= static_cast<uint64_t>(weight.dims[i]);
        for (uint64_t begin = 0; begin < n; begin += kScanChunk)
            pieces.push_back({&weight, begin, std::min(n, begin + kScanChunk)});
    }
    std::mutex mutex;
    size_t first_piece = pieces.size();  // the earliest bad piece, so that the message is the same
    uint64_t first_index = 0;
    parallel_for(pieces.size(), n_threads, [&](size_t i) {
        const uint64_t bad = scan(pieces[i]);
        if (bad == pieces[i].end) return;
        const std::lock_guard<std::mutex> lock(mutex);
        if (i < first_piece) {
            first_piece = i;
            first_index = bad;
        }
    });
    if (first_piece == pieces.size()) return {};
    const Weight& weight = *pieces[first_piece].weight;
    return invalid("cannot use tensor '" + weight.name + "' of '" + weight.file + "': value " +
                   std::to_string(first_index) + " is " + value_text(weight, first_index) +
                   ", expected finite values");
}

}  // namespace afs
