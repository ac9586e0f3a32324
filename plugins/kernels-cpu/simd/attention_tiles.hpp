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

// The largest score of a row, which sees n of the positions; before: of those before.
AFS_FORCE float largest_score(const TileWeights& p, float* scores, size_t n, float before) {
    const float lowest = -__builtin_inff();
    for (size_t i = n; i < kColumns; ++i) scores[i] = lowest;
    Vec::F most = Vec::set(lowest);
    AFS_UNROLL
    for (size_t i = 0; i < kColumns; i += kWidth)
        most = Vec::max(Vec::mul(Vec::load(scores + i), Vec::set(p.scale)), most);
    const float here = Vec::largest(most);
    return here > before ? here : before;
}

// Scores less the largest to weights; returns their sum.
AFS_FORCE float weigh_row(const TileWeights& p, size_t row, float largest) {
    constexpr size_t kVecs = kColumns / kWidth;
    const float* scores = p.scores + row * kColumns;
    bf16* lines =
        static_cast<bf16*>(p.weights) + row / kTile * kTile * kColumns + row % kTile * kLine;
    const Vec::F down = Vec::set(largest == -__builtin_inff() ? 0.0f : largest);
    Vec::F weight[kVecs], sum = Vec::zero();
    AFS_UNROLL
    for (size_t v = 0; v < kVecs; ++v)
        weight[v] =
            exp_of(Vec::sub(Vec::mul(Vec::load(scores + v * kWidth), Vec::set(p.scale)), down));
    AFS_UNROLL
    for (size_t v = 0; v < kVecs; v += 2) {
        const size_t at = v * kWidth;
        Vec::store_flushed(lines + at / kLine * kTileElements + at % kLine, weight[v],
                           weight[v + 1]);
    }
    AFS_UNROLL
    for (size_t v = 0; v < kVecs; ++v) sum = Vec::add(sum, weight[v]);
    return Vec::sum(sum);
}

// Up to kTile rows. Step by step for all of them: what a row does is a long chain, and a processor
// looks ahead about as far.
AFS_FORCE void weigh_rows(const TileWeights& p, size_t first, size_t n_rows) {
    const float lowest = -__builtin_inff();
    float keep[kTile] = {};  // the logarithms of what is kept of the sums so far
    bool kept = true;
    for (size_t r = 0; r < n_rows; ++r) {
        const size_t row = first + r;
        const ptrdiff_t sees = p.first_sees + static_cast<ptrdiff_t>(row / p.group);
        const size_t n = sees < 0 ? 0 : static_cast<size_t>(sees);
        const float before = p.first ? lowest : p.max[row];
        p.max[row] = largest_score(p, p.scores + row * kColumns, n < p.n ? n : p.n, before);
        if (p.first || p.max[row] == before) continue;
        keep[r] = before - p.max[row];
        kept = false;
    }
    float total[kTile];
    for (size_t r = 0; r < n_rows; ++r) total[r] = weigh_row(p, first + r, p.max[first + r]);
    if (!kept)
        for (size_t r = 0; r < kTile; r += kWidth)
            Vec::store(keep + r, exp_of(Vec::load(keep + r)));
    for (size_t r = 0; r < n_rows; ++r) {
        const size_t row = first + r;
        if (kept || keep[r] == 1.0f) {
            p.total[row] = p.first ? total[r] : p.total[row] + total[r];
            continue;
        }
        p.total[row] = p.total[row] * keep[r] + total[r];
        for (size_t d = 0; d < p.width; d += kColumns) {
            float* sums = p.sums + d * p.sums_rows + row * kColumns;
            for (size_t i = 0; i < kColumns; i += kWidth)
                Vec::store(sums + i, Vec::mul(Vec::load(sums + i), Vec::set(keep[r])));
        }
    }
}

static void weigh_tiles(const TileWeights& p) {
    for (size_t row = 0; row < p.rows; row += kTile)
        weigh_rows(p, row, p.rows - row < kTile ? p.rows - row : kTile);
}
