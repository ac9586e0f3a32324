#include "chain/chain.hpp"

#include <algorithm>

#include "device/launch.hpp"
#include "device/tensor_map.hpp"
#include "product/tile.hpp"

namespace afs::cuda {

template <int kTokens>
Status chain_launch_tile(const PreparedChain& prepared, bool early, cudaStream_t stream);
template <>
Status chain_launch_tile<8>(const PreparedChain&, bool, cudaStream_t);
template <>
Status chain_launch_tile<16>(const PreparedChain&, bool, cudaStream_t);
template <>
Status chain_launch_tile<32>(const PreparedChain&, bool, cudaStream_t);
template <>
Status chain_launch_tile<64>(const PreparedChain&, bool, cudaStream_t);

namespace {

using namespace product;

// An SM's shared memory, less that of a block of attention beside.
constexpr int kRoom = 200 * 1024;
constexpr int kRestBytes = 2048;  // barriers and the rows' 1 / RMS
constexpr int kInFlight = 4;

int tile_of(int64_t n_tokens) {
    return n_tokens <= 8 ? 8 : n_tokens <= 16 ? 16 : n_tokens <= 32 ? 32 : 64;
}

}  // namespace

uint64_t chain_state_bytes() {
    return product_state_bytes() + (kMaxLinks + 1) * sizeof(uint32_t);
}

Status chain_prepare(const std::vector<LinkArgs>& links, void* workspace, void* state,
                     PreparedChain& made) {
    made = {};
    Chain& c = made.chain;
    const int64_t n_tokens = links[0].product.x.dims[0];
    made.tile_tokens = tile_of(n_tokens);
    made.blocks = n_blocks();
    c.n_links = static_cast<int32_t>(links.size());
    c.done = static_cast<uint32_t*>(state) + product_state_bytes() / sizeof(uint32_t);
    for (size_t l = 0; l < links.size(); ++l) {
        Link& link = c.links[l];
        ProductTuning tuning;
        tuning.tile_tokens = made.tile_tokens;
        tuning.split = 1;
        PreparedProduct prepared;
        AFS_TRY(product_prepare(links[l].product, workspace, state, prepared, tuning));
        link = {prepared.product, links[l].entering, links[l].squares, links[l].eps};
    }
    const int stage = stage_bytes(made.tile_tokens);
    const int rest = 2 * buffer_bytes(made.tile_tokens) + kRestBytes;
    c.depth = std::min(kMaxDepth, (kRoom - rest) / stage);
    c.in_flight = std::min(c.depth, kInFlight);
    made.shared_bytes = c.depth * stage + rest;
    return {};
}

Status chain_launch(const PreparedChain& prepared, bool early, cudaStream_t stream) {
    switch (prepared.tile_tokens) {
        case 8: return chain_launch_tile<8>(prepared, early, stream);
        case 16: return chain_launch_tile<16>(prepared, early, stream);
        case 32: return chain_launch_tile<32>(prepared, early, stream);
        default: return chain_launch_tile<64>(prepared, early, stream);
    }
}

}  // namespace afs::cuda
