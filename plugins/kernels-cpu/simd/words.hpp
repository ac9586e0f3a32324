// Products of rows of whole numbers of 16 bits with one packed block of codes
// (simd/code_layout.hpp): two neighbours in depth to a word, as the codes lie. Included inside an
// anonymous namespace after codes.hpp.
//
// 32 neighbours of x share a power of two. The largest is below 2^15 of it and the others are
// rounded to whole multiples: bf16's 8 significant bits are kept as they are down to a 128th of the
// largest. A group's sum is exact, whatever the order, so few rows and many have the same bits.

// Of the exponent's bits: from here down 2^-14 of the largest is a subnormal.
constexpr uint32_t kLeastExponent = 15;

// false: x is not finite somewhere, and what was written is worth nothing.
static bool whole_row(const WholeRow& to, const void* from, size_t n) {
    const auto* x = static_cast<const bf16*>(from);
    for (size_t block = 0; block < n / kDepth; ++block, x += kDepth) {
        uint16_t bits[kDepth], most = 0;
        __builtin_memcpy(bits, x, sizeof bits);
        for (const uint16_t each : bits) {
            const auto size = static_cast<uint16_t>(each & 0x7fff);
            most = size > most ? size : most;
        }
        uint32_t exponent = most >> 7;
        if (exponent == 0xff) return false;
        exponent = exponent > kLeastExponent ? exponent : kLeastExponent;
        const uint32_t unit_bits = (exponent - 14) << 23, inverse_bits = (268 - exponent) << 23;
        float unit, inverse;
        __builtin_memcpy(&unit, &unit_bits, 4);
        __builtin_memcpy(&inverse, &inverse_bits, 4);
        int16_t* q = to.numbers + block * kDepth;
        for (size_t i = 0; i < kDepth; i += kWidth)
            Vec::store_whole(q + i, Vec::mul(Vec::load(x + i), Vec::set(inverse)));
        int32_t sum = 0;
        for (size_t i = 0; i < kDepth; ++i) sum += q[i];
        to.units[block] = unit;
        to.sums[block] = unit * static_cast<float>(sum);
        to.bases[block] = -8 * sum;
    }
    return true;
}

// Pairs of 4-bit codes, each 8 above its code, from a word moved down by 4 s bits.
constexpr uint32_t kLowNibbles = 0x000f000f;

AFS_FORCE Vec::Words pair_of(const int16_t* x) {
    int32_t pair;
    __builtin_memcpy(&pair, x, sizeof pair);
    return Vec::set_words(pair);
}

// Unrolled, the sums of a group would be added up as a tree, with more terms than registers.
// sum[v] = sum over one group of x * code. Nibbles are taken out where they are: those of three
// places are multiplied 1, 16 and 256 times too large (below 2^31), and base takes their 8s away.
template <Coding kCoding, size_t kVecs>
AFS_FORCE void group_words(Vec::Words (&sum)[kVecs], const char* codes, size_t column,
                           const int16_t* x, int32_t base) {
    constexpr CodeLayout of = kCodeLayouts[kCoding];
    if constexpr (of.bits == 8) {
        AFS_UNROLL
        for (size_t v = 0; v < kVecs; ++v) sum[v] = Vec::set_words(0);
        const auto* from = reinterpret_cast<const int8_t*>(codes) + 2 * column;
        AFS_KEEP_LOOP
        for (size_t k = 0; k < of.group; k += 2) {
            ask_ahead(from + k * kColumns, 2 * kVecs * kWidth);
            const Vec::Words each = pair_of(x + k);
            AFS_UNROLL
            for (size_t v = 0; v < kVecs; ++v)
                sum[v] = Vec::dot(sum[v], each,
                                  Vec::load_code_pairs(from + k * kColumns + 2 * v * kWidth));
        }
    } else if constexpr (of.bits == 6) {
        AFS_UNROLL
        for (size_t v = 0; v < kVecs; ++v) sum[v] = Vec::set_words(0);
        AFS_UNROLL
        for (size_t k = 0; k < of.group; k += kStepCodes) {
            Codes<6, kVecs> eight;
            eight.read(codes, k, column);
            ask_ahead(codes + (k / 8 * kColumns + column) * 4, 4 * kVecs * kWidth);
            if (k == 0) ask_ahead(codes + (2 * kColumns + column) * 4, 4 * kVecs * kWidth);
            AFS_UNROLL
            for (size_t s = 0; s < kStepCodes / 2; ++s) {
                const Vec::Words each = pair_of(x + k + 2 * s);
                AFS_UNROLL
                for (size_t v = 0; v < kVecs; ++v)
                    sum[v] = Vec::dot(sum[v], each, Vec::less(eight.pair_of(s, v), 32));
            }
        }
    } else {
        Vec::Words sixteen[kVecs], most[kVecs];
        AFS_UNROLL
        for (size_t v = 0; v < kVecs; ++v)
            sum[v] = Vec::set_words(base), sixteen[v] = most[v] = Vec::set_words(0);
        const auto* from = reinterpret_cast<const uint32_t*>(codes) + column;
        AFS_KEEP_LOOP
        for (size_t k = 0; k < of.group; k += 8, x += 8) {
            ask_ahead(from + k / 8 * kColumns, 4 * kVecs * kWidth);
            const Vec::Words x0 = pair_of(x), x1 = pair_of(x + 2), x2 = pair_of(x + 4),
                             x3 = pair_of(x + 6);
            AFS_UNROLL
            for (size_t v = 0; v < kVecs; ++v) {
                const Vec::Words w = Vec::load_words(from + k / 8 * kColumns + v * kWidth);
                sum[v] = Vec::dot(sum[v], x0, w & kLowNibbles);
                sixteen[v] = Vec::dot(sixteen[v], x1, w & (kLowNibbles << 4));
                most[v] = Vec::dot(most[v], x2, w & (kLowNibbles << 8));
                sum[v] = Vec::dot(sum[v], x3, Vec::top_nibbles(w));
            }
        }
        AFS_UNROLL
        for (size_t v = 0; v < kVecs; ++v)
            sum[v] += Vec::lower(sixteen[v], 4) + Vec::lower(most[v], 8);
    }
}

