// Sizes of a product's stages, which the host chooses from and the kernel is made of.
#pragma once

#ifdef __CUDACC__
#define AFS_BOTH_SIDES __host__ __device__
#else
#define AFS_BOTH_SIDES
#endif

namespace afs::cuda::product {

constexpr int kGroupRows = 64, kTileRows = 2 * kGroupRows;  // of weights: a warpgroup's, a block's
constexpr int kStageColumns = 64;                           // 128 bytes
constexpr int kGroupBytes = kGroupRows * kStageColumns * 2;
constexpr int kMaxDepth = 12;

AFS_BOTH_SIDES constexpr int stage_bytes(int tile_tokens) {
    return 2 * kGroupBytes + tile_tokens * kStageColumns * 2;
}
// A warpgroup's outputs leave it in two rounds of tokens, or of eight in one.
AFS_BOTH_SIDES constexpr int rounds_of(int tile_tokens) {
    return tile_tokens > 8 ? 2 : 1;
}
AFS_BOTH_SIDES constexpr int round_tokens(int tile_tokens) {
    return tile_tokens / rounds_of(tile_tokens);
}
// Of a round.
AFS_BOTH_SIDES constexpr int buffer_bytes(int tile_tokens) {
    return kGroupRows * round_tokens(tile_tokens) * 2;
}

}  // namespace afs::cuda::product

#undef AFS_BOTH_SIDES
