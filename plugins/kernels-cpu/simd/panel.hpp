// Products of rows with one packed block of weights (kernels.hpp: Panel). Included inside an
// anonymous namespace after a struct Vec and rows.hpp.
//
// A tile of some rows by some vectors of columns stays in registers while the depth goes by: each
// vector of weights serves all rows, each element of x all vectors. Weights of fp32 and fp16 lie as
// [depth][64], of bf16 as [depth / 2][64][2], so that a dot product of pairs reads them in place.

// Slices of 16 keep the error of an fp32 sum as small as the reference's: its partial sums stay
// short, and a long sum has few of them to add.
constexpr size_t kSlice = 16;

// One step of depth: kStep elements of each row of x, kStep * 64 weights. widen() is a step of one
// vector of columns in fp32, to rows of `pitch`.
template <class W>
struct Multiply {  // x fp32
    using X = float;
    static constexpr size_t kStep = 1;
    static constexpr bool kSliced = true;
    AFS_FORCE void widen(float* to, size_t, const W* w) { Vec::store(to, Vec::load(w)); }
    template <size_t kRows, size_t kVecs>
    AFS_FORCE void step(Vec::F (&sum)[kRows][kVecs], const X* x, ptrdiff_t pitch, const W* w) {
        Vec::F weights[kVecs];
        AFS_UNROLL
        for (size_t v = 0; v < kVecs; ++v) weights[v] = Vec::load(w + v * kWidth);
        AFS_UNROLL
        for (size_t r = 0; r < kRows; ++r) {
            const Vec::F each = Vec::set(x[static_cast<ptrdiff_t>(r) * pitch]);
            AFS_UNROLL
            for (size_t v = 0; v < kVecs; ++v) sum[r][v] = Vec::fma(each, weights[v], sum[r][v]);
        }
    }
};
template <>
struct Multiply<bf16> {
    using X = float;
    static constexpr size_t kStep = 2;
    static constexpr bool kSliced = true;
    AFS_FORCE void widen(float* to, size_t pitch, const bf16* w) {
        Vec::F first, second;
        Vec::load_pairs(w, first, second);
        Vec::store(to, first), Vec::store(to + pitch, second);
    }
    template <size_t kRows, size_t kVecs>
    AFS_FORCE void step(Vec::F (&sum)[kRows][kVecs], const X* x, ptrdiff_t pitch, const bf16* w) {
        AFS_UNROLL
        for (size_t v = 0; v < kVecs; ++v) {
            Vec::F first, second;
            Vec::load_pairs(w + 2 * v * kWidth, first, second);
            AFS_UNROLL
            for (size_t r = 0; r < kRows; ++r) {
                const X* at = x + static_cast<ptrdiff_t>(r) * pitch;
                sum[r][v] = Vec::fma(Vec::set(at[0]), first, sum[r][v]);
                sum[r][v] = Vec::fma(Vec::set(at[1]), second, sum[r][v]);
            }
        }
    }
};

// Weights that one row reads once come faster if they are asked for by hand: far ahead into the
// second cache, then into the nearest. Loads alone do not keep enough lines on their way.
constexpr size_t kFarAhead = 8192, kNearAhead = 3072;  // bytes
AFS_FORCE void ask_ahead(const void* at, size_t bytes) {
    for (size_t i = 0; i < bytes; i += 64) {
        __builtin_prefetch(static_cast<const char*>(at) + kFarAhead + i, 0, 2);
        __builtin_prefetch(static_cast<const char*>(at) + kNearAhead + i, 0, 3);
    }
}

// A line of a stream that is read more slowly: the processor itself looks far enough ahead.
AFS_FORCE void ask_near(const void* at) {
    __builtin_prefetch(static_cast<const char*>(at) + kNearAhead, 0, 3);
}

struct Cut {  // the part of the depth that a pass takes
    size_t begin, end;
    bool first, last;
};

template <size_t kVecs, class T>
AFS_FORCE void store_row(T* out, const Vec::F (&sum)[kVecs], size_t columns) {
    AFS_UNROLL
    for (size_t v = 0; v < kVecs; ++v) {
        const size_t at = v * kWidth;
        if (at + kWidth <= columns)
            Vec::store(out + at, sum[v]);
        else if (at < columns)
            Vec::store(out + at, sum[v], columns - at);
    }
}

