// Matrix tiles: a part of a packed block of weights as tiles of bf16, and x times it. Included
// inside an anonymous namespace after a struct Vec, codes.hpp and a struct Tiles.
//
// Products are 2 x 2 tiles of 16 x 16 sums, so that each tile that is loaded serves twice. Tiles of
// both sides come from the second cache; sums go to it and back in fp32 as they are. The
// next weights are not asked for meanwhile: it did not pay (docs/PERFORMANCE.md).
//
// A weight in codes becomes the bf16 nearest to it, scale and minimum included: a sum for each
// group would cost more than the products.
//
// Tiles has registers 0..3 for sums, 4..5 for x, 6 for weights:
//   configure(upper, lower)          rows of the upper and the lower tiles of x and of sums (lower
//                                    may be 0)
//   zero<t>(), load<t, far>(from, bytes from line to line), store<t>(to, bytes)
//                                    far: past the nearest cache, if not there; false unless given
//   dot<sums, x, weights>()          sums += x[rows, 16, 2] * weights[16, 16, 2], of bf16
//   release()

constexpr size_t kTileElements = 2 * kTile * kTile;  // of bf16

// Where the pair of weights of an even depth, counted from the part's first, and a column lies.
AFS_FORCE bf16* pair_in_tiles(bf16* tiles, size_t k, size_t column) {
    const size_t tile = k / kDepth * (kColumns / kTile) + column / kTile;
    return tiles + tile * kTileElements + (k % kDepth / 2 * kTile + column % kTile) * 2;
}

static void fill_from_bf16(void* tiles, const void* block, size_t begin, size_t end) {
    const auto* from = static_cast<const bf16*>(block) + begin * kColumns;
    for (size_t k = 0; k < end - begin; k += 2, from += 2 * kColumns) {
        ask_ahead(from, 2 * kColumns * sizeof(bf16));
        for (size_t column = 0; column < kColumns; column += kTile)
            __builtin_memcpy(pair_in_tiles(static_cast<bf16*>(tiles), k, column), from + 2 * column,
                             2 * kTile * sizeof(bf16));
    }
}

// One group of one vector of columns.
template <Coding kCoding>
AFS_FORCE void fill_group(bf16* tiles, const typename PackedCodes<kCoding>::Group& group,
                          const PackedCodes<kCoding>& source, size_t k, size_t column) {
    constexpr CodeLayout of = kCodeLayouts[kCoding];
    const Vec::F scale = source.scale(group, column);
    Vec::F offset = Vec::zero();
    if constexpr (of.minimum) offset = source.offset(group, column);
    const auto weight = [&](Vec::F code) AFS_LAMBDA {
        if constexpr (of.minimum) return Vec::fma(code, scale, offset);
        return Vec::mul(code, scale);
    };
    AFS_UNROLL
    for (size_t j = 0; j < of.group; j += kStepCodes) {
        Codes<of.bits, 1> eight;
        eight.read(group.codes, j, column);
        AFS_UNROLL
        for (size_t s = 0; s < kStepCodes; s += 2)
            Vec::store_pairs(pair_in_tiles(tiles, k + j + s, column), weight(eight.one(s, 0)),
                             weight(eight.one(s + 1, 0)));
    }
}

template <Coding kCoding>
static void fill_from_codes(void* tiles, const void* block, size_t begin, size_t end) {
    constexpr size_t kGroup = kCodeLayouts[kCoding].group;
    const PackedCodes<kCoding> source = {static_cast<const char*>(block)};
    for (size_t k = begin; k < end; k += kGroup) {
        const auto group = source.group(k / kGroup);
        const char* next = group.first;
        constexpr size_t bytes = kCodeLayouts[kCoding].group_bytes() * kWidth / kColumns;
        for (size_t column = 0; column < kColumns; column += kWidth, next += bytes) {
            ask_ahead(next, bytes);
            fill_group<kCoding>(static_cast<bf16*>(tiles), group, source, k - begin, column);
        }
    }
}

