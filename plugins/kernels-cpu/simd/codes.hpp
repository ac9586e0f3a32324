// Products of rows in fp32 with one packed block of codes (simd/code_layout.hpp). Included inside
// an anonymous namespace after panel.hpp.
//
// A group's codes are multiplied as the small integers they are, exact in fp32; its sum is then
// multiplied by the group's scale. What a minimum adds is the same for a whole group: it is
// multiplied by the sum of the group's x. A few rows decode as they read; for many, a part of the
// block is widened first. Both add in the same order, so a row has the same bits in both.
// Codes up to 128 times x: |x| above 2^115 may overflow where the weight itself would not.

constexpr size_t kStepCodes = 8;  // depth that is decoded at a time

// The next codes of kVecs vectors of columns, still packed. one(j, v): depth j of the eight.
template <size_t kBits, size_t kVecs>
struct Codes;
template <size_t kVecs>
struct Codes<4, kVecs> {
    Vec::Words words[kVecs];
    AFS_LAMBDA void read(const char* codes, size_t k, size_t column) {
        const auto* from = reinterpret_cast<const uint32_t*>(codes) + k / 8 * kColumns + column;
        AFS_UNROLL
        for (size_t v = 0; v < kVecs; ++v) words[v] = Vec::load_words(from + v * kWidth);
    }
    AFS_LAMBDA Vec::F one(size_t j, size_t v) const {
        return Vec::nibble(words[v], static_cast<int>(4 * (j / 2 + j % 2 * 4)));
    }
};
template <size_t kVecs>
struct Codes<6, kVecs> {
    Vec::Words low[kVecs], high[kVecs];
    size_t pair;  // of the group, the first of the eight
    AFS_LAMBDA void read(const char* codes, size_t k, size_t column) {
        const auto* from = reinterpret_cast<const uint32_t*>(codes) + column;
        pair = k / 2;
        AFS_UNROLL
        for (size_t v = 0; v < kVecs; ++v) {
            low[v] = Vec::load_words(from + k / 8 * kColumns + v * kWidth);
            high[v] = Vec::load_words(from + 2 * kColumns + v * kWidth);
        }
    }
    AFS_LAMBDA Vec::F one(size_t j, size_t v) const {
        const auto upper = static_cast<int>(2 * (pair + j / 2) + j % 2 * 16);
        return Vec::six(low[v], static_cast<int>(4 * (j / 2 + j % 2 * 4)), high[v], upper);
    }
    // Pair s of the eight, of 16 bits each, still 32 above.
    AFS_LAMBDA Vec::Words pair_of(size_t s, size_t v) const {
        const auto upper = static_cast<int>(2 * (pair + s));
        const Vec::Words four = upper < 4 ? high[v] << (4 - upper) : high[v] >> (upper - 4);
        return ((low[v] >> static_cast<int>(4 * s)) & 0x000f000fu) | (four & 0x00300030u);
    }
};
template <size_t kVecs>
struct Codes<8, kVecs> {
    const int8_t* from;
    AFS_LAMBDA void read(const char* codes, size_t k, size_t column) {
        from = reinterpret_cast<const int8_t*>(codes) + k * kColumns + 2 * column;
    }
    AFS_LAMBDA Vec::F one(size_t j, size_t v) const {
        const Vec::Words pairs = Vec::load_halves(from + 2 * (j / 2 * kColumns + v * kWidth));
        return Vec::byte(pairs, static_cast<int>(8 * (j % 2)));
    }
};
// The next eight codes of a vector of columns, neighbours in depth side by side. one(s, half): pair
// s of a half of the columns.
template <size_t kBits>
struct PairsOfCodes;
template <>
struct PairsOfCodes<4> {
    Vec::Words halves[2];
    AFS_LAMBDA void read(const char* codes, size_t k, size_t column) {
        const char* from = codes + 4 * (k / 8 * kColumns + column);
        halves[0] = Vec::load_halves(from), halves[1] = Vec::load_halves(from + 2 * kWidth);
    }
    AFS_LAMBDA Vec::F one(size_t s, size_t half) const {
        return Vec::nibble(halves[half], static_cast<int>(4 * s));
    }
    // The code plus kNibbleAbove[s % 2]: cheaper, since nothing is shifted to its place.
    AFS_LAMBDA Vec::F above(size_t s, size_t half) const {
        const Vec::Words w = s < 2 ? halves[half] << 8 : halves[half];
        return s % 2 ? Vec::or_of(w, 0xf000, Vec::set(0x1p11f))
                     : Vec::or_of(w, 0x0f00, Vec::set(0x1p15f));
    }
};
// A nibble at bit 8 or 12 of a number's mantissa counts as itself beside these, 8 above its code.
constexpr float kNibbleAbove[] = {0x1p15f + 8, 0x1p11f + 8};
template <>
struct PairsOfCodes<6> {
    Vec::Words low[2], high[2];
    size_t pair;  // of the group, the first of the eight
    AFS_LAMBDA void read(const char* codes, size_t k, size_t column) {
        const char* from = codes + 4 * column;
        pair = k / 2;
        AFS_UNROLL
        for (size_t half = 0; half < 2; ++half, from += 2 * kWidth) {
            low[half] = Vec::load_halves(from + 4 * (k / 8 * kColumns));
            high[half] = Vec::load_halves(from + 4 * (2 * kColumns));
        }
    }
    AFS_LAMBDA Vec::F one(size_t s, size_t half) const {
        return Vec::six(low[half], static_cast<int>(4 * s), high[half],
                        static_cast<int>(2 * (pair + s)));
    }
};
template <>
struct PairsOfCodes<8> {
    const int8_t* from;
    AFS_LAMBDA void read(const char* codes, size_t k, size_t column) {
        from = reinterpret_cast<const int8_t*>(codes) + k * kColumns + 2 * column;
    }
    AFS_LAMBDA Vec::F one(size_t s, size_t half) const {
        return Vec::load(from + 2 * s * kColumns + half * kWidth);
    }
};
// Widened ones, [depth][64].
template <size_t kVecs>
struct Widened {
    const float* from;
    AFS_LAMBDA void read(const float* codes, size_t k, size_t column) {
        from = codes + k * kColumns + column;
    }
    AFS_LAMBDA Vec::F one(size_t j, size_t v) const {
        return Vec::load(from + j * kColumns + v * kWidth);
    }
};

