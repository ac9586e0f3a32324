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

// Fills tiles step by step, so that products can go on meanwhile: n_steps of kPieces pieces, each
// by piece<0>() .. piece<kPieces - 1>(), between the tile operations of one step of depth. All of
// it at one place takes longer, most where the core's other thread is busy (docs/PERFORMANCE.md).
constexpr size_t kPieces = 4;

template <class Fill, size_t... kPiece>
AFS_FORCE void fill_step(Fill& fill, std::index_sequence<kPiece...>) {
    (fill.template piece<kPiece>(), ...);
}
template <class Fill>
AFS_FORCE void fill_step(Fill& fill) {
    fill_step(fill, std::make_index_sequence<kPieces>());
}

struct FillFromBf16 {
    static constexpr size_t kFillDepth = 4;
    TileFill fill;
    size_t k = 0;
    AFS_LAMBDA explicit FillFromBf16(const TileFill& f) : fill(f) {}
    AFS_LAMBDA size_t n_steps() const { return (fill.end - fill.begin) / kFillDepth; }
    template <size_t kPiece>
    AFS_LAMBDA void piece() {
        constexpr size_t deep = kPiece / 2 * 2, first = kPiece % 2 * 2 * kTile;
        const auto* from =
            static_cast<const bf16*>(fill.block) + (fill.begin + k + deep) * kColumns + 2 * first;
        AFS_UNROLL
        for (size_t c = 0; c < 2 * kTile; c += kTile) {
            ask_near(from + 2 * c);
            __builtin_memcpy(pair_in_tiles(static_cast<bf16*>(fill.w), k + deep, first + c),
                             from + 2 * c, 2 * kTile * sizeof(bf16));
        }
        if constexpr (kPiece + 1 == kPieces) k += kFillDepth;
    }
};

// A step is one vector of columns, 16 of depth: half a tile. Pairs of neighbours in depth lie side
// by side in tiles as they do in codes, so no weight is moved: the scales are.
template <Coding kCoding>
struct FillFromCodes {
    static constexpr CodeLayout kOf = kCodeLayouts[kCoding];
    static constexpr size_t kFillDepth = 16;
    static constexpr size_t kBytes = kOf.group_bytes() * kWidth / kColumns * kFillDepth / kOf.group;
    static_assert(kDepth % kOf.group == 0 && kOf.group % kFillDepth == 0);
    // A scale of fp16 times what is added to codes (PairsOfCodes) is exact in fp32.
    static constexpr bool kExact = kOf.bits == 4 && !kOf.minimum;
    TileFill fill;
    size_t k = 0, column = 0, first = 0;  // first: of kDepth
    const char* ask = nullptr;            // asked for ahead of this
    typename PackedCodes<kCoding>::Group group = {};
    // Of a step, from its first piece on.
    bf16* to = nullptr;
    Vec::F scales[2] = {}, offsets[4] = {};  // of each half of the columns
    PairsOfCodes<kOf.bits> eight = {};

    AFS_LAMBDA explicit FillFromCodes(const TileFill& f) : fill(f) {
        if (f.w) find_group();
    }
    AFS_LAMBDA size_t n_steps() const {
        return (fill.end - fill.begin) / kFillDepth * (kColumns / kWidth);
    }
    AFS_LAMBDA void find_group() {
        const PackedCodes<kCoding> source = {static_cast<const char*>(fill.block)};
        group = source.group((fill.begin + k + first) / kOf.group);
        if (first == 0 && column == 0) ask = group.first;
    }
    AFS_LAMBDA void begin() {
        const PackedCodes<kCoding> source = {static_cast<const char*>(fill.block)};
        to = pair_in_tiles(static_cast<bf16*>(fill.w), k + first, column);
        const Vec::F scale = source.scale(group, column);
        scales[0] = Vec::twice<0>(scale), scales[1] = Vec::twice<1>(scale);
        if constexpr (kExact)
            for (size_t i = 0; i < 4; ++i)
                offsets[i] = Vec::mul(scales[i % 2], Vec::set(-kNibbleAbove[i / 2]));
        if constexpr (!kOf.minimum) return;
        const Vec::F offset = source.offset(group, column);
        offsets[0] = Vec::twice<0>(offset), offsets[1] = Vec::twice<1>(offset);
    }
    AFS_LAMBDA void end() {
        ask += kBytes, first += kFillDepth;
        if (first == kDepth) first = 0, column += kWidth;
        if (column == kColumns) column = 0, k += kDepth;
        if (kOf.group < kDepth || (first == 0 && column == 0)) find_group();
    }
    AFS_LAMBDA Vec::F weight(size_t pair, size_t half) const {
        if constexpr (kExact)
            return Vec::fma(eight.above(pair, half), scales[half], offsets[2 * (pair % 2) + half]);
        const Vec::F code = eight.one(pair, half);
        if constexpr (kOf.minimum) return Vec::fma(code, scales[half], offsets[half]);
        return Vec::mul(code, scales[half]);
    }
    template <size_t kPiece>
    AFS_LAMBDA void piece() {
        constexpr size_t bytes = kBytes / kPieces, pairs = kFillDepth / 2 / kPieces;
        constexpr size_t in_eight = kPiece * pairs % (kStepCodes / 2);
        if constexpr (kPiece == 0) begin();
        // A line of 64 bytes every time, or every other time.
        if constexpr (bytes > 32 || kPiece % 2 == 0) ask_near(ask + kPiece * bytes);
        if constexpr (in_eight == 0)
            eight.read(group.codes, first % kOf.group + kPiece * pairs * 2, column);
        AFS_UNROLL
        for (size_t s = 0; s < pairs; ++s)
            Vec::store_flushed(to + (kPiece * pairs + s) * 2 * kTile, weight(in_eight + s, 0),
                               weight(in_eight + s, 1));
        if constexpr (kPiece + 1 == kPieces) end();
    }
};