// One row, all columns of a group before the next group: the block is read as one stream.
template <Coding kCoding, size_t kVecs>
AFS_FORCE void word_row(const Panel& p, size_t row) {
    using Source = PackedCodes<kCoding>;
    const Source source = {static_cast<const char*>(p.w)};
    const auto* x = static_cast<const int16_t*>(p.x) + static_cast<ptrdiff_t>(row) * p.x_pitch;
    const ptrdiff_t at = static_cast<ptrdiff_t>(row) * p.x_sums_pitch;
    const size_t n_vecs = (p.columns + kWidth - 1) / kWidth;
    Vec::F total[kColumns / kWidth];
    for (Vec::F& each : total) each = Vec::zero();
    for (size_t k = 0; k < p.depth; k += Source::kGroup) {
        const auto group = source.group(k / Source::kGroup);
        const ptrdiff_t block = at + static_cast<ptrdiff_t>(k / kDepth);
        const Vec::F unit = Vec::set(p.x_units[block]);
        ask_ahead(group.first, static_cast<size_t>(group.codes - group.first));
        for (size_t first = 0; first < n_vecs; first += kVecs) {
            const size_t column = p.first_column + first * kWidth;
            Vec::Words sum[kVecs];
            group_words<kCoding>(sum, group.codes, column, x + k, p.x_bases[block]);
            AFS_UNROLL
            for (size_t v = 0; v < kVecs; ++v) {
                const Vec::F scale = source.scale(group, column + v * kWidth);
                Vec::F& to = total[first + v];
                to = Vec::fma(Vec::of_words(sum[v]), Vec::mul(scale, unit), to);
                if constexpr (Source::kMinimum)
                    to = Vec::fma(Vec::set(p.x_sums[block]),
                                  source.offset(group, column + v * kWidth), to);
            }
        }
    }
    store_out<kColumns / kWidth>(p, row, 0, total);
}

// Some rows times some vectors of columns of a widened part.
template <size_t kRows, size_t kVecs, class Source>
AFS_FORCE void word_tile(const Panel& p, const Source& source, size_t row, size_t column,
                         const Cut& cut) {
    const size_t in_block = p.first_column + column;
    Vec::F total[kRows][kVecs];
    AFS_UNROLL
    for (size_t r = 0; r < kRows; ++r) AFS_UNROLL
    for (size_t v = 0; v < kVecs; ++v)
        total[r][v] = cut.first ? Vec::zero()
                                : Vec::load(p.sums + (row + r) * kColumns + column + v * kWidth);
    const auto* x = static_cast<const int16_t*>(p.x) + static_cast<ptrdiff_t>(row) * p.x_pitch;
    for (size_t k = cut.begin; k < cut.end; k += Source::kGroup) {
        const auto group = source.group(k / Source::kGroup);
        Vec::Words sum[kRows][kVecs];
        AFS_UNROLL
        for (size_t r = 0; r < kRows; ++r) AFS_UNROLL
        for (size_t v = 0; v < kVecs; ++v) sum[r][v] = Vec::set_words(0);
        for (size_t j = 0; j < Source::kGroup; j += 2) {
            const auto* from =
                reinterpret_cast<const uint32_t*>(group.codes) + j / 2 * kColumns + in_block;
            Vec::Words w[kVecs];
            AFS_UNROLL
            for (size_t v = 0; v < kVecs; ++v) w[v] = Vec::load_words(from + v * kWidth);
            AFS_UNROLL
            for (size_t r = 0; r < kRows; ++r) {
                const Vec::Words each = pair_of(x + static_cast<ptrdiff_t>(r) * p.x_pitch +
                                                static_cast<ptrdiff_t>(k + j));
                AFS_UNROLL
                for (size_t v = 0; v < kVecs; ++v) sum[r][v] = Vec::dot(sum[r][v], each, w[v]);
            }
        }
        AFS_UNROLL
        for (size_t v = 0; v < kVecs; ++v) {
            const Vec::F scale = source.scale(group, in_block + v * kWidth);
            AFS_UNROLL
            for (size_t r = 0; r < kRows; ++r) {
                const ptrdiff_t block = static_cast<ptrdiff_t>(row + r) * p.x_sums_pitch +
                                        static_cast<ptrdiff_t>(k / kDepth);
                const Vec::F unit = Vec::set(p.x_units[block]);
                total[r][v] =
                    Vec::fma(Vec::of_words(sum[r][v]), Vec::mul(scale, unit), total[r][v]);
                if constexpr (Source::kMinimum)
                    total[r][v] =
                        Vec::fma(Vec::set(p.x_sums[block]),
                                 source.offset(group, in_block + v * kWidth), total[r][v]);
            }
        }
    }
    AFS_UNROLL
    for (size_t r = 0; r < kRows; ++r)
        if (cut.last)
            store_out<kVecs>(p, row + r, column, total[r]);
        else
            store_row<kVecs>(p.sums + (row + r) * kColumns + column, total[r], kColumns);
}

