// Matrix times many vectors on Hopper's tensor cores (sm_90a): linear/1 for prompts and for
// batches, one, two or three weights of one input in one launch, gate and up with the gated unit.
//
//   out[w][t, i] = weights[w][i, :] . x[t, :]      or, gated, with one output
//   out[t, i] = swiglu(weights[0][i, :] . x[t, :], weights[1][i, :] . x[t, :])
//
// A product is rounded once to T, as linear/1 does; the gated unit then rounds as swiglu/1 does.
#pragma once
#include <cuda.h>
#include <cuda_runtime_api.h>

#include "afs/kernels.hpp"

namespace afs::cuda {

constexpr int kProductWeights = 3;

struct ProductArgs {
    afs_tensor x{};                         // [n_tokens, columns]
    afs_tensor weights[kProductWeights]{};  // [rows, columns] each; rank 0: none
    afs_tensor out[kProductWeights]{};      // [n_tokens, rows]; gated: the first
    bool gated = false;
    // Each output one sum in ascending order, whatever the number of tokens. Otherwise a tile's sum
    // may be divided between blocks, by the shapes alone.
    bool ascending = false;
};

// A kernel's parameters, whole.
struct Product {
    CUtensorMap weights[kProductWeights], x;
    void* out[kProductWeights];
    int64_t out_stride[kProductWeights];  // elements from a token to the next
    int32_t rows[kProductWeights];        // of each weight; 0: none
    int32_t columns, n_tokens;
    int32_t gated, split;  // split: tiles are divided between blocks
    int32_t depth;         // stages of the ring
    int32_t in_flight;     // of them on their way at once
    float* partial;        // sums of blocks that make part of a tile
    uint32_t* flags;       // [blocks, 2], zero between launches: whose sums are there
};

// A product made ready: describes tensors to the copy engine, chooses tiles. Pure host work.
struct PreparedProduct {
    Product product;
    int32_t dtype, tile_tokens, blocks, shared_bytes;
};

// Whether this device and these tensors are fit: fp16 or bf16 throughout, columns and rows
// multiples of 8, on 16 bytes.
bool product_fits(const ProductArgs& args);
// For measurements: what is chosen otherwise where it is not 0.
struct ProductTuning {
    int32_t tile_tokens = 0, in_flight = 0, shared_bytes = 0;
    int32_t split = -1;  // 0 or 1
};
// Workspace of a product of up to n_tokens tokens, and the state it needs, zeroed once.
uint64_t product_workspace_bytes(int64_t n_tokens);
uint64_t product_state_bytes();
Status product_prepare(const ProductArgs& args, void* workspace, void* state, PreparedProduct& out,
                       const ProductTuning& tuning = {});
// early: see stream_launch.
Status product_launch(const PreparedProduct& prepared, bool early, cudaStream_t stream);

}  // namespace afs::cuda
