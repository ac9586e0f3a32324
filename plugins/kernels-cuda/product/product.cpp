#include "product/product.hpp"

#include <algorithm>

#include "afs/numeric.hpp"  // dtype_size
#include "device/launch.hpp"
#include "device/tensor_map.hpp"
#include "product/tile.hpp"

namespace afs::cuda {

template <int kTokens>
Status product_launch_tile(const PreparedProduct& prepared, bool early, cudaStream_t stream);
template <>
Status product_launch_tile<16>(const PreparedProduct&, bool, cudaStream_t);
template <>
Status product_launch_tile<32>(const PreparedProduct&, bool, cudaStream_t);
template <>
Status product_launch_tile<64>(const PreparedProduct&, bool, cudaStream_t);
template <>
Status product_launch_tile<128>(const PreparedProduct&, bool, cudaStream_t);
template <>
Status product_launch_tile<256>(const PreparedProduct&, bool, cudaStream_t);

namespace {

using namespace product;

constexpr int kSmallTile = 16, kHalfTile = 128, kWholeTile = 256;
// Half an SM's shared memory, so that the next launch's blocks fit beside; and all of it.
constexpr int kHalfSharedBytes = 113 * 1024, kWholeSharedBytes = 227 * 1024;
constexpr int kBarrierBytes = 2 * kMaxDepth * 8;
constexpr int kFewStagesInFlight = 4;  // of small tiles: more only queue up before x
// Tiles of few tokens are divided where whole ones would leave more than a tenth of the blocks
// idle.
constexpr double kIdleAllowed = 0.1;
// A tile of 128 tokens beside one of 256, measured (docs/PERFORMANCE.md).
constexpr double kHalfTileCost = 0.77;

int round_up_div(int64_t x, int by) {
    return static_cast<int>((x + by - 1) / by);
}

struct Shape {
    int row_tiles, k_stages;
    int64_t n_tokens;

    explicit Shape(const ProductArgs& a)
        : row_tiles(0), k_stages(round_up_div(a.x.dims[1], kStageColumns)), n_tokens(a.x.dims[0]) {
        const int rows = a.gated ? kGroupRows : kTileRows;
        for (int w = 0; w < (a.gated ? 1 : kProductWeights); ++w)
            if (a.weights[w].rank) row_tiles += round_up_div(a.weights[w].dims[0], rows);
    }
    int64_t tiles(int tile_tokens) const {
        return int64_t{row_tiles} * round_up_div(n_tokens, tile_tokens);
    }
    // Share of the blocks' time that is lost where they take whole tiles.
    double idle(int tile_tokens) const {
        return 1 - static_cast<double>(tiles(tile_tokens)) / (turns(tile_tokens) * n_blocks());
    }
    int choose() const {
        for (int tile = kSmallTile; tile <= kHalfTile; tile *= 2)
            if (n_tokens <= tile) return tile;
        return turns(kHalfTile) * kHalfTileCost < turns(kWholeTile) ? kHalfTile : kWholeTile;
    }
    double turns(int tile_tokens) const {
        return static_cast<double>(round_up_div(tiles(tile_tokens), n_blocks()));
    }
};

}  // namespace

bool product_fits(const ProductArgs& a) {
    if (!has_wgmma() || !can_describe_rows(a.x)) return false;
    for (int w = 0; w < kProductWeights; ++w) {
        if (a.weights[w].rank == 0) continue;
        if (!can_describe_rows(a.weights[w]) || a.weights[w].dtype != a.x.dtype) return false;
        if (a.gated && w > 0) continue;
        if (!can_describe_rows(a.out[w]) || a.out[w].dtype != a.x.dtype) return false;
    }
    return true;
}

uint64_t product_workspace_bytes(int64_t n_tokens) {
    int tile = kSmallTile;
    while (tile < kWholeTile && tile < n_tokens) tile *= 2;
    return uint64_t{sizeof(float)} * static_cast<uint64_t>(n_blocks()) * kTileRows *
           static_cast<uint64_t>(tile);
}

uint64_t product_state_bytes() {
    return static_cast<uint64_t>(n_blocks()) * 2 * sizeof(uint32_t);
}

Status product_prepare(const ProductArgs& a, void* workspace, void* state, PreparedProduct& made,
                       const ProductTuning& tuning) {
    const Shape shape(a);
    made = {};
    made.dtype = a.x.dtype;
    made.tile_tokens = tuning.tile_tokens ? tuning.tile_tokens : shape.choose();
    Product& p = made.product;
    const auto tile = static_cast<uint32_t>(made.tile_tokens);
    AFS_TRY(describe_rows(a.x, tile, p.x));
    for (int w = 0; w < kProductWeights; ++w) {
        if (a.weights[w].rank == 0) continue;
        AFS_TRY(describe_rows(a.weights[w], kGroupRows, p.weights[w]));
        p.rows[w] = static_cast<int32_t>(a.weights[w].dims[0]);
        p.out[w] = a.out[w].data;
        p.out_stride[w] = a.out[w].strides[0];
    }
    p.columns = static_cast<int32_t>(a.x.dims[1]);
    p.n_tokens = static_cast<int32_t>(a.x.dims[0]);
    p.gated = a.gated;
    const int64_t tiles = shape.tiles(made.tile_tokens);
    p.split = !a.ascending && shape.n_tokens <= kHalfTile &&
              shape.idle(made.tile_tokens) >= kIdleAllowed && workspace && state;
    if (tuning.split >= 0) p.split = tuning.split;
    const int64_t work = p.split ? tiles * shape.k_stages : tiles;
    made.blocks = static_cast<int>(std::min<int64_t>(work, n_blocks()));
    const int stage = stage_bytes(made.tile_tokens);
    const int rest = 2 * buffer_bytes(made.tile_tokens) + kBarrierBytes;
    const bool whole = made.tile_tokens >= kHalfTile;  // half would hold too few stages
    const int room = tuning.shared_bytes ? tuning.shared_bytes
                     : whole             ? kWholeSharedBytes
                                         : kHalfSharedBytes;
    p.depth = std::min(kMaxDepth, (room - rest) / stage);
    p.in_flight = made.tile_tokens == kWholeTile ? p.depth : std::min(p.depth, kFewStagesInFlight);
    if (tuning.in_flight) p.in_flight = std::min(p.depth, tuning.in_flight);
    made.shared_bytes = p.depth * stage + rest;
    p.partial = static_cast<float*>(workspace);
    p.flags = static_cast<uint32_t*>(state);
    return {};
}

Status product_launch(const PreparedProduct& prepared, bool early, cudaStream_t stream) {
    switch (prepared.tile_tokens) {
        case 16: return product_launch_tile<16>(prepared, early, stream);
        case 32: return product_launch_tile<32>(prepared, early, stream);
        case 64: return product_launch_tile<64>(prepared, early, stream);
        case 128: return product_launch_tile<128>(prepared, early, stream);
        default: return product_launch_tile<256>(prepared, early, stream);
    }
}

}  // namespace afs::cuda
