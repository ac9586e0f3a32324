// A host tensor that owns its bytes, lies between guard zones, and converts from and to double. One
// in a block format is made of its bytes and only read. The guards hold NaN in every float type (-1
// in integers), so that reading them shows, as overwriting them does.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <numeric>
#include <optional>
#include <vector>

#include "afs/dequantise.hpp"

namespace afs::conformance {

inline double decode(const void* data, int32_t dtype, size_t i) {
    const auto at = [&](auto element) {
        std::memcpy(&element, static_cast<const char*>(data) + i * sizeof element, sizeof element);
        return element;
    };
    if (const BlockFormat* format = block_format(dtype)) {
        std::vector<float> block(format->elements);
        dequantise(dtype, static_cast<const char*>(data) + dtype_bytes(dtype, i), block.data(),
                   block.size());
        return block[i % block.size()];
    }
    switch (dtype) {
        case AFS_F32: return at(float{});
        case AFS_BF16: return to_float(at(bf16{}));
        case AFS_F16: return to_float(at(f16{}));
        case AFS_I32: return at(int32_t{});
        default: return at(double{});
    }
}
inline void encode(void* data, int32_t dtype, size_t i, double value) {
    const auto put_at = [&](auto element) {
        std::memcpy(static_cast<char*>(data) + i * sizeof element, &element, sizeof element);
    };
    switch (dtype) {
        case AFS_F32: return put_at(static_cast<float>(value));
        case AFS_BF16: return put_at(to_bf16(static_cast<float>(value)));
        case AFS_F16: return put_at(to_f16(static_cast<float>(value)));
        case AFS_I32: return put_at(static_cast<int32_t>(value));
        default: return put_at(value);
    }
}

class Array {
public:
    static constexpr size_t kGuard = 256;  // bytes on either side
    static constexpr uint8_t kGuardByte = 0xff;

    Array() = default;
    // Rows lie `pitch` elements apart (0: close together); what lies between them is guarded too.
    Array(int32_t type, std::vector<int64_t> shape, const std::vector<double>& values = {},
          int64_t pitch = 0)
        : dtype(type), dims(std::move(shape)), pitch_(pitch ? pitch : row_size()) {
        bytes_.assign(2 * kGuard + dtype_bytes(dtype, span()), kGuardByte);
        if (block_format(dtype)) return;
        for (size_t i = 0; i < size(); ++i) set(i, values.empty() ? 0.0 : values[i]);
    }
    static Array of_blocks(int32_t type, std::vector<int64_t> shape,
                           const std::vector<uint8_t>& blocks) {
        Array made(type, std::move(shape));
        std::memcpy(made.data(), blocks.data(), blocks.size());
        return made;
    }
    static Array filled(int32_t type, std::vector<int64_t> shape,
                        const std::function<double(size_t)>& value) {
        Array made(type, std::move(shape));
        for (size_t i = 0; i < made.size(); ++i) made.set(i, value(i));
        return made;
    }

    size_t size() const {
        return static_cast<size_t>(
            std::accumulate(dims.begin(), dims.end(), int64_t{1}, std::multiplies<>()));
    }
    double operator[](size_t i) const { return decode(data(), dtype, place(i)); }
    void set(size_t i, double value) { encode(data(), dtype, place(i), value); }
    std::vector<double> doubles() const {
        std::vector<double> all(size());
        for (size_t i = 0; i < all.size(); ++i) all[i] = (*this)[i];
        return all;
    }
    // Bits of element i, for exact comparison.
    uint64_t bits(size_t i) const {
        uint64_t value = 0;
        std::memcpy(&value, bytes_.data() + kGuard + place(i) * dtype_size(dtype),
                    dtype_size(dtype));
        return value;
    }
    bool same_bits(const Array& other) const {
        bool same = dtype == other.dtype && dims == other.dims;
        for (size_t i = 0; same && i < size(); ++i) same = bits(i) == other.bits(i);
        return same;
    }
    // Where the first guard byte that changed lies, in bytes from the first element: negative
    // before it, at or past dtype_bytes(size) behind the last; nothing: all are intact.
    std::optional<int64_t> first_touched() const {
        if (bytes_.empty()) return std::nullopt;  // no tensor
        const size_t width = static_cast<size_t>(row_size()), n = size();
        size_t at = 0;
        const auto changed = [&](size_t end) {
            while (at < end && bytes_[at] == kGuardByte) ++at;
            return at < end;
        };
        for (size_t i = 0; width && i < n; i += width) {
            const size_t begin = kGuard + dtype_bytes(dtype, place(i));
            if (changed(begin)) return static_cast<int64_t>(at) - int64_t{kGuard};
            at = begin + dtype_bytes(dtype, width);
        }
        if (changed(bytes_.size())) return static_cast<int64_t>(at) - int64_t{kGuard};
        return std::nullopt;
    }
    bool guards_intact() const { return !first_touched(); }

    void* data() { return bytes_.data() + kGuard; }
    const void* data() const { return bytes_.data() + kGuard; }
    std::vector<uint8_t>& bytes() { return bytes_; }
    const std::vector<uint8_t>& bytes() const { return bytes_; }

    // A view for the contract; address: where the bytes (guards included) lie in the domain.
    afs_tensor view(void* address) const {
        afs_tensor t{};
        t.data = static_cast<uint8_t*>(address) + kGuard;
        t.dtype = dtype;
        t.rank = static_cast<int32_t>(dims.size());
        for (int i = 0; i < AFS_MAX_RANK; ++i) t.dims[i] = t.strides[i] = 1;
        for (size_t i = 0; i < dims.size(); ++i) t.dims[i] = dims[i];
        for (size_t i = dims.size(), step = 1; i-- > 0;) {
            t.strides[i] = i == 0 && dims.size() > 1 ? pitch_ : static_cast<int64_t>(step);
            step *= static_cast<size_t>(dims[i]);
        }
        return t;
    }

    int32_t dtype = AFS_DTYPE_NONE;
    std::vector<int64_t> dims;

private:
    int64_t row_size() const {
        return std::accumulate(dims.begin() + (dims.empty() ? 0 : 1), dims.end(), int64_t{1},
                               std::multiplies<>());
    }
    size_t span() const { return dims.empty() ? 1 : static_cast<size_t>(dims[0] * pitch_); }
    size_t place(size_t i) const {
        const size_t width = static_cast<size_t>(row_size());
        return width ? i / width * static_cast<size_t>(pitch_) + i % width : 0;
    }
    int64_t pitch_ = 0;
    std::vector<uint8_t> bytes_;
};

}  // namespace afs::conformance
