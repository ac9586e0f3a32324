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

// One row, which sees n of the positions.
AFS_FORCE void weigh_row(const TileWeights& p, size_t row, size_t n) {
    constexpr size_t kVecs = kColumns / kWidth;
    const float lowest = -__builtin_inff();
    float* scores = p.scores + row * kColumns;
    for (size_t i = n; i < kColumns; ++i) scores[i] = lowest;
    Vec::F score[kVecs], most = Vec::set(lowest);
    AFS_UNROLL
    for (size_t v = 0; v < kVecs; ++v) {
        score[v] = Vec::mul(Vec::load(scores + v * kWidth), Vec::set(p.scale));
        most = Vec::max(score[v], most);
    }
    const float before = p.first ? lowest : p.max[row], here = Vec::largest(most);
    const float largest = here > before ? here : before;
    const Vec::F down = Vec::set(largest == lowest ? 0.0f : largest);
    Vec::F sum = Vec::zero();
    bf16* lines =
        static_cast<bf16*>(p.weights) + row / kTile * kTile * kColumns + row % kTile * kLine;
    AFS_UNROLL
    for (size_t v = 0; v < kVecs; ++v) {
        const Vec::F weight = exp_of(Vec::sub(score[v], down));
        const size_t at = v * kWidth;
        Vec::store_flushed(lines + at / kLine * kTileElements + at % kLine, weight);
        sum = Vec::add(sum, weight);
    }
    const float total = Vec::sum(sum);
    if (p.first || largest == before) {
        p.total[row] = p.first ? total : p.total[row] + total;
        p.max[row] = largest;
        return;
    }
    const Vec::F keep = exp_of(Vec::set(before - largest));
    for (size_t d = 0; d < p.width; d += kColumns) {
        float* sums = p.sums + d * p.sums_rows + row * kColumns;
        for (size_t i = 0; i < kColumns; i += kWidth)
            Vec::store(sums + i, Vec::mul(Vec::load(sums + i), keep));
    }
    float lane[kWidth];
    Vec::store(lane, keep);
    p.total[row] = p.total[row] * lane[0] + total;
    p.max[row] = largest;
}

static void weigh_tiles(const TileWeights& p) {
    for (size_t row = 0; row < p.rows; ++row) {
        const ptrdiff_t sees = p.first_sees + static_cast<ptrdiff_t>(row / p.group);
        const size_t n = sees < 0 ? 0 : static_cast<size_t>(sees);
        weigh_row(p, row, n < p.n ? n : p.n);
    }
}