// Sums of one row, from a column on, to the output.
template <size_t kVecs>
AFS_FORCE void store_out(const Panel& p, size_t row, size_t column, const Vec::F (&sum)[kVecs]) {
    const ptrdiff_t at = static_cast<ptrdiff_t>(row) * p.out_pitch + static_cast<ptrdiff_t>(column);
    const size_t columns = p.columns - column;
    switch (p.out_dtype) {
        case AFS_F32: store_row<kVecs>(static_cast<float*>(p.out) + at, sum, columns); break;
        case AFS_BF16: store_row<kVecs>(static_cast<bf16*>(p.out) + at, sum, columns); break;
        default: store_row<kVecs>(static_cast<f16*>(p.out) + at, sum, columns); break;
    }
}

template <class M, class W, size_t kRows, size_t kVecs>
AFS_FORCE void tile(const Panel& p, size_t row, size_t column, const Cut& cut) {
    using X = typename M::X;
    Vec::F sum[kRows][kVecs], total[kRows][kVecs];
    AFS_UNROLL
    for (size_t r = 0; r < kRows; ++r) AFS_UNROLL
    for (size_t v = 0; v < kVecs; ++v) {
        const size_t before = (row + r) * kColumns + column + v * kWidth;
        total[r][v] = cut.first ? Vec::zero() : Vec::load(p.sums + before);
        sum[r][v] = M::kSliced ? Vec::zero() : total[r][v];
    }
    const X* x = static_cast<const X*>(p.x) + static_cast<ptrdiff_t>(row) * p.x_pitch;
    const W* w = static_cast<const W*>(p.w) + column * M::kStep;
    for (size_t k = cut.begin; k < cut.end;) {
        const size_t slice = M::kSliced && cut.end - k > kSlice ? k + kSlice : cut.end;
        for (; k < slice; k += M::kStep) {
            if constexpr (kRows <= 2)
                ask_ahead(w + k * kColumns, kVecs * kWidth * M::kStep * sizeof(W));
            M::template step<kRows, kVecs>(sum, x + k, p.x_pitch, w + k * kColumns);
        }
        if (!M::kSliced) break;
        AFS_UNROLL
        for (size_t r = 0; r < kRows; ++r) AFS_UNROLL
        for (size_t v = 0; v < kVecs; ++v) {
            total[r][v] = Vec::add(total[r][v], sum[r][v]);
            sum[r][v] = Vec::zero();
        }
    }
    AFS_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
        if (M::kSliced) AFS_UNROLL
        for (size_t v = 0; v < kVecs; ++v) sum[r][v] = total[r][v];
        if (!cut.last) {
            store_row<kVecs>(p.sums + (row + r) * kColumns + column, sum[r], kColumns);
            continue;
        }
        store_out<kVecs>(p, row + r, column, sum[r]);
    }
}

// All columns of some rows, kVecs vectors at a time; a rest of few vectors goes in smaller tiles.
template <class M, class W, size_t kRows, size_t kVecs>
AFS_FORCE void tile_row(const Panel& p, size_t row, const Cut& cut) {
    size_t column = 0;
    for (; column + (kVecs - 1) * kWidth < p.columns; column += kVecs * kWidth)
        tile<M, W, kRows, kVecs>(p, row, column, cut);
    for (; column < p.columns; column += kWidth) tile<M, W, kRows, 1>(p, row, column, cut);
}

// The sums of a slice to the totals, which lie in memory: as variables they would take the
// registers of the sums. totals: of the first row and column.
template <size_t kRows, size_t kVecs>
AFS_FORCE void add_slice(float* totals, const Vec::F (&sum)[kRows][kVecs], bool first) {
    AFS_UNROLL
    for (size_t r = 0; r < kRows; ++r) AFS_UNROLL
    for (size_t v = 0; v < kVecs; ++v) {
        float* total = totals + r * kColumns + v * kWidth;
        Vec::store(total, first ? sum[r][v] : Vec::add(Vec::load(total), sum[r][v]));
    }
}

