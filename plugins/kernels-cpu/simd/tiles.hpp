// Matrix tiles: a part of a packed block of weights as tiles of bf16, and x times it. Included
// inside an anonymous namespace after a struct Vec, codes.hpp and a struct Tiles.
//
// Products are 2 x 2 tiles of 16 x 16 sums, so that each tile that is loaded serves twice. Tiles of
// both sides come from the second cache; sums go to it and back in fp32 as they are.
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

// Fills tiles step by step, so that products can go on meanwhile: n_steps, each by step().
struct FillFromBf16 {
    TileFill fill;
    size_t k = 0;
    AFS_LAMBDA explicit FillFromBf16(const TileFill& f) : fill(f) {}
    AFS_LAMBDA size_t n_steps() const { return (fill.end - fill.begin) / 2; }
    AFS_LAMBDA void step() {
        const auto* from = static_cast<const bf16*>(fill.block) + (fill.begin + k) * kColumns;
        ask_ahead(from, 2 * kColumns * sizeof(bf16));
        for (size_t column = 0; column < kColumns; column += kTile)
            __builtin_memcpy(pair_in_tiles(static_cast<bf16*>(fill.w), k, column),
                             from + 2 * column, 2 * kTile * sizeof(bf16));
        k += 2;
    }
};

// Depth of a step from codes: during longer ones the products that wait already run out.
constexpr size_t kFillDepth = 16;

// From depth `first` of a group on, one vector of columns. Pairs of neighbours in depth lie side by
// side in tiles as they do in codes, so no weight is moved: the scales are.
template <Coding kCoding>
AFS_FORCE void fill_codes(bf16* tiles, const typename PackedCodes<kCoding>::Group& group,
                          const PackedCodes<kCoding>& source, size_t first, size_t k,
                          size_t column) {
    constexpr CodeLayout of = kCodeLayouts[kCoding];
    static_assert(kDepth % of.group == 0 && of.group % kFillDepth == 0);
    const Vec::F scale = source.scale(group, column);
    Vec::F offset = Vec::zero();
    if constexpr (of.minimum) offset = source.offset(group, column);
    const Vec::F scales[] = {Vec::twice<0>(scale), Vec::twice<1>(scale)};
    const Vec::F offsets[] = {Vec::twice<0>(offset), Vec::twice<1>(offset)};
    const auto weight = [&](Vec::F code, size_t half) AFS_LAMBDA {
        if constexpr (of.minimum) return Vec::fma(code, scales[half], offsets[half]);
        return Vec::mul(code, scales[half]);
    };
    bf16* to = pair_in_tiles(tiles, k + first, column);
    AFS_UNROLL
    for (size_t j = 0; j < kFillDepth; j += kStepCodes) {
        PairsOfCodes<of.bits> eight;
        eight.read(group.codes, first + j, column);
        AFS_UNROLL
        for (size_t s = 0; s < kStepCodes / 2; ++s)
            Vec::store_flushed(to + (j / 2 + s) * 2 * kTile, weight(eight.one(s, 0), 0),
                               weight(eight.one(s, 1), 1));
    }
}

template <Coding kCoding>
struct FillFromCodes {
    static constexpr size_t kGroup = kCodeLayouts[kCoding].group;
    TileFill fill;
    size_t k = 0, column = 0, first = 0, done = 0;  // done: bytes of the group that were asked for
    AFS_LAMBDA explicit FillFromCodes(const TileFill& f) : fill(f) {}
    AFS_LAMBDA size_t n_steps() const {
        return (fill.end - fill.begin) / kFillDepth * (kColumns / kWidth);
    }
    AFS_LAMBDA void step() {
        constexpr size_t bytes =
            kCodeLayouts[kCoding].group_bytes() * kWidth / kColumns * kFillDepth / kGroup;
        const PackedCodes<kCoding> source = {static_cast<const char*>(fill.block)};
        const auto group = source.group((fill.begin + k) / kGroup);
        ask_ahead(group.first + done, bytes);
        fill_codes<kCoding>(static_cast<bf16*>(fill.w), group, source, first, k, column);
        done += bytes, first += kFillDepth;
        if (first == kGroup) first = 0, column += kWidth;
        if (column == kColumns) column = 0, done = 0, k += kGroup;
    }
};

template <class Fill>
static void fill_tiles(const TileFill& f) {
    Fill fill(f);
    for (size_t i = fill.n_steps(); i > 0; --i) fill.step();
}

// Spreads the steps of a fill over `beats`.
template <class Fill>
struct Paced {
    Fill fill;
    size_t left, beats, credit = 0, per_beat;
    AFS_LAMBDA Paced(const TileFill& f, size_t n)
        : fill(f), left(f.w ? fill.n_steps() : 0), beats(n), per_beat(left) {}
    AFS_LAMBDA void beat() {
        for (credit += per_beat; credit >= beats; credit -= beats) fill.step(), --left;
    }
    AFS_LAMBDA void finish() {
        for (; left > 0; --left) fill.step();
    }
};
struct NoFill {
    AFS_LAMBDA void beat() {}
};

// Complete sums, up to 32 by 32, to bf16 row by row while the next ones are added up. Subnormals
// may become 0.
struct Results {
    const float* sums = nullptr;
    bf16* out = nullptr;
    ptrdiff_t pitch = 0;
    size_t rows = 0, columns = 0;  // rows: that are left
    AFS_LAMBDA void beat() {
        if (rows == 0) return;
        if (columns < 2 * kTile)
            narrow_row(out, sums, columns);
        else
            for (size_t c = 0; c < 2 * kTile; c += 2 * kWidth)
                Vec::store_flushed(out + c, Vec::load(sums + c), Vec::load(sums + c + kWidth));
        sums += kColumns, out += pitch, --rows;
    }
    AFS_LAMBDA void finish() {
        while (rows > 0) beat();
    }
};
template <class Fill>
struct Both {
    Fill& fill;
    Results& results;
    AFS_LAMBDA void beat() { fill.beat(), results.beat(); }
};

