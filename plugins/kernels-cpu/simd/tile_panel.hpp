// A panel by matrix tiles: 2 x 2 tiles of 16 x 16 sums, so that each tile of x and of weights that
// is loaded serves twice. Included inside an anonymous namespace after a struct Vec, panel.hpp and
// a struct Tiles, whose registers are numbered: 0..3 sums, 4..5 x, 6..7 weights.
// x lies in tiles too, each a run of 16 lines: [rows / 16][depth / 32][16][32].
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
        narrow_row(out, sums + r * kColumns, columns);
    }
}

// Depth of a part whose weights and x stay in the core's second cache together. Sums go from part
// to part through memory, in fp32 as they are.
#ifndef AFS_TILE_CUT
#define AFS_TILE_CUT 2048
#endif
constexpr size_t kTileCut = AFS_TILE_CUT;

// The loads of a tile are too far apart for the processor to see where they go, so weights are
// asked for by hand, into the second cache. Ahead: of the part that is read, all 64 columns of two
// steps of depth later. Else some lines of the part that comes next in memory at each step, so that
// memory is busy while tiles are multiplied.
struct Fetch {
    static constexpr size_t kLine = 64;
    const char *next, *end;
    size_t lines;  // a step
    bool ahead;    // nobody has asked for the part that is read

    AFS_LAMBDA void step(const bf16* w, size_t depth_left) {
        constexpr size_t kStep = 2 * kTile * kColumns;
        if (ahead && depth_left > 4 * kTile)
            for (size_t i = 0; i < kStep; i += kLine / sizeof(bf16))
                __builtin_prefetch(w + 2 * kStep + i, 0, 2);
        for (size_t i = 0; i < lines && next < end; ++i, next += kLine)
            __builtin_prefetch(next, 0, 2);
    }
};

// Up to 32 rows by 32 columns of a part; sums: [32][64], what was summed of the parts before.
template <class Tiles>
AFS_FORCE void multiply_tiles(const bf16* x, const bf16* x_lower, const bf16* w, const Cut& cut,
                              float* sums, Fetch& fetch) {
    constexpr ptrdiff_t w_bytes = kColumns * 4, x_bytes = 2 * kTile * sizeof(bf16);
    constexpr ptrdiff_t sum_bytes = kColumns * sizeof(float);
    float* below = sums + kTile * kColumns;
    if (cut.first) {
        Tiles::template zero<0>(), Tiles::template zero<1>();
        if (x_lower) Tiles::template zero<2>(), Tiles::template zero<3>();
    } else {
        Tiles::template load<0>(sums, sum_bytes), Tiles::template load<1>(sums + kTile, sum_bytes);
        if (x_lower) {
            Tiles::template load<2>(below, sum_bytes);
            Tiles::template load<3>(below + kTile, sum_bytes);
        }
    }
    for (size_t k = cut.begin; k < cut.end; k += 2 * kTile, w += 2 * kTile * kColumns) {
        fetch.step(w, cut.end - k);
        Tiles::template load<6>(w, w_bytes);
        Tiles::template load<7>(w + 2 * kTile, w_bytes);
        Tiles::template load<4>(x + k * kTile, x_bytes);
        Tiles::template dot<0, 4, 6>();
        Tiles::template dot<1, 4, 7>();
        if (!x_lower) continue;
        Tiles::template load<5>(x_lower + k * kTile, x_bytes);
        Tiles::template dot<2, 5, 6>();
        Tiles::template dot<3, 5, 7>();
    }
    Tiles::template store<0>(sums, sum_bytes), Tiles::template store<1>(sums + kTile, sum_bytes);
    if (!x_lower) return;
    Tiles::template store<2>(below, sum_bytes), Tiles::template store<3>(below + kTile, sum_bytes);
}

// All columns and rows of a part. Rows inside: a part of 32 columns stays nearest to the core if it
// is short enough.
template <class Tiles>
AFS_FORCE void tile_part(const Panel& p, const Cut& cut, Fetch& fetch) {
    size_t configured = 0;
    for (size_t column = 0; column < p.columns; column += 2 * kTile)
        for (size_t row = 0; row < p.rows; row += 2 * kTile) {
            const size_t rows = p.rows - row < 2 * kTile ? p.rows - row : 2 * kTile;
            const size_t upper = rows < kTile ? rows : kTile, lower = rows - upper;
            if (rows != configured) Tiles::configure(upper, lower, kTile);
            configured = rows;
            const bf16* x = static_cast<const bf16*>(p.x) + row * p.depth;
            const bf16* w = static_cast<const bf16*>(p.w) + cut.begin * kColumns + 2 * column;
            float* sums = p.sums + row * kColumns + column;
            multiply_tiles<Tiles>(x, lower ? x + kTile * p.depth : nullptr, w, cut, sums, fetch);
            fetch.ahead = false;
            if (!cut.last) continue;
            switch (p.out_dtype) {
                case AFS_F32: store_tiles<float>(p, sums, row, rows, column); break;
                case AFS_BF16: store_tiles<bf16>(p, sums, row, rows, column); break;
                default: store_tiles<f16>(p, sums, row, rows, column); break;
            }
        }
}

// The depth is a multiple of 32; a block has all its 64 columns, of which panel.columns count.
template <class Tiles>
static void tile_panel(const Panel& p) {
    const size_t n_passes =
        (p.columns + 2 * kTile - 1) / (2 * kTile) * ((p.rows + 2 * kTile - 1) / (2 * kTile));
    const char* end = static_cast<const char*>(p.w_end);
    bool ahead = !p.w_fetched;
    for (size_t begin = 0; begin < p.depth; begin += kTileCut) {
        const size_t stop = begin + kTileCut < p.depth ? begin + kTileCut : p.depth;
        const char* next =
            reinterpret_cast<const char*>(static_cast<const bf16*>(p.w) + stop * kColumns);
        const size_t part = kTileCut * kColumns * sizeof(bf16);
        const size_t left = next < end ? static_cast<size_t>(end - next) : 0;
        const size_t n_lines = (left < part ? left : part) / Fetch::kLine;
        const size_t n_steps = n_passes * (stop - begin) / (2 * kTile);
        Fetch fetch = {next, next + n_lines * Fetch::kLine, (n_lines + n_steps - 1) / n_steps,
                       ahead};
        tile_part<Tiles>(p, {begin, stop, begin == 0, stop == p.depth}, fetch);
        ahead = false;
    }
    Tiles::release();
}
