// Rows of bf16 times one packed block of codes by matrix tiles (tile_panel.hpp). Included inside an
// anonymous namespace after codes.hpp, tile_panel.hpp and a struct Tiles.
//
// A code is exact in bf16. A group of 32 codes is one product of tiles; its sums go through memory
// near the core, where they are multiplied by the scales and added to the totals.

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

// One group of up to 32 rows by 32 columns. sums: [32][32].
template <class Tiles, size_t kGroup>
AFS_FORCE void multiply_group(const bf16* x, ptrdiff_t x_bytes, const bf16* w, bool lower,
                              float* sums) {
    constexpr ptrdiff_t w_bytes = kColumns * 4, bytes = 2 * kTile * sizeof(float);
    Tiles::template zero<0>(), Tiles::template zero<1>();
    Tiles::template load<6>(w, w_bytes), Tiles::template load<7>(w + 2 * kTile, w_bytes);
    Tiles::template load<4>(x, x_bytes);
    Tiles::template dot<0, 4, 6>(), Tiles::template dot<1, 4, 7>();
    Tiles::template store<0>(sums, bytes), Tiles::template store<1>(sums + kTile, bytes);
    if (!lower) return;
    Tiles::template zero<2>(), Tiles::template zero<3>();
    Tiles::template load<5>(
        reinterpret_cast<const char*>(x) + static_cast<ptrdiff_t>(kTile) * x_bytes, x_bytes);
    Tiles::template dot<2, 5, 6>(), Tiles::template dot<3, 5, 7>();
    float* below = sums + 2 * kTile * kTile;
    Tiles::template store<2>(below, bytes), Tiles::template store<3>(below + kTile, bytes);
}

// sums times scales, and the offsets' part, to the totals p.sums.
template <class Source>
AFS_FORCE void add_tiles_scaled(const Panel& p, const Source& source, const float* sums, size_t k,
                                size_t row, size_t rows, size_t column, bool first) {
    const auto group = source.group(k / Source::kGroup);
    const size_t in_block = p.first_column + column;
    for (size_t v = 0; v < 2 * kTile && column + v < p.columns; v += kWidth) {
        const Vec::F scale = source.scale(group, in_block + v);
        Vec::F offset = Vec::zero();
        if constexpr (Source::kMinimum) offset = source.offset(group, in_block + v);
        for (size_t r = 0; r < rows; ++r) {
            float* to = p.sums + (row + r) * kColumns + column + v;
            Vec::F total = first ? Vec::zero() : Vec::load(to);
            total = Vec::fma(Vec::load(sums + r * 2 * kTile + v), scale, total);
            if constexpr (Source::kMinimum) {
                const ptrdiff_t at = static_cast<ptrdiff_t>(row + r) * p.x_sums_pitch +
                                     static_cast<ptrdiff_t>(k / kDepth);
                total = Vec::fma(Vec::set(p.x_sums[at]), offset, total);
            }
            Vec::store(to, total);
        }
    }
}

template <class Tiles, class Source>
__attribute__((noinline)) static void tile_rows(const Panel& p, const Source& source, size_t row,
                                                const Cut& cut) {
    alignas(64) float sums[2 * kTile * 2 * kTile];
    const size_t rows = p.rows - row < 2 * kTile ? p.rows - row : 2 * kTile;
    const size_t upper = rows < kTile ? rows : kTile;
    Tiles::configure(upper, rows - upper, Source::kGroup / 2);
    const bf16* x = static_cast<const bf16*>(p.x) + static_cast<ptrdiff_t>(row) * p.x_pitch;
    for (size_t column = 0; column < p.columns; column += 2 * kTile)
        for (size_t k = cut.begin; k < cut.end; k += Source::kGroup) {
            const bf16* w = source.place(k / Source::kGroup, 0, p.first_column + column);
            multiply_group<Tiles, Source::kGroup>(x + k, p.x_pitch * 2, w, rows > kTile, sums);
            add_tiles_scaled(p, source, sums, k, row, rows, column, k == 0);
        }
    if (!cut.last) return;
    for (size_t r = 0; r < rows; ++r) {
        Vec::F total[kColumns / kWidth];
        for (size_t v = 0; v < kColumns / kWidth; ++v)
            total[v] = Vec::load(p.sums + (row + r) * kColumns + v * kWidth);
        store_out<kColumns / kWidth>(p, row + r, 0, total);
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
        for (size_t row = 0; row < p.rows; row += 2 * kTile) tile_rows<Tiles>(p, wide, row, cut);
    });
    Tiles::release();
}
