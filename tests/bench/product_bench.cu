// Products of many vectors (plugins/kernels-cuda/product) on the shapes of Llama-3.1-8B:
// microseconds, TFLOP/s and GB/s of weights, with a tick where a sample of outputs is right.
// Weights rotate among copies that together exceed the L2 cache.
//   product_bench [sweep] [n_tokens ..]
#include <cuda_bf16.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "bench.cuh"
#include "product/product.hpp"

using namespace afs;
using namespace afs::cuda;

namespace {

constexpr uint64_t kCacheBytes = uint64_t{200} << 20;
constexpr int kRuns = 12, kSamples = 2000;

__global__ void sample_kernel(const __nv_bfloat16* x, const __nv_bfloat16* w, int columns,
                              const int2* at, double* out, int n) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= n) return;
    double sum = 0;
    for (int k = 0; k < columns; ++k)
        sum += static_cast<double>(__bfloat162float(x[int64_t{at[i].x} * columns + k])) *
               __bfloat162float(w[int64_t{at[i].y} * columns + k]);
    out[i] = sum;
}

struct Buffer {
    __nv_bfloat16* data = nullptr;
    Buffer(uint64_t elements, uint32_t seed, float scale) {
        need(cudaMalloc(&data, elements * 2));
        fill_kernel<<<1024, 256>>>(data, elements, seed, scale);
        need(cudaGetLastError());
    }
    ~Buffer() { static_cast<void>(cudaFree(data)); }
};

struct Shape {
    const char* name;
    std::vector<int> rows;
    int columns;
    bool gated;
};

// The largest error of a sample, as a share of what rounding to bf16 may do to it.
double worst(const Shape& s, const ProductArgs& a, int n) {
    std::mt19937 random(1);
    double most = 0;
    for (size_t w = 0; w < (s.gated ? 1 : s.rows.size()); ++w) {
        std::vector<int2> at(kSamples);
        for (int2& each : at)
            each = {static_cast<int>(random() % n), static_cast<int>(random() % s.rows[w])};
        at[0] = {0, 0}, at[1] = {n - 1, s.rows[w] - 1};
        int2* at_device;
        double* sums;
        need(cudaMalloc(&at_device, kSamples * sizeof(int2)));
        need(cudaMalloc(&sums, kSamples * sizeof(double)));
        need(cudaMemcpy(at_device, at.data(), kSamples * sizeof(int2), cudaMemcpyHostToDevice));
        std::vector<double> expected(kSamples), up(kSamples);
        const auto* x = static_cast<const __nv_bfloat16*>(a.x.data);
        for (int side = 0; side < (s.gated ? 2 : 1); ++side) {
            sample_kernel<<<(kSamples + 127) / 128, 128>>>(
                x, static_cast<const __nv_bfloat16*>(a.weights[s.gated ? side : w].data), s.columns,
                at_device, sums, kSamples);
            need(cudaMemcpy((side ? up : expected).data(), sums, kSamples * sizeof(double),
                            cudaMemcpyDeviceToHost));
        }
        std::vector<__nv_bfloat16> got(static_cast<size_t>(n) * s.rows[w]);
        need(cudaMemcpy(got.data(), a.out[w].data, got.size() * 2, cudaMemcpyDeviceToHost));
        for (int i = 0; i < kSamples; ++i) {
            double want = expected[i];
            if (s.gated) want = want / (1 + std::exp(-want)) * up[i];
            const double y =
                __bfloat162float(got[static_cast<size_t>(at[i].x) * s.rows[w] + at[i].y]);
            const double allowed =
                std::abs(want) * (s.gated ? 0.02 : 0.005) + (s.gated ? 0.02 : 0.004);
            most = std::max(most, std::isnan(y) ? 1e9 : std::abs(y - want) / allowed);
        }
        need(cudaFree(at_device));
        need(cudaFree(sums));
    }
    return most;
}