constexpr size_t kNearDepth = 256;  // up to which two tiles of each side stay in the nearest cache
constexpr ptrdiff_t kTileLine = 2 * kTile * sizeof(bf16);  // bytes

// Up to 16 rows by 32 columns.
template <class Tiles, class Beside>
AFS_FORCE void multiply_upper(const bf16* x, const bf16* w, size_t depth, Beside& beside) {
    for (size_t k = 0; k < depth; k += kDepth, w += kDepth * kColumns) {
        Tiles::template load<6>(w, kTileLine);
        Tiles::template load<4>(x + k * kTile, kTileLine);
        Tiles::template dot<0, 4, 6>();
        beside.beat();
        Tiles::template load<6>(w + kTileElements, kTileLine);
        Tiles::template dot<1, 4, 6>();
    }
}

// Up to 32 rows by 32 columns. Seven registers of the eight: a core whose other thread is busy has
// about as many real ones for this one, and every load would wait for the products before it
// (docs/PERFORMANCE.md). kFar: both sides come from the second cache.
template <class Tiles, bool kFar, class Beside>
AFS_FORCE void multiply_both(const bf16* x, const bf16* x_lower, const bf16* w, size_t depth,
                             Beside& beside) {
    Tiles::template load<4, kFar>(x, kTileLine);
    Tiles::template load<5, kFar>(x_lower, kTileLine);
    for (const bf16* end = x + depth * kTile;; w += kDepth * kColumns) {
        Tiles::template load<6, kFar>(w, kTileLine);
        Tiles::template dot<0, 4, 6>(), Tiles::template dot<2, 5, 6>();
        Tiles::template load<6, kFar>(w + kTileElements, kTileLine);
        Tiles::template dot<1, 4, 6>();
        beside.beat();
        x += kTileElements, x_lower += kTileElements;
        if (x == end) break;
        Tiles::template load<4, kFar>(x, kTileLine);
        Tiles::template dot<3, 5, 6>();
        Tiles::template load<5, kFar>(x_lower, kTileLine);
    }
    Tiles::template dot<3, 5, 6>();
}

// x_lower: the rows from the 17th on, NULL: none.
template <class Tiles, class Beside>
AFS_FORCE void multiply_square(const TileProduct& p, const bf16* x, const bf16* x_lower,
                               const bf16* w, float* sums, Beside& beside) {
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
        multiply_both<Tiles, true>(x, x_lower, w, p.depth, beside);
    else if (x_lower)
        multiply_both<Tiles, false>(x, x_lower, w, p.depth, beside);
    else
        multiply_upper<Tiles>(x, w, p.depth, beside);
    Tiles::template store<0>(sums, line), Tiles::template store<1>(sums + kTile, line);
    if (x_lower)
        Tiles::template store<2>(below, line), Tiles::template store<3>(below + kTile, line);
}

template <class Tiles, class Beside>
AFS_FORCE void multiply_squares(const TileProduct& p, Beside& beside) {
    size_t configured = 0;
    Results results;
    Both<Beside> both = {beside, results};
    for (size_t column = 0; column < p.columns; column += 2 * kTile)
        for (size_t row = 0; row < p.rows; row += 2 * kTile) {
            const size_t rows = p.rows - row < 2 * kTile ? p.rows - row : 2 * kTile;
            const size_t upper = rows < kTile ? rows : kTile, lower = rows - upper;
            if (rows != configured) Tiles::configure(upper, lower);
            configured = rows;
            const bf16* x = static_cast<const bf16*>(p.x) + row * p.depth;
            const bf16* w = static_cast<const bf16*>(p.w) + column / kTile * kTileElements;
            multiply_square<Tiles>(p, x, lower ? x + kTile * p.depth : nullptr, w,
                                   p.sums + row * kColumns + column, both);
            results.finish();
            if (!p.out) continue;
            const size_t columns = p.columns - column < 2 * kTile ? p.columns - column : 2 * kTile;
            results = {
                p.sums + row * kColumns + column,
                static_cast<bf16*>(p.out) + static_cast<ptrdiff_t>(row) * p.out_pitch + column,
                p.out_pitch, rows, columns};
        }
    Tiles::release();
    results.finish();
}

template <class Tiles>
static void multiply_tiles(const TileProduct& p) {
    NoFill none;
    multiply_squares<Tiles>(p, none);
}
// While the tensor unit multiplies, the vector units fill the tiles that come next.
template <class Tiles, class Fill>
static void multiply_and_fill(const TileProduct& p, const TileFill& next) {
    const auto pairs = [](size_t n) { return (n + 2 * kTile - 1) / (2 * kTile); };
    Paced<Fill> paced(next, pairs(p.rows) * pairs(p.columns) * (p.depth / kDepth));
    multiply_squares<Tiles>(p, paced);
    paced.finish();
}

template <class Tiles, class Fill>
constexpr TileWeightsFunctions tile_weights_functions() {
    return {fill_tiles<Fill>, multiply_and_fill<Tiles, Fill>};
}
template <class Tiles, size_t... kCoding>
void set_tile_functions(Kernels& to, std::index_sequence<kCoding...>) {
    to.multiply_tiles = multiply_tiles<Tiles>;
    to.tiles_of_bf16 = tile_weights_functions<Tiles, FillFromBf16>();
    ((to.tiles_of_codes[kCoding] =
          tile_weights_functions<Tiles, FillFromCodes<static_cast<Coding>(kCoding)>>()),
     ...);
}
