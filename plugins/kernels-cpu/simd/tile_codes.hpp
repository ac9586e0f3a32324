// Rows of bf16, in tiles, times one packed block of codes by matrix tiles (tile_panel.hpp).
// Included inside an anonymous namespace after codes.hpp, tile_panel.hpp and a struct Tiles.
//
// A code is exact in bf16. A group of 32 codes is one product of tiles; its sums go through memory
// near the core to be multiplied by the scales and added to the totals, which are registers of 16
// rows by 16 columns.

// Eight codes of one vector of columns to pairs of bf16.
template <Coding kCoding>
AFS_FORCE void widen_pairs(bf16* to, const char* codes, size_t k, size_t column) {
    Codes<kCodeLayouts[kCoding].bits, 1> eight;
    eight.read(codes, k, column);
    AFS_UNROLL
    for (size_t s = 0; s < kStepCodes / 2; ++s) {
        const auto first = (Vec::Words)eight.one(2 * s, 0),
                   second = (Vec::Words)eight.one(2 * s + 1, 0);
        const Vec::Words pair = (first >> 16) | (second & 0xffff0000u);
        __builtin_memcpy(to + 2 * s * kColumns, &pair, sizeof pair);
    }
}

// One group of up to 16 rows by 16 columns; kOne: 0 or 1, its registers. sums: [16][16].
template <class Tiles, size_t kOne>
AFS_FORCE void multiply_group(const bf16* x, const bf16* w, float* sums) {
    constexpr ptrdiff_t w_bytes = kColumns * 4, x_bytes = 2 * kTile * sizeof(bf16);
    Tiles::template zero<kOne>();
    Tiles::template load<6 + kOne>(w, w_bytes);
    Tiles::template load<4 + kOne>(x, x_bytes);
    Tiles::template dot<kOne, 4 + kOne, 6 + kOne>();
    Tiles::template store<kOne>(sums, kTile * sizeof(float));
}

constexpr size_t kTileVecs = kTile / kWidth;

// sums times scales, and the offsets' part, to the totals. x_sum: of 16 rows.
template <class Source>
AFS_FORCE void add_scaled(Vec::F (&total)[kTile][kTileVecs], const Source& source,
                          const float* sums, const float* x_sum, size_t k, size_t column) {
    const auto group = source.group(k / Source::kGroup);
    AFS_UNROLL
    for (size_t v = 0; v < kTileVecs; ++v) {
        const Vec::F scale = source.scale(group, column + v * kWidth);
        AFS_UNROLL
        for (size_t r = 0; r < kTile; ++r)
            total[r][v] = Vec::fma(Vec::load(sums + r * kTile + v * kWidth), scale, total[r][v]);
        if (!Source::kMinimum) continue;
        const Vec::F offset = source.offset(group, column + v * kWidth);
        AFS_UNROLL
        for (size_t r = 0; r < kTile; ++r)
            total[r][v] = Vec::fma(Vec::set(x_sum[r]), offset, total[r][v]);
    }
}

// Up to 16 rows times a widened part, 16 columns at a time.
template <class Tiles, class Source>
__attribute__((noinline)) static void tile_rows(const Panel& p, const Source& source, size_t row,
                                                const Cut& cut) {
    alignas(64) float sums[2][kTile * kTile] = {};
    float x_sums[kExpandedDepth / kDepth][kTile] = {};  // of the part
    const size_t rows = p.rows - row < kTile ? p.rows - row : kTile;
    Tiles::configure(rows, rows, Source::kGroup / 2);
    const bf16* x = static_cast<const bf16*>(p.x) + row * p.depth;
    for (size_t k = cut.begin; Source::kMinimum && k < cut.end; k += kDepth)
        for (size_t r = 0; r < rows; ++r)
            x_sums[(k - cut.begin) / kDepth][r] =
                p.x_sums[static_cast<ptrdiff_t>(row + r) * p.x_sums_pitch +
                         static_cast<ptrdiff_t>(k / kDepth)];
    // In tiles of x: of a group of 16 every second lies within a line.
    const auto x_of = [&](size_t k)
                          AFS_LAMBDA { return x + k / kDepth * kDepth * kTile + k % kDepth; };
    for (size_t column = 0; column < p.columns; column += kTile) {
        const size_t in_block = p.first_column + column;
        const auto w_of = [&](size_t k)
                              AFS_LAMBDA { return source.place(k / Source::kGroup, 0, in_block); };
        Vec::F total[kTile][kTileVecs];
        float* kept = p.sums + row * kColumns + column;
        AFS_UNROLL
        for (size_t r = 0; r < kTile; ++r) AFS_UNROLL
        for (size_t v = 0; v < kTileVecs; ++v)
            total[r][v] =
                cut.first || r >= rows ? Vec::zero() : Vec::load(kept + r * kColumns + v * kWidth);
        for (size_t k = cut.begin; k < cut.end; k += 2 * Source::kGroup) {
            const size_t second = k + Source::kGroup;
            multiply_group<Tiles, 0>(x_of(k), w_of(k), sums[0]);
            if (second < cut.end) multiply_group<Tiles, 1>(x_of(second), w_of(second), sums[1]);
            add_scaled(total, source, sums[0], x_sums[(k - cut.begin) / kDepth], k, in_block);
            if (second < cut.end)
                add_scaled(total, source, sums[1], x_sums[(second - cut.begin) / kDepth], second,
                           in_block);
        }
        AFS_UNROLL
        for (size_t r = 0; r < kTile; ++r)  // in numbers known here, so that totals are registers
            if (r < rows) store_row<kTileVecs>(kept + r * kColumns, total[r], kTile);
        for (size_t r = 0; cut.last && r < rows; ++r) {
            Vec::F row_total[kTileVecs];
            for (size_t v = 0; v < kTileVecs; ++v)
                row_total[v] = Vec::load(kept + r * kColumns + v * kWidth);
            store_out<kTileVecs>(p, row + r, column, row_total);
        }
    }
}

template <class Tiles, Coding kCoding>
static void tile_code_panel(const Panel& p) {
    each_expanded(p, [&](const Cut& cut) AFS_LAMBDA {
        const WidenedCodes<bf16, kCoding> wide = {p.expanded,
                                                  cut.begin / kCodeLayouts[kCoding].group};
        widen_codes<kCoding>(p, wide, cut,
                             [](bf16* to, const char* codes, size_t k, size_t column)
                                 AFS_LAMBDA { widen_pairs<kCoding>(to, codes, k, column); });
        for (size_t row = 0; row < p.rows; row += kTile) tile_rows<Tiles>(p, wide, row, cut);
    });
    Tiles::release();
}