// x times eight codes of each column.
template <size_t kRows, size_t kVecs, class C>
AFS_FORCE void code_step(Vec::F (&sum)[kRows][kVecs], const float* x, ptrdiff_t pitch,
                         const C& codes) {
    AFS_UNROLL
    for (size_t j = 0; j < kStepCodes; ++j) {
        Vec::F weights[kVecs];
        AFS_UNROLL
        for (size_t v = 0; v < kVecs; ++v) weights[v] = codes.one(j, v);
        AFS_UNROLL
        for (size_t r = 0; r < kRows; ++r) {
            const Vec::F each =
                Vec::set(x[static_cast<ptrdiff_t>(r) * pitch + static_cast<ptrdiff_t>(j)]);
            AFS_UNROLL
            for (size_t v = 0; v < kVecs; ++v) sum[r][v] = Vec::fma(each, weights[v], sum[r][v]);
        }
    }
}

// A block as it is packed.
template <Coding kCoding>
struct PackedCodes {
    static constexpr size_t kGroup = kCodeLayouts[kCoding].group;
    static constexpr bool kMinimum = kCodeLayouts[kCoding].minimum;
    static constexpr bool kAsks = true;  // comes from memory: asked for ahead
    static constexpr size_t kGroupBytes = kCodeLayouts[kCoding].group_bytes();
    template <size_t kVecs>
    using Reader = Codes<kCodeLayouts[kCoding].bits, kVecs>;
    struct Group {
        const char *head, *fine, *codes;
        const char* first;  // of its bytes
    };
    const char* block;

    AFS_LAMBDA Group group(size_t i) const {
        constexpr CodeLayout of = kCodeLayouts[kCoding];
        constexpr size_t n = of.span / of.group, span_bytes = of.span_bytes(),
                         head_bytes = of.head_bytes(), group_bytes = of.group_bytes(),
                         fine_bytes = of.fine_bytes();
        const char* head = block + i / n * span_bytes;
        const char* fine = head + head_bytes + i % n * group_bytes;
        return {head, fine, fine + fine_bytes, i % n ? fine : head};
    }
    AFS_LAMBDA Vec::F scale(const Group& g, size_t column) const {
        const Vec::F scale = Vec::load(reinterpret_cast<const f16*>(g.head) + column);
        if constexpr (!kCodeLayouts[kCoding].fine) return scale;
        return Vec::mul(scale, Vec::load(reinterpret_cast<const int8_t*>(g.fine) + column));
    }
    // What a minimum adds to every weight of a group, for codes around the centre.
    AFS_LAMBDA Vec::F offset(const Group& g, size_t column) const {
        const Vec::F minimum = Vec::load(reinterpret_cast<const f16*>(g.head) + kColumns + column);
        const Vec::F to_centre =
            Vec::mul(scale(g, column), Vec::set(static_cast<float>(kCodeLayouts[kCoding].centre)));
        if constexpr (!kCodeLayouts[kCoding].fine) return Vec::add(to_centre, minimum);
        return Vec::sub(to_centre,
                        Vec::mul(minimum, Vec::load(reinterpret_cast<const uint8_t*>(g.fine) +
                                                    kColumns + column)));
    }
};