template <class Fill>
static void fill_tiles(const TileFill& f) {
    Fill fill(f);
    for (size_t i = fill.n_steps(); i > 0; --i) fill_step(fill);
}

// Spreads the steps of a fill over `beats`, each of kPieces.
template <class Fill>
struct Paced {
    Fill fill;
    size_t left, beats, credit = 0, per_beat;
    bool due = false;
    AFS_LAMBDA Paced(const TileFill& f, size_t n)
        : fill(f), left(f.w ? fill.n_steps() : 0), beats(n), per_beat(left) {}
    AFS_LAMBDA void step() { fill_step(fill), --left; }
    template <size_t kPiece>
    AFS_LAMBDA void beat() {
        if constexpr (kPiece == 0) credit += per_beat, due = credit >= beats;
        if (!due) return;
        fill.template piece<kPiece>();
        if constexpr (kPiece + 1 < kPieces) return;
        for (--left, credit -= beats; credit >= beats; credit -= beats) step();
    }
    AFS_LAMBDA void finish() {
        while (left > 0) step();
    }
};
struct NoFill {
    template <size_t kPiece>
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
    template <size_t kPiece>
    AFS_LAMBDA void beat() {
        fill.template beat<kPiece>();
        if constexpr (kPiece == 0) results.beat();
    }
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
        beside.template beat<0>(), beside.template beat<1>();
        Tiles::template load<6>(w + kTileElements, kTileLine);
        Tiles::template dot<1, 4, 6>();
        beside.template beat<2>(), beside.template beat<3>();
    }
}

// Asks for sums of 32 rows by 32 columns, which are written when `left` steps are done: a few lines
// in each of the last steps. What is asked for earlier is gone from the nearest cache by then.
constexpr size_t kAskSteps = 8;
AFS_FORCE void ask_sums(const float* sums, size_t left) {
    if (left > kAskSteps) return;
    const float* at = sums + (kAskSteps - left) * (2 * kTile / kAskSteps) * kColumns;
    AFS_UNROLL
    for (size_t r = 0; r < 2 * kTile / kAskSteps; ++r, at += kColumns)
        __builtin_prefetch(at, 1), __builtin_prefetch(at + kTile, 1);
}

// Up to 32 rows by 32 columns. Seven registers of the eight: a core whose other thread is busy has
// about as many real ones for this one, and every load would wait for the products before it
// (docs/PERFORMANCE.md). kFar: both sides come from the second cache.
template <class Tiles, bool kFar, class Beside>
AFS_FORCE void multiply_both(const bf16* x, const bf16* x_lower, const bf16* w, size_t depth,
                             const float* sums, Beside& beside) {
    Tiles::template load<4, kFar>(x, kTileLine);
    Tiles::template load<5, kFar>(x_lower, kTileLine);
    for (size_t left = depth / kDepth;; w += kDepth * kColumns) {
        Tiles::template load<6, kFar>(w, kTileLine);
        Tiles::template dot<0, 4, 6>();
        beside.template beat<0>();
        Tiles::template dot<2, 5, 6>();
        Tiles::template load<6, kFar>(w + kTileElements, kTileLine);
        beside.template beat<1>();
        Tiles::template dot<1, 4, 6>();
        beside.template beat<2>();
        if constexpr (kFar) ask_sums(sums, left);
        x += kTileElements, x_lower += kTileElements;
        if (--left == 0) break;
        Tiles::template load<4, kFar>(x, kTileLine);
        Tiles::template dot<3, 5, 6>();
        beside.template beat<3>();
        Tiles::template load<5, kFar>(x_lower, kTileLine);
    }
    Tiles::template dot<3, 5, 6>();
    beside.template beat<3>();
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
        multiply_both<Tiles, true>(x, x_lower, w, p.depth, sums, beside);
    else if (x_lower)
        multiply_both<Tiles, false>(x, x_lower, w, p.depth, sums, beside);
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
