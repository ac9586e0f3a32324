#include "ops/linear/codes.hpp"

#include <cstring>
#include <utility>

#include "afs/dequantise.hpp"
#include "simd/code_layout.hpp"

namespace afs::cpu {
namespace {

// One block of a row, apart: what simd/code_layout.hpp calls a span.
struct Span {
    uint16_t scale, minimum;  // fp16
    uint8_t fine_scales[16], fine_minima[8];
    int8_t codes[256];  // q - centre, or what stands alone
};

uint16_t half_at(const uint8_t* bytes) {
    uint16_t half;
    std::memcpy(&half, bytes, sizeof half);
    return half;
}

// 32 codes of 4 bits, the low ones first, and where there are five their fifth bit.
void half_bytes(const uint8_t* low, const uint8_t* fifth, int centre, int8_t* codes) {
    for (int i = 0; i < 16; ++i) {
        codes[i] = static_cast<int8_t>((low[i] & 15) - centre);
        codes[i + 16] = static_cast<int8_t>((low[i] >> 4) - centre);
    }
    for (int i = 0; fifth && i < 32; ++i)
        codes[i] = static_cast<int8_t>(codes[i] + ((fifth[i / 8] >> i % 8 & 1) << 4));
}

void k_codes(const uint8_t* block, const uint8_t* high, const uint8_t* low, int centre, Span& out) {
    out.scale = half_at(block), out.minimum = half_at(block + 2);
    for (int j = 0; j < 8; ++j) {
        int scale, minimum;
        blocks::k_scale_min(block + 4, j, scale, minimum);
        out.fine_scales[j] = static_cast<uint8_t>(scale);
        out.fine_minima[j] = static_cast<uint8_t>(minimum);
        for (int i = 0; i < 32; ++i) {
            const int fifth = high ? (high[i] >> j & 1) << 4 : 0;
            const int q = low[j / 2 * 32 + i] >> j % 2 * 4 & 15;
            out.codes[j * 32 + i] = static_cast<int8_t>((q | fifth) - centre);
        }
    }
}

void q6_codes(const uint8_t* block, Span& out) {
    out.scale = half_at(block + 208);
    std::memcpy(out.fine_scales, block + 192, 16);
    for (int i = 0; i < 256; ++i) {
        const int half = i / 128, run = i % 128 / 32, at = i % 32;
        const int low = block[half * 64 + run % 2 * 32 + at] >> run / 2 * 4 & 15;
        const int high = block[128 + half * 32 + at] >> run * 2 & 3;
        out.codes[i] = static_cast<int8_t>((low | high << 4) - 32);
    }
}

void take_apart(int32_t dtype, const uint8_t* block, Span& out) {
    out.scale = half_at(block);
    out.minimum = half_at(block + 2);  // where there is one
    switch (dtype) {
        case AFS_Q4_0: return half_bytes(block + 2, nullptr, 8, out.codes);
        case AFS_Q4_1: return half_bytes(block + 4, nullptr, 8, out.codes);
        case AFS_Q5_0: return half_bytes(block + 6, block + 2, 16, out.codes);
        case AFS_Q5_1: return half_bytes(block + 8, block + 4, 16, out.codes);
        case AFS_Q8_0: std::memcpy(out.codes, block + 2, 32); return;
        case AFS_Q4_K: return k_codes(block, nullptr, block + 16, 8, out);
        case AFS_Q5_K: return k_codes(block, block + 16, block + 48, 16, out);
        default: return q6_codes(block, out);
    }
}

// Where the code of a depth of a group and a column lies, of 6 bits the lower 4: in bits.
size_t bit_of(const CodeLayout& of, size_t depth, size_t column) {
    if (of.bits == 8) return 8 * ((depth / 2 * kColumns + column) * 2 + depth % 2);
    const size_t nibble = depth % 8 / 2 + depth % 2 * 4;
    return 32 * (depth / 8 * kColumns + column) + 4 * nibble;
}
// Of 6 bits the upper 2.
size_t upper_bit_of(const CodeLayout& of, size_t depth, size_t column) {
    return 32 * (of.group / 8 * kColumns + column) + depth / 2 * 2 + depth % 2 * 16;
}

// The code, as it is where it stands alone.
int code_at(const CodeLayout& of, const uint8_t* codes, size_t depth, size_t column) {
    const size_t bit = bit_of(of, depth, column), upper = upper_bit_of(of, depth, column);
    // NOLINTNEXTLINE(bugprone-signed-char-misuse, cert-str34-c): a number, no character
    if (of.bits == 8) return static_cast<int8_t>(codes[bit / 8]);
    const int low = codes[bit / 8] >> bit % 8 & 15;
    if (of.bits == 4) return low - 8;
    return (low | (codes[upper / 8] >> upper % 8 & 3) << 4) - 32;
}

// n codes of a column to their places.
void place_codes(const CodeLayout& of, const int8_t* codes, size_t n, size_t column, uint8_t* to) {
    if (of.bits == 8) {
        for (size_t k = 0; k < n; k += 2)
            std::memcpy(to + (k / 2 * kColumns + column) * 2, codes + k, 2);
        return;
    }
    const int above = of.bits == 4 ? 8 : 32;
    uint32_t upper = 0;
    for (size_t k = 0; k < n; k += 8) {
        uint32_t word = 0;
        for (size_t j = 0; j < 8; ++j) {
            const auto code = static_cast<uint32_t>(codes[k + j] + above);
            word |= (code & 15) << (j / 2 + j % 2 * 4) * 4;
            if (of.bits == 6) upper |= code >> 4 << ((k + j) / 2 * 2 + j % 2 * 16);
        }
        std::memcpy(to + (k / 8 * kColumns + column) * 4, &word, 4);
    }
    if (of.bits == 6) std::memcpy(to + (n / 8 * kColumns + column) * 4, &upper, 4);
}

void place(const CodeLayout& of, const Span& span, size_t column, uint8_t* to) {
    std::memcpy(to + 2 * column, &span.scale, 2);
    if (of.minimum) std::memcpy(to + 2 * (kColumns + column), &span.minimum, 2);
    uint8_t* group = to + of.head_bytes();
    for (size_t g = 0; g < of.span / of.group; ++g, group += of.group_bytes()) {
        if (of.fine) group[column] = span.fine_scales[g];
        if (of.fine && of.minimum) group[kColumns + column] = span.fine_minima[g];
        place_codes(of, span.codes + g * of.group, of.group, column, group + of.fine_bytes());
    }
}

// The bits that afs/dequantise.hpp gives. A column has one pair of codes, or eight, in a line of
// memory; the next lines are asked for by hand. Whole spans ahead, its codes lie as they do here.
constexpr size_t kAhead = 8192;  // bytes

template <Coding kCoding>
void unpack_column(const uint8_t* block, size_t column, size_t depth, float* to) {
    constexpr CodeLayout of = kCodeLayouts[kCoding];
    constexpr size_t ahead = (kAhead + of.span_bytes() - 1) / of.span_bytes() * of.span_bytes();
    for (size_t s = 0; s < depth / of.span; ++s) {
        const uint8_t* at = block + s * of.span_bytes();
        const float scale = blocks::f16_at(at + 2 * column);
        const float minimum = of.minimum ? blocks::f16_at(at + 2 * (kColumns + column)) : 0.0f;
        const uint8_t* group = at + of.head_bytes();
        for (size_t g = 0; g < of.span / of.group; ++g, group += of.group_bytes()) {
            float factor = scale, add = minimum;
            if (of.fine && of.minimum) {
                factor = scale * static_cast<float>(group[column]);
                add = -(minimum * static_cast<float>(group[kColumns + column]));
            } else if (of.fine) {
                factor = scale * static_cast<float>(static_cast<int8_t>(group[column]));
            }
            const uint8_t* codes = group + of.fine_bytes();
            for (size_t i = 0; i < of.group; ++i) {
                if (i % (of.bits == 8 ? 2 : 8) == 0)
                    __builtin_prefetch(codes + bit_of(of, i, column) / 8 + ahead);
                const int code = code_at(of, codes, i, column);
                const float q = factor * static_cast<float>(code + of.centre);
                *to++ = of.minimum ? q + add : q;
            }
        }
    }
}

}  // namespace

std::optional<Coding> coding_of(int32_t dtype) {
    switch (dtype) {
        case AFS_Q4_0: return kNibbles;
        case AFS_Q4_1: return kNibblesMinimum;
        case AFS_Q4_K: return kNibblesFine;
        case AFS_Q5_0:
        case AFS_Q8_0: return kBytes;
        case AFS_Q5_1: return kBytesMinimum;
        case AFS_Q5_K: return kBytesFine;
        case AFS_Q6_K: return kSixesFine;
        default: return {};
    }
}

size_t code_bytes(Coding coding, size_t depth) {
    const CodeLayout& of = kCodeLayouts[coding];
    return depth / of.span * of.span_bytes();
}

void pack_codes(Coding coding, const afs_tensor& plain, size_t first_row, size_t n_rows, void* to) {
    const CodeLayout& of = kCodeLayouts[coding];
    const size_t depth = static_cast<size_t>(plain.dims[1]);
    const size_t span_bytes = dtype_bytes(plain.dtype, of.span);
    // Spans outside, rows inside: what is written stays in the nearest cache.
    for (size_t s = 0; s < depth / of.span; ++s) {
        uint8_t* at = static_cast<uint8_t*>(to) + s * of.span_bytes();
        if (n_rows < kColumns) std::memset(at, 0, of.span_bytes());
        for (size_t c = 0; c < n_rows; ++c) {
            const size_t row =
                dtype_bytes(plain.dtype, (first_row + c) * static_cast<size_t>(plain.strides[0]));
            Span span;
            take_apart(plain.dtype, static_cast<const uint8_t*>(plain.data) + row + s * span_bytes,
                       span);
            place(of, span, c, at);
        }
    }
}

void unpack_codes(Coding coding, const void* block, size_t column, size_t depth, float* to) {
    const auto unpack = [&]<size_t... kCoding>(std::index_sequence<kCoding...>) {
        ((coding == kCoding ? unpack_column<static_cast<Coding>(kCoding)>(
                                  static_cast<const uint8_t*>(block), column, depth, to)
                            : void()),
         ...);
    };
    unpack(std::make_index_sequence<kCodings>());
}

}  // namespace afs::cpu
