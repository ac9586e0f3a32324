// A panel by matrix tiles: 2 x 2 tiles of 16 x 16 sums, so that each tile of x and of weights that
// is loaded serves twice. Included inside an anonymous namespace after a struct Vec, panel.hpp and
// a struct Tiles, whose registers are numbered: 0..3 sums, 4..5 x, 6..7 weights.
//   configure(upper, lower, pairs)   rows of the upper and the lower tiles of x and of sums (lower
//                                    may be 0), pairs of depth of x and of weights
//   zero<t>(), load<t>(from, bytes from row to row), store<t>(to, bytes)
//   dot<sums, x, weights>()          sums += x[16, pairs, 2] * weights[pairs, 16, 2], of bf16
//   release()

constexpr size_t kTile = 16;

template <class T>
AFS_FORCE void store_tiles(const Panel& p, const float* sums, size_t row, size_t rows,
                           size_t column) {
    const size_t columns = p.columns - column < 2 * kTile ? p.columns - column : 2 * kTile;
    for (size_t r = 0; r < rows; ++r) {
        T* out = static_cast<T*>(p.out) + static_cast<ptrdiff_t>(row + r) * p.out_pitch +
                 static_cast<ptrdiff_t>(column);
        narrow_row(out, sums + r * 2 * kTile, columns);
    }
}

// The loads of a tile are too far apart for the processor to see where they go: all 64 columns of
// two steps of depth later, into the second cache.
AFS_FORCE void fetch_ahead(const bf16* w, size_t depth_left) {
    constexpr size_t kStep = 2 * kTile * kColumns, kLine = 64 / sizeof(bf16);
    if (depth_left <= 4 * kTile) return;
    for (size_t i = 0; i < kStep; i += kLine) __builtin_prefetch(w + 2 * kStep + i, 0, 2);
}

// new_weights: nobody has read them yet.
template <class Tiles>
AFS_FORCE void multiply_tiles(const bf16* x, ptrdiff_t x_bytes, const bf16* w, size_t depth,
                              bool lower, bool new_weights) {
    constexpr ptrdiff_t w_bytes = kColumns * 4;
    Tiles::template zero<0>(), Tiles::template zero<1>();
    if (lower) Tiles::template zero<2>(), Tiles::template zero<3>();
    const char* x_lower =
        reinterpret_cast<const char*>(x) + static_cast<ptrdiff_t>(kTile) * x_bytes;
    for (size_t k = 0; k < depth; k += 2 * kTile, x += 2 * kTile, w += 2 * kTile * kColumns) {
        if (new_weights) fetch_ahead(w, depth - k);
        Tiles::template load<6>(w, w_bytes);
        Tiles::template load<7>(w + 2 * kTile, w_bytes);
        Tiles::template load<4>(x, x_bytes);
        Tiles::template dot<0, 4, 6>();
        Tiles::template dot<1, 4, 7>();
        if (!lower) continue;
        Tiles::template load<5>(x_lower + k * sizeof(bf16), x_bytes);
        Tiles::template dot<2, 5, 6>();
        Tiles::template dot<3, 5, 7>();
    }
}

// The depth is a multiple of 32; a block has all its 64 columns, of which panel.columns count.
template <class Tiles>
static void tile_panel(const Panel& p) {
    alignas(64) float sums[2 * kTile * 2 * kTile];
    size_t configured = 0;
    for (size_t row = 0; row < p.rows; row += 2 * kTile) {
        const size_t rows = p.rows - row < 2 * kTile ? p.rows - row : 2 * kTile;
        const size_t upper = rows < kTile ? rows : kTile, lower = rows - upper;
        if (rows != configured) Tiles::configure(upper, lower, kTile);
        configured = rows;
        const bf16* x = static_cast<const bf16*>(p.x) + static_cast<ptrdiff_t>(row) * p.x_pitch;
        for (size_t column = 0; column < p.columns; column += 2 * kTile) {
            multiply_tiles<Tiles>(x, p.x_pitch * 2, static_cast<const bf16*>(p.w) + 2 * column,
                                  p.depth, lower > 0, row == 0 && column == 0);
            constexpr ptrdiff_t bytes = 2 * kTile * sizeof(float);
            Tiles::template store<0>(sums, bytes), Tiles::template store<1>(sums + kTile, bytes);
            if (lower) {
                Tiles::template store<2>(sums + 2 * kTile * kTile, bytes);
                Tiles::template store<3>(sums + 2 * kTile * kTile + kTile, bytes);
            }
            switch (p.out_dtype) {
                case AFS_F32: store_tiles<float>(p, sums, row, rows, column); break;
                case AFS_BF16: store_tiles<bf16>(p, sums, row, rows, column); break;
                default: store_tiles<f16>(p, sums, row, rows, column); break;
            }
        }
    }
    Tiles::release();
}