// A part of a block that was widened: [groups][64] scales, [groups][64] offsets, codes. W: float
// for [depth][64], else two bytes for [depth / 2][64][2].
template <class W, Coding kCoding>
struct WidenedCodes {
    static constexpr size_t kGroup = kCodeLayouts[kCoding].group;
    static constexpr bool kMinimum = kCodeLayouts[kCoding].minimum;
    static constexpr bool kAsks = false;
    static constexpr size_t kScales = kExpandedDepth / kGroup * kColumns;
    template <size_t kVecs>
    using Reader = Widened<kVecs>;
    struct Group {
        const float* scales;
        const W* codes;
    };
    float* at;
    size_t first;  // group

    AFS_LAMBDA float* scales(size_t i) const { return at + (i - first) * kColumns; }
    AFS_LAMBDA W* codes(size_t i) const {
        return reinterpret_cast<W*>(at + 2 * kScales) + (i - first) * kGroup * kColumns;
    }
    AFS_LAMBDA W* place(size_t i, size_t k, size_t column) const {
        // NOLINTNEXTLINE(bugprone-sizeof-expression): 1 where W is float
        return codes(i) + k * kColumns + column * (sizeof(float) / sizeof(W));
    }
    AFS_LAMBDA Group group(size_t i) const { return {scales(i), codes(i)}; }
    AFS_LAMBDA Vec::F scale(const Group& g, size_t column) const {
        return Vec::load(g.scales + column);
    }
    AFS_LAMBDA Vec::F offset(const Group& g, size_t column) const {
        return Vec::load(g.scales + kScales + column);
    }
};

// put(to, codes, k, column) widens eight codes of a group, of one vector of columns.
template <Coding kCoding, class To, class Put>
AFS_FORCE void widen_codes(const Panel& p, const To& to, const Cut& cut, const Put& put) {
    const PackedCodes<kCoding> source = {static_cast<const char*>(p.w)};
    for (size_t i = cut.begin / To::kGroup; i < cut.end / To::kGroup; ++i) {
        const auto group = source.group(i);
        for (size_t c = p.first_column; c < p.first_column + p.columns; c += kWidth) {
            Vec::store(to.scales(i) + c, source.scale(group, c));
            if constexpr (To::kMinimum)
                Vec::store(to.scales(i) + To::kScales + c, source.offset(group, c));
            for (size_t k = 0; k < To::kGroup; k += kStepCodes)
                put(to.place(i, k, c), group.codes, k, c);
        }
    }
}

