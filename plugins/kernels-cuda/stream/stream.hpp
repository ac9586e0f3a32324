// Matrix times one vector at the speed of memory (sm_90 and later): the weights of a decode step at
// batch 1 stream through a ring of pages in shared memory while the vector is still being made.
//
// A launch multiplies one vector x with one, two or three weights (q, k and v; gate and up), and
// makes x itself, so that no kernel stands between two products. With T the activations' dtype,
// each line where its operand is there and rounded to T as the ops it stands for are:
//   b = input                                          the product or row before
//   b = rms_norm(b, post_weight)                       OLMo-2's norm of a block's output
//   b = a + b, also stored to sum                      the residual stream
//   x = rms_norm(b, norm_weight)                       Llama's norm of a block's input
//   out[i] = weights[i] * x, or with `gated` out[0] = swiglu(weights[0] * x, weights[1] * x)
#pragma once
#include <cuda.h>
#include <cuda_runtime_api.h>

#include "afs/kernels.hpp"
#include "kernels/ahead.hpp"

namespace afs::cuda {

constexpr int kStreamWeights = 3;
// 132 blocks with 80 KiB each on their way fill an H200's memory.
constexpr int32_t kStreamInFlight = 5;

struct StreamNorm {
    const void* weight = nullptr;  // [columns]; NULL: no norm
    float eps = 0;
    int32_t weight_before_cast = 0;
};

struct StreamInput {
    const void* input = nullptr;  // [columns], of many vectors [n_rows, columns]; so the others
    StreamNorm post;
    const void* residual = nullptr;  // or NULL
    void* sum = nullptr;             // or NULL; neither input nor residual
    StreamNorm norm;

#ifdef __CUDACC__
    __host__ __device__
#endif
        bool
        is_made() const {  // not simply the input
        return post.weight || residual || norm.weight;
    }
};

// Blocks on each SM, by its number, that have pages to ask for (stream/turn.cuh).
constexpr int kTurnSms = 256;  // higher numbers share a count
struct StreamTurns {
    const uint32_t* before = nullptr;  // of the launch of products before; NULL: not waited for
    uint32_t* own = nullptr;           // of this one, [kTurnSms], zero at first; NULL: not counted
};

// A kernel's parameters, whole.
struct StreamProduct {
    CUtensorMap weights[kStreamWeights];
    void* out[kStreamWeights];
    int32_t rows[kStreamWeights];  // of each weight; 0: none
    int32_t columns;
    int32_t gated;
    int32_t depth;      // pages of the ring
    int32_t in_flight;  // of them on their way at once
    StreamInput input;
    StreamTurns turns;
};

// Whether this device has what the ring needs: the copy engine, and as much shared memory for a
// block as half an SM of 9.0 and 10.0 has (12.0 has less).
bool stream_fits_device();
// Whether this device and these tensors are fit: weight [rows, columns] in fp16 or bf16.
bool stream_fits(const afs_tensor& weight);
// Describes a weight to the copy engine. Pure host work.
Status stream_weight(const afs_tensor& weight, CUtensorMap& out);
// Chooses the ring's depth for product.columns. in_flight: pages that may be on their way at once.
void stream_ring(StreamProduct& product, bool beside_attention,
                 int32_t in_flight = kStreamInFlight);
// early: the kernel may start before the one before it on the stream is over (programmatic
// dependent launch); what that one wrote is read only after it is.
Status stream_launch(const StreamProduct& product, int32_t dtype, bool early, cudaStream_t stream);

// x of many vectors: rows of `columns` elements, close together in every operand. ahead: what is
// read next.
Status lead_in_launch(const StreamInput& input, int64_t n_rows, int32_t columns, int32_t dtype,
                      void* x, const Ahead& ahead, bool early, cudaStream_t stream);

}  // namespace afs::cuda
