// Keys, values and weights of attention as tiles (ops/attention/tiles.hpp). Included inside an
// anonymous namespace after a struct Vec, rows.hpp and tiles.hpp.

constexpr size_t kLine = kTile * 2;  // bf16 of a tile's line: 64 bytes

static void fill_keys(void* tiles, const char* const* keys, size_t n, size_t head_dim) {
    static const bf16 zeros[kLine] = {};
    auto* to = static_cast<bf16*>(tiles);
    for (size_t d = 0; d < head_dim; d += kDepth)
        for (size_t first = 0; first < kColumns; first += kTile, to += kTileElements) {
            const void* line[kTile];
            bf16 padded[kTile][kLine];
            if (head_dim - d < kDepth) __builtin_memset(padded, 0, sizeof padded);
            for (size_t i = 0; i < kTile; ++i) {
                line[i] = zeros;
                if (first + i >= n) continue;
                line[i] = keys[first + i] + d * sizeof(bf16);
                if (head_dim - d >= kDepth) continue;
                __builtin_memcpy(padded[i], line[i], (head_dim - d) * sizeof(bf16));
                line[i] = padded[i];
            }
            Vec::transpose(to, line);
        }
}

static void fill_values(void* tiles, const char* const* values, size_t n, size_t head_dim) {
    auto* to = static_cast<bf16*>(tiles);
    for (size_t block = 0; block < head_dim; block += kColumns, to += kColumns * kColumns)
        for (size_t i = 0; i < kColumns; i += 2)
            for (size_t d = 0; d < kColumns; d += kWidth) {
                const size_t at = block + d, left = at < head_dim ? head_dim - at : 0;
                const auto load = [&](size_t position) AFS_LAMBDA {
                    if (position >= n || !left) return Vec::zero();
                    const auto* from = reinterpret_cast<const bf16*>(values[position]) + at;
                    return left < kWidth ? Vec::load(from, left) : Vec::load(from);
                };
                Vec::store_pairs(pair_in_tiles(to, i, d), load(i), load(i + 1));
            }
}

// 2^x for x <= 0 within 4e-6 of itself, finer than bf16, and 2^0 = 1; 0 below -150, NaN for NaN.
AFS_FORCE Vec::F exp2_of(Vec::F x) {
    x = Vec::max(Vec::set(-151.0f), x);  // NaN passes
    const Vec::F r = Vec::above_whole(x);
    Vec::F p = Vec::set(0.0134266843f);  // minimax over [0, 1)
    p = Vec::fma(p, r, Vec::set(0.0522424742f));
    p = Vec::fma(p, r, Vec::set(0.241280205f));
    p = Vec::fma(p, r, Vec::set(0.693044845f));
    p = Vec::fma(p, r, Vec::set(1.0f));
    return Vec::scale(p, Vec::sub(x, r));
}

// Scores are weighed as powers of two, the largest so far being at least this.
constexpr float kLowest = -__FLT_MAX__;
AFS_FORCE Vec::F exponents(const TileWeights& p, const float* scores) {
    return Vec::mul(Vec::load(scores), Vec::set(p.scale * 1.44269504f));
}

// The largest in each lane. The row sees n of the positions.
AFS_FORCE Vec::F largest_exponents(const TileWeights& p, float* scores, size_t n) {
    for (size_t i = n; i < kColumns; ++i) scores[i] = -__builtin_inff();
    Vec::F most = Vec::set(kLowest);
    AFS_UNROLL
    for (size_t i = 0; i < kColumns; i += kWidth) most = Vec::max(exponents(p, scores + i), most);
    return most;
}

// A row's weights; returns their sum in each lane.
AFS_FORCE Vec::F weigh_row(const TileWeights& p, size_t row) {
    constexpr size_t kVecs = kColumns / kWidth;
    const float* scores = p.scores + row * kColumns;
    bf16* lines =
        static_cast<bf16*>(p.weights) + row / kTile * kTile * kColumns + row % kTile * kLine;
    Vec::F weight[kVecs], sum = Vec::zero();
    AFS_UNROLL
    for (size_t v = 0; v < kVecs; ++v)
        weight[v] = exp2_of(Vec::sub(exponents(p, scores + v * kWidth), Vec::set(p.max[row])));
    AFS_UNROLL
    for (size_t v = 0; v < kVecs; v += 2) {
        const size_t at = v * kWidth;
        Vec::store_flushed(lines + at / kLine * kTileElements + at % kLine, weight[v],
                           weight[v + 1]);
    }
    AFS_UNROLL
    for (size_t v = 0; v < kVecs; ++v) sum = Vec::add(sum, weight[v]);
    return sum;
}

// Up to kWidth rows. Step by step for all of them: what a row does is a long chain, and a processor
// looks ahead about as far.
AFS_FORCE void weigh_rows(const TileWeights& p, size_t first, size_t n_rows) {
    Vec::F lanes[kWidth];
    for (size_t r = 0; r < kWidth; ++r) lanes[r] = Vec::set(kLowest);
    for (size_t r = 0; r < n_rows; ++r) {
        const size_t row = first + r;
        const ptrdiff_t sees = p.first_sees + static_cast<ptrdiff_t>(row / p.group);
        const size_t n = sees < 0 ? 0 : static_cast<size_t>(sees);
        lanes[r] = largest_exponents(p, p.scores + row * kColumns, n < p.n ? n : p.n);
    }
    const Vec::F before = p.first ? Vec::set(kLowest) : Vec::load(p.max + first);
    const Vec::F largest = Vec::max(Vec::largest_of_each(lanes), before);
    Vec::store(p.max + first, largest);
    for (size_t r = 0; r < n_rows; ++r) lanes[r] = weigh_row(p, first + r);
    const Vec::F total = Vec::sum_of_each(lanes);
    if (p.first) return Vec::store(p.total + first, total);
    float keep[kWidth];  // of what is summed up so far
    const Vec::F kept = exp2_of(Vec::sub(before, largest));
    Vec::store(keep, kept);
    Vec::store(p.total + first, Vec::fma(Vec::load(p.total + first), kept, total));
    for (size_t r = 0; r < n_rows; ++r) {
        if (keep[r] == 1.0f) continue;
        for (size_t d = 0; d < p.width; d += kColumns) {
            float* sums = p.sums + d * p.sums_rows + (first + r) * kColumns;
            for (size_t i = 0; i < kColumns; i += kWidth)
                Vec::store(sums + i, Vec::mul(Vec::load(sums + i), Vec::set(keep[r])));
        }
    }
}

static void weigh_tiles(const TileWeights& p) {
    for (size_t row = 0; row < p.rows; row += kWidth)
        weigh_rows(p, row, p.rows - row < kWidth ? p.rows - row : kWidth);
}