void measure(const Shape& s, int n, bool ascending, const ProductTuning& tuning = {}) {
    uint64_t weight_elements = 0;
    for (const int rows : s.rows) weight_elements += static_cast<uint64_t>(rows) * s.columns;
    const auto copies =
        static_cast<int>(std::max<uint64_t>(1, kCacheBytes / (2 * weight_elements) + 1));
    Buffer weights(weight_elements * copies, 1, 0.05f),
        x(uint64_t{static_cast<uint64_t>(n)} * s.columns, 7, 1.0f);
    uint64_t out_elements = 0;
    for (const int rows : s.rows) out_elements += static_cast<uint64_t>(rows) * n;
    Buffer out(out_elements, 3, 1e9f);
    void *workspace, *state;
    need(cudaMalloc(&workspace, product_workspace_bytes(256)));
    need(cudaMalloc(&state, product_state_bytes()));
    need(cudaMemset(state, 0, product_state_bytes()));
    std::vector<PreparedProduct> prepared(copies);
    ProductArgs first;
    for (int c = copies - 1; c >= 0; --c) {
        ProductArgs& a = first;
        a = {};
        a.x = matrix(x.data, n, s.columns);
        a.gated = s.gated;
        a.ascending = ascending;
        __nv_bfloat16 *w = weights.data + weight_elements * c, *o = out.data;
        for (size_t i = 0; i < s.rows.size(); ++i) {
            a.weights[i] = matrix(w, s.rows[i], s.columns);
            a.out[i] = matrix(o, n, s.rows[i]);
            w += static_cast<uint64_t>(s.rows[i]) * s.columns;
            o += static_cast<uint64_t>(s.rows[i]) * n;
        }
        if (!product_fits(a)) need(invalid("these operands do not fit"));
        need(product_prepare(a, workspace, state, prepared[c], tuning));
    }
    cudaStream_t stream;
    need(cudaStreamCreate(&stream));
    need(product_launch(prepared[0], false, stream));
    need(cudaStreamSynchronize(stream));
    const double error = worst(s, first, n);
    cudaEvent_t start, end;
    need(cudaEventCreate(&start));
    need(cudaEventCreate(&end));
    float best = 1e9f;
    for (int repeat = 0; repeat < 5; ++repeat) {
        need(cudaEventRecord(start, stream));
        for (int run = 0; run < kRuns; ++run)
            need(product_launch(prepared[run % copies], true, stream));
        need(cudaEventRecord(end, stream));
        need(cudaStreamSynchronize(stream));
        float ms;
        need(cudaEventElapsedTime(&ms, start, end));
        best = std::min(best, ms / kRuns);
    }
    need(product_launch(prepared[0], false, stream));
    need(cudaStreamSynchronize(stream));
    const double error_after = worst(s, first, n);
    const double flops = 2.0 * static_cast<double>(weight_elements) * n;
    std::printf(
        "%-8s %6d tokens  tile %3d%s  depth %d/%d  %9.2f us  %7.1f TFLOP/s  %7.1f GB/s  %s (%.2f, "
        "%.2f)\n",
        s.name, n, prepared[0].tile_tokens, prepared[0].product.split ? " split" : "      ",
        prepared[0].product.in_flight, prepared[0].product.depth, best * 1e3, flops / best / 1e9,
        2.0 * static_cast<double>(weight_elements) / best / 1e6,
        error <= 1 && error_after <= 1 ? "right" : "WRONG", error, error_after);
    std::fflush(stdout);
    need(cudaEventDestroy(start));
    need(cudaEventDestroy(end));
    need(cudaStreamDestroy(stream));
    need(cudaFree(workspace));
    need(cudaFree(state));
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<Shape> shapes = {
        {"qkv", {4096, 1024, 1024}, 4096, false}, {"o", {4096}, 4096, false},
        {"gate-up", {14336, 14336}, 4096, true},  {"down", {4096}, 14336, false},
        {"odd", {1000, 72, 8}, 1208, false},      {"head", {128256}, 4096, false}};
    const bool sweep = argc > 1 && std::string(argv[1]) == "sweep";
    std::vector<int> tokens;
    for (int i = 1 + sweep; i < argc; ++i) tokens.push_back(std::atoi(argv[i]));
    if (tokens.empty()) tokens = {8, 32, 64, 128, 512, 2048, 8192};
    for (const int n : tokens)
        for (const Shape& s : shapes) {
            if (s.name[0] == 'h' && n > 256) continue;
            if (sweep) {
                const int tile = n <= 16 ? 16 : n <= 32 ? 32 : n <= 64 ? 64 : 128;
                for (const int room : {113, 227})
                    for (const int flight : {3, 4, 6, 10}) {
                        if (n <= 128) measure(s, n, false, {tile, flight, room * 1024, -1});
                        if (n > 128 && flight == 10)
                            for (const int split : {0, 1}) {
                                measure(s, n, false, {128, flight, room * 1024, split});
                                if (room > 200) measure(s, n, false, {256, flight, 0, split});
                            }
                    }
                continue;
            }
            measure(s, n, false);
            if (n == 33 || n == 300) measure(s, n, true);
        }
}