constexpr size_t kNearDepth = 256;  // up to which two tiles of each side stay in the nearest cache
constexpr ptrdiff_t kTileLine = 2 * kTile * sizeof(bf16);  // bytes

// Up to 16 rows by 32 columns.
template <class Tiles>
AFS_FORCE void multiply_upper(const bf16* x, const bf16* w, size_t depth) {
    for (size_t k = 0; k < depth; k += kDepth, w += kDepth * kColumns) {
        Tiles::template load<6>(w, kTileLine);
        Tiles::template load<4>(x + k * kTile, kTileLine);
        Tiles::template dot<0, 4, 6>();
        Tiles::template load<6>(w + kTileElements, kTileLine);
        Tiles::template dot<1, 4, 6>();
    }
}

// Up to 32 rows by 32 columns. Seven registers of the eight: a core whose other thread is busy has
// about as many real ones for this one, and every load would wait for the products before it
// (docs/PERFORMANCE.md). kFar: both sides come from the second cache.
template <class Tiles, bool kFar>
AFS_FORCE void multiply_both(const bf16* x, const bf16* x_lower, const bf16* w, size_t depth) {
    Tiles::template load<4, kFar>(x, kTileLine);
    Tiles::template load<5, kFar>(x_lower, kTileLine);
    for (const bf16* end = x + depth * kTile;; w += kDepth * kColumns) {
        Tiles::template load<6, kFar>(w, kTileLine);
        Tiles::template dot<0, 4, 6>(), Tiles::template dot<2, 5, 6>();
        Tiles::template load<6, kFar>(w + kTileElements, kTileLine);
        Tiles::template dot<1, 4, 6>();
        x += kTileElements, x_lower += kTileElements;
        if (x == end) break;
        Tiles::template load<4, kFar>(x, kTileLine);
        Tiles::template dot<3, 5, 6>();
        Tiles::template load<5, kFar>(x_lower, kTileLine);
    }
    Tiles::template dot<3, 5, 6>();
}

// x_lower: the rows from the 17th on, NULL: none.
template <class Tiles>
AFS_FORCE void multiply_square(const TileProduct& p, const bf16* x, const bf16* x_lower,
                               const bf16* w, float* sums) {
    constexpr ptrdiff_t line = kColumns * sizeof(float);
    float* below = sums + kTile * kColumns;
    if (p.first) {
        Tiles::template zero<0>(), Tiles::template zero<1>();
        if (x_lower) Tiles::template zero<2>(), Tiles::template zero<3>();
    } else {
        Tiles::template load<0>(sums, line), Tiles::template load<1>(sums + kTile, line);
        if (x_lower)
            Tiles::template load<2>(below, line), Tiles::template load<3>(below + kTile, line);
    }
    if (x_lower && p.depth > kNearDepth)
        multiply_both<Tiles, true>(x, x_lower, w, p.depth);
    else if (x_lower)
        multiply_both<Tiles, false>(x, x_lower, w, p.depth);
    else
        multiply_upper<Tiles>(x, w, p.depth);
    Tiles::template store<0>(sums, line), Tiles::template store<1>(sums + kTile, line);
    if (x_lower)
        Tiles::template store<2>(below, line), Tiles::template store<3>(below + kTile, line);
}

template <class Tiles>
static void multiply_tiles(const TileProduct& p) {
    size_t configured = 0;
    for (size_t column = 0; column < p.columns; column += 2 * kTile)
        for (size_t row = 0; row < p.rows; row += 2 * kTile) {
            const size_t rows = p.rows - row < 2 * kTile ? p.rows - row : 2 * kTile;
            const size_t upper = rows < kTile ? rows : kTile, lower = rows - upper;
            if (rows != configured) Tiles::configure(upper, lower);
            configured = rows;
            const bf16* x = static_cast<const bf16*>(p.x) + row * p.depth;
            const bf16* w = static_cast<const bf16*>(p.w) + column / kTile * kTileElements;
            multiply_square<Tiles>(p, x, lower ? x + kTile * p.depth : nullptr, w,
                                   p.sums + row * kColumns + column);
        }
    Tiles::release();
}