// Some rows times widened columns.
template <size_t kRows, size_t kVecs>
AFS_FORCE void wide_tile(const Panel& p, const float* wide, size_t row, size_t column,
                         const Cut& cut) {
    constexpr size_t kPitch = kVecs * kWidth;
    const auto* x = static_cast<const float*>(p.x) + static_cast<ptrdiff_t>(row) * p.x_pitch;
    float* totals = p.sums + row * kColumns + column;
    for (size_t k = cut.begin; k < cut.end; k += kSlice) {
        const size_t end = cut.end - k > kSlice ? k + kSlice : cut.end;
        Vec::F sum[kRows][kVecs];
        AFS_UNROLL
        for (size_t r = 0; r < kRows; ++r) AFS_UNROLL
        for (size_t v = 0; v < kVecs; ++v) sum[r][v] = Vec::zero();
        for (size_t j = k; j < end; ++j)
            Multiply<float>::step<kRows, kVecs>(sum, x + j, p.x_pitch,
                                                wide + (j - cut.begin) * kPitch);
        add_slice(totals, sum, k == 0);
    }
    if (!cut.last) return;
    for (size_t r = 0; r < kRows; ++r) {
        Vec::F total[kVecs];
        AFS_UNROLL
        for (size_t v = 0; v < kVecs; ++v) total[v] = Vec::load(totals + r * kColumns + v * kWidth);
        store_out<kVecs>(p, row + r, column, total);
    }
}

// All rows of some columns: the weights are widened once, and stay in the cache nearest the core.
template <class M, class W, class Shape, size_t kVecs>
AFS_FORCE void wide_columns(const Panel& p, size_t column, const Cut& cut) {
    constexpr size_t kPitch = kVecs * kWidth;
    float wide[Shape::kCut * kPitch];
    const W* w = static_cast<const W*>(p.w) + cut.begin * kColumns + column * M::kStep;
    for (size_t k = 0; k < cut.end - cut.begin; k += M::kStep)
        for (size_t v = 0; v < kVecs; ++v)
            M::widen(wide + k * kPitch + v * kWidth, kPitch,
                     w + k * kColumns + v * kWidth * M::kStep);
    size_t row = 0;
    for (; row + Shape::kWideRows <= p.rows; row += Shape::kWideRows)
        wide_tile<Shape::kWideRows, kVecs>(p, wide, row, column, cut);
    for (; row < p.rows; ++row) wide_tile<1, kVecs>(p, wide, row, column, cut);
}

// Shape: kManyRows x kManyVecs is the tile of many rows, kOneVecs vectors that of a single one.
// kCut: depth after which the weights of a block no longer stay in the cache nearest the core.
// kWidens: whether widening a weight costs as much as multiplying it.
template <class M, class W, class Shape>
static void panel(const Panel& p) {
    const bool many = p.sums && p.rows > Shape::kManyRows;
    const size_t cut_depth = many ? Shape::kCut : p.depth;
    for (size_t begin = 0; begin < p.depth || begin == 0; begin += cut_depth) {
        const size_t end = begin + cut_depth < p.depth ? begin + cut_depth : p.depth;
        const Cut cut = {begin, end, begin == 0, end == p.depth};
        size_t row = 0;
        if constexpr (Shape::kWidens && M::kSliced) {
            size_t column = 0;
            constexpr size_t kVecs = Shape::kManyVecs;
            for (; many && column + (kVecs - 1) * kWidth < p.columns; column += kVecs * kWidth)
                wide_columns<M, W, Shape, kVecs>(p, column, cut);
            for (; many && column < p.columns; column += kWidth)
                wide_columns<M, W, Shape, 1>(p, column, cut);
            row = many ? p.rows : 0;
        }
        for (; row + Shape::kManyRows <= p.rows; row += Shape::kManyRows)
            tile_row<M, W, Shape::kManyRows, Shape::kManyVecs>(p, row, cut);
        for (; row + 2 <= p.rows; row += 2) tile_row<M, W, 2, Shape::kManyVecs>(p, row, cut);
        if (row < p.rows) tile_row<M, W, 1, Shape::kOneVecs>(p, row, cut);
        if (cut.last) break;
    }
}
