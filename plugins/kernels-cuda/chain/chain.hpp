// Up to four products in one launch, each of what the one before made (sm_90a): from attention's
// output to the next layer's q, k and v, for a batch of up to 64 vectors in bf16. The weights of
// the next product are fetched while the last sums of this one are still being stored, so that
// memory does not rest between them.
//
//   out[w][t, i] = r(t) * weights[w][i, :] . x[t, :]      or gated, with one output,
//   out[t, i] = swiglu(r(t) * weights[0][i, :] . x[t, :], r(t) * weights[1][i, :] . x[t, :])
//
// where a norm of x stands before the product, r is 1 / RMS of the row and x is the row times the
// norm's weights alone. A product that enters the residual stream makes that x for the next one:
//   sum[t, i] = residual[t, i] + weights[0][i, :] . x[t, :]     rounded as add/1 and linear/1 do
//   next[t, i] = sum[t, i] * norm_weight[i]
#pragma once
#include <cuda_runtime_api.h>

#include <vector>

#include "product/product.hpp"

namespace afs::cuda {

constexpr int kMaxLinks = 4, kChainTokens = 64;

// What becomes of a product that enters the residual stream; residual NULL: it does not.
struct Entering {
    const void* residual;     // [n_tokens, rows]
    void* sum;                // [n_tokens, rows]
    const void* norm_weight;  // [rows]
    void* next;               // [n_tokens, rows]: x of the next product
    float* squares;           // [square_parts(rows), kChainTokens]: of each 64 elements of sum
};

struct Link {
    Product product;  // depth and in_flight are the chain's
    Entering entering;
    const float* squares;  // of x's rows, before the norm's weights; NULL: x is as it is
    float eps;
};

// A kernel's parameters, whole.
struct Chain {
    Link links[kMaxLinks];
    int32_t n_links, depth, in_flight;
    uint32_t* done;  // [kMaxLinks + 1], zero between launches: warpgroups through with a link, and
                     // blocks with all
};

struct PreparedChain {
    Chain chain;
    int32_t tile_tokens, blocks, shared_bytes;
};

struct LinkArgs {
    ProductArgs product;
    Entering entering{};
    const float* squares = nullptr;
    float eps = 0;
};

// Of a row of `columns` elements.
constexpr int32_t square_parts(int64_t columns) {
    return static_cast<int32_t>((columns + 63) / 64);
}
// A product's and the counters, zeroed once. The workspace is that of a product.
uint64_t chain_state_bytes();
// Every link's tensors as product_fits wants them, in bf16, of the same 1 to kChainTokens tokens.
Status chain_prepare(const std::vector<LinkArgs>& links, void* workspace, void* state,
                     PreparedChain& out);
// early: see stream_launch. Every block needs a place on the device at the same time.
Status chain_launch(const PreparedChain& chain, bool early, cudaStream_t stream);

}  // namespace afs::cuda
