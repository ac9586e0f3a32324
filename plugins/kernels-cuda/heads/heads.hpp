// q, k, v and attention of one vector in one launch (sm_90 and later), where every query head has
// its own key: the blocks that multiply a head's rows of v also attend for it, so that no kernel
// boundary stands between product and attention, and attention is over when the last row of v is
// there.
#pragma once
#include "ops/attention/attention.hpp"
#include "stream/stream.hpp"

namespace afs::cuda {

// Over longer contexts a head's blocks have too few warps for the cache.
constexpr uint32_t kHeadsMaxContext = 1024;

struct HeadsArgs {
    StreamProduct product;    // weights and outputs of q, k and v in this order; see heads_prepare
    AttentionArgs attention;  // of one sequence; q and its split buffers are not read
    AttentionEntry entry;     // its k and v are not read
    void* state;              // heads_state_bytes, zero at first, on 16 bytes
};

// Whether it takes this shape: there are blocks for every head, and rows for every block. A block
// of the cache has to have a power of two of positions.
bool heads_fit(const afs_attention_params& params, uint32_t block_size);
uint64_t heads_state_bytes(const afs_attention_params& params);
// Chooses the ring's depth for product.columns. in_flight: see stream_ring.
void heads_ring(HeadsArgs& args, int32_t in_flight);
// early: see stream_launch. Every block needs a place on the device at the same time.
Status heads_launch(const HeadsArgs& args, bool early);

}  // namespace afs::cuda