template <size_t kRows, size_t kVecs, class Source>
AFS_FORCE void code_tile(const Panel& p, const Source& source, size_t row, size_t column,
                         const Cut& cut) {
    constexpr size_t kGroup = Source::kGroup;
    constexpr size_t slice = kSlice < kGroup ? kSlice : kGroup;
    const size_t in_block = p.first_column + column;
    Vec::F total[kRows][kVecs];
    AFS_UNROLL
    for (size_t r = 0; r < kRows; ++r) AFS_UNROLL
    for (size_t v = 0; v < kVecs; ++v)
        total[r][v] = cut.first ? Vec::zero()
                                : Vec::load(p.sums + (row + r) * kColumns + column + v * kWidth);
    const auto* x = static_cast<const float*>(p.x) + static_cast<ptrdiff_t>(row) * p.x_pitch;
    for (size_t k = cut.begin; k < cut.end; k += kGroup) {
        const auto group = source.group(k / kGroup);
        if constexpr (Source::kAsks)
            if (column == 0) ask_ahead(group.first, Source::kGroupBytes);
        for (size_t begin = 0; begin < kGroup; begin += slice) {
            Vec::F sum[kRows][kVecs];
            AFS_UNROLL
            for (size_t r = 0; r < kRows; ++r) AFS_UNROLL
            for (size_t v = 0; v < kVecs; ++v) sum[r][v] = Vec::zero();
            for (size_t j = begin; j < begin + slice; j += kStepCodes) {
                typename Source::template Reader<kVecs> codes;
                codes.read(group.codes, j, in_block);
                code_step(sum, x + k + j, p.x_pitch, codes);
            }
            AFS_UNROLL
            for (size_t v = 0; v < kVecs; ++v) {
                const Vec::F scale = source.scale(group, in_block + v * kWidth);
                AFS_UNROLL
                for (size_t r = 0; r < kRows; ++r)
                    total[r][v] = Vec::fma(sum[r][v], scale, total[r][v]);
            }
        }
        if (!Source::kMinimum) continue;
        AFS_UNROLL
        for (size_t v = 0; v < kVecs; ++v) {
            const Vec::F offset = source.offset(group, in_block + v * kWidth);
            AFS_UNROLL
            for (size_t r = 0; r < kRows; ++r) {
                const float x_sum = p.x_sums[static_cast<ptrdiff_t>(row + r) * p.x_sums_pitch +
                                             static_cast<ptrdiff_t>(k / kGroup)];
                total[r][v] = Vec::fma(Vec::set(x_sum), offset, total[r][v]);
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

template <size_t kRows, size_t kVecs, class Source>
AFS_FORCE void code_row(const Panel& p, const Source& source, size_t row, const Cut& cut) {
    size_t column = 0;
    for (; column + (kVecs - 1) * kWidth < p.columns; column += kVecs * kWidth)
        code_tile<kRows, kVecs>(p, source, row, column, cut);
    for (; column < p.columns; column += kWidth) code_tile<kRows, 1>(p, source, row, column, cut);
}

// Not melted into its callers.
template <class Shape, class Wide>
__attribute__((noinline)) static void widened_rows(const Panel& p, const Wide& wide,
                                                   const Cut& cut) {
    size_t row = 0;
    for (; row + Shape::kManyRows <= p.rows; row += Shape::kManyRows)
        code_row<Shape::kManyRows, Shape::kManyVecs>(p, wide, row, cut);
    for (; row < p.rows; ++row) code_row<1, Shape::kManyVecs>(p, wide, row, cut);
}

// Below this many rows decoding for each is cheaper than widening.
constexpr size_t kFewRows = 4;

// body(cut) for each part of the depth that is widened at a time.
template <class Body>
AFS_FORCE void each_expanded(const Panel& p, const Body& body) {
    for (size_t begin = 0; begin < p.depth; begin += kExpandedDepth) {
        const size_t end = begin + kExpandedDepth < p.depth ? begin + kExpandedDepth : p.depth;
        body(Cut{begin, end, begin == 0, end == p.depth});
    }
}

template <Coding kCoding, class Shape>
static void code_panel(const Panel& p) {
    if (p.rows < kFewRows) {
        const PackedCodes<kCoding> packed = {static_cast<const char*>(p.w)};
        const Cut all = {0, p.depth, true, true};
        for (size_t row = 0; row < p.rows; ++row)
            code_row<1, Shape::kManyVecs>(p, packed, row, all);
        return;
    }
    each_expanded(p, [&](const Cut& cut) AFS_LAMBDA {
        const WidenedCodes<float, kCoding> wide = {p.expanded,
                                                   cut.begin / kCodeLayouts[kCoding].group};
        widen_codes<kCoding>(p, wide, cut,
                             [](float* to, const char* codes, size_t k, size_t column) AFS_LAMBDA {
                                 Codes<kCodeLayouts[kCoding].bits, 1> eight;
                                 eight.read(codes, k, column);
                                 AFS_UNROLL
                                 for (size_t j = 0; j < kStepCodes; ++j)
                                     Vec::store(to + j * kColumns, eight.one(j, 0));
                             });
        widened_rows<Shape>(p, wide, cut);
    });
}

template <class T>
AFS_FORCE void sum_groups_of(float* to, const T* x, size_t n) {
    constexpr size_t kGroup = 32;
    for (size_t i = 0; i + kGroup <= n; i += kGroup) {
        Vec::F sum = Vec::zero();
        for (size_t j = 0; j < kGroup; j += kWidth) sum = Vec::add(sum, Vec::load(x + i + j));
        to[i / kGroup] = Vec::sum(sum);
    }
}