// Columns outside, rows inside: what is widened of a tile's columns stays in the nearest cache.
template <size_t kRows, size_t kVecs, class Wide>
__attribute__((noinline)) static void word_columns(const Panel& p, const Wide& wide, size_t column,
                                                   const Cut& cut) {
    size_t row = 0;
    for (; row + kRows <= p.rows; row += kRows) word_tile<kRows, kVecs>(p, wide, row, column, cut);
    for (; row < p.rows; ++row) word_tile<1, kVecs>(p, wide, row, column, cut);
}

// Eight codes of each column to pairs of 16 bits.
template <Coding kCoding>
AFS_FORCE void widen_words(int16_t* to, const char* codes, size_t k, size_t column) {
    auto* words = reinterpret_cast<uint32_t*>(to);
    if constexpr (kCodeLayouts[kCoding].bits == 4) {
        Codes<4, 1> eight;
        eight.read(codes, k, column);
        AFS_UNROLL
        for (size_t s = 0; s < 4; ++s)
            Vec::store_words(
                words + s * kColumns,
                Vec::less((eight.words[0] >> static_cast<int>(4 * s)) & kLowNibbles, 8));
    } else if constexpr (kCodeLayouts[kCoding].bits == 6) {
        Codes<6, 1> eight;
        eight.read(codes, k, column);
        AFS_UNROLL
        for (size_t s = 0; s < 4; ++s)
            Vec::store_words(words + s * kColumns, Vec::less(eight.pair_of(s, 0), 32));
    } else {
        const auto* from = reinterpret_cast<const int8_t*>(codes) + k * kColumns + 2 * column;
        AFS_UNROLL
        for (size_t s = 0; s < 4; ++s)
            Vec::store_words(words + s * kColumns, Vec::load_code_pairs(from + 2 * s * kColumns));
    }
}

template <Coding kCoding, class Shape>
static void word_panel(const Panel& p) {
    constexpr size_t kVecs = Shape::kWordVecs;
    if (p.rows < kFewRows) {
        const bool whole = (p.columns + kWidth - 1) / kWidth % kVecs == 0;
        for (size_t row = 0; row < p.rows; ++row)
            whole ? word_row<kCoding, kVecs>(p, row) : word_row<kCoding, 1>(p, row);
        return;
    }
    each_expanded(p, [&](const Cut& cut) AFS_LAMBDA {
        const WidenedCodes<int16_t, kCoding> wide = {p.expanded,
                                                     cut.begin / kCodeLayouts[kCoding].group};
        widen_codes<kCoding>(p, wide, cut,
                             [](int16_t* to, const char* codes, size_t k, size_t column)
                                 AFS_LAMBDA { widen_words<kCoding>(to, codes, k, column); });
        size_t column = 0;
        for (; column + (kVecs - 1) * kWidth < p.columns; column += kVecs * kWidth)
            word_columns<Shape::kWordRows, kVecs>(p, wide, column, cut);
        for (; column < p.columns; column += kWidth)
            word_columns<Shape::kWordRows, 1>(p, wide, column, cut);
    });
}

template <class Shape, size_t... kCoding>
constexpr void set_word_panels(Kernels& to, std::index_sequence<kCoding...>) {
    ((to.panel_words[kCoding] = word_panel<static_cast<Coding>(kCoding), Shape>), ...);
}
template <class Shape>
constexpr Kernels with_words(Kernels kernels) {
    set_word_panels<Shape>(kernels, std::make_index_sequence<kCodings>());
    kernels.whole_row = whole_row;
    return kernels;
}
