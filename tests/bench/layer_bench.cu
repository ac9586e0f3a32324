// The layers of a decode step of one sequence by themselves (plugins/kernels-cuda/stream and
// heads), as one graph: OLMo-2's norms behind attention and behind the MLP, every head with its own
// key. Microseconds a layer with attention as a launch of its own, and in the launch of q, k and v.
// Sums are not looked at: the tests of kernels-cuda do that.
//   layer_bench [context] [pages_in_flight] [hidden heads intermediate]     default: 190 5 4096 32
//   11008
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "bench.cuh"
#include "device/launch.hpp"
#include "heads/heads.hpp"

using namespace afs;
using namespace afs::cuda;

namespace {

constexpr int kLayers = 32, kRuns = 20, kBlockSize = 16, kCacheBlocks = 256, kHeadDim = 128;
constexpr float kEps = 1e-6f;

// Stays until the program ends.
void* random(int64_t n, float scale = 1) {
    static uint32_t seed = 0;
    __nv_bfloat16* made = nullptr;
    need(cudaMalloc(&made, static_cast<size_t>(n) * 2));
    fill_kernel<<<1024, 256>>>(made, static_cast<uint64_t>(n), ++seed * 977u, scale);
    need(cudaGetLastError());
    return made;
}
void* zeros(uint64_t bytes) {
    void* made = nullptr;
    need(cudaMalloc(&made, bytes));
    need(cudaMemset(made, 0, bytes));
    return made;
}
const int32_t* on_device(const std::vector<int32_t>& values) {
    void* made = zeros(values.size() * sizeof(int32_t));
    need(cudaMemcpy(made, values.data(), values.size() * sizeof(int32_t), cudaMemcpyHostToDevice));
    return static_cast<const int32_t*>(made);
}
struct Shape {
    int hidden = 4096, heads = 32, intermediate = 11008, context = 190, in_flight = kStreamInFlight;

    int width() const { return heads * kHeadDim; }
    double weights() const {  // of a layer
        return 4.0 * hidden * width() + 3.0 * hidden * intermediate;
    }
};

// What all layers read and write.
struct Vectors {
    void *attended, *o, *gated, *down, *norm, *sums[2];
    afs_step step{};

    explicit Vectors(const Shape& s)
        : attended(random(s.width())),
          o(random(s.hidden)),
          gated(random(s.intermediate)),
          down(random(s.hidden)),
          norm(random(std::max(s.hidden, s.width()))),
          sums{random(s.hidden), random(s.hidden)} {
        std::vector<int32_t> blocks(kCacheBlocks);
        for (int i = 0; i < kCacheBlocks; ++i) blocks[static_cast<size_t>(i)] = i;
        step.n_tokens = step.n_seqs = step.n_rows = 1;
        step.max_blocks = kCacheBlocks;
        step.max_context = s.context <= 256 ? 256 : 1024;
        step.cu_seqlens = on_device({0, 1});
        step.context_lens = on_device({s.context});
        step.positions = on_device({s.context - 1});
        step.slots = on_device({s.context - 1});
        step.block_table = on_device(blocks);
    }
};

struct Layer {
    StreamProduct o{}, gate_up{}, down{};
    HeadsArgs heads{};

    Layer(const Shape& s, const Vectors& v, cudaStream_t stream) {
        void* rows[] = {random(s.width()), random(s.width()), random(s.width())};
        for (int w = 0; w < kStreamWeights; ++w)
            add(heads.product, w, s.width(), s.hidden, rows[w]);
        add(o, 0, s.hidden, s.width(), v.o);
        for (int w = 0; w < 2; ++w) add(gate_up, w, s.intermediate, s.hidden, v.gated);
        gate_up.gated = 1;
        add(down, 0, s.hidden, s.intermediate, v.down);
        const StreamNorm norm = {v.norm, kEps, 0};
        heads.product.input = {v.down, norm, v.sums[0], v.sums[1], {}};
        o.input.input = v.attended;
        gate_up.input = {v.o, norm, v.sums[1], v.sums[0], {}};
        down.input.input = v.gated;
        attention(s, v, rows, stream);
        heads_ring(heads, s.in_flight);
        for (StreamProduct* each : {&gate_up, &down}) stream_ring(*each, false, s.in_flight);
        static const uint32_t* before = nullptr;  // of the layer before
        for (StreamProduct* each : {&heads.product, &o, &gate_up, &down}) {
            each->turns = {before, static_cast<uint32_t*>(zeros(kTurnSms * sizeof(uint32_t)))};
            before = each->turns.own;
        }
    }

    Status launch(bool together, bool early, int in_flight) {
        const AttentionArgs& args = heads.attention;
        if (together) {
            AFS_TRY(heads_launch(heads, early));
        } else {
            StreamProduct product = heads.product;
            stream_ring(product, true, in_flight);
            AFS_TRY(stream_launch(product, AFS_BF16, early, args.stream));
            AFS_TRY(attention_decode(args, &heads.entry, true));
        }
        stream_ring(o, !together, in_flight);
        for (const StreamProduct* each : {&o, &gate_up, &down})
            AFS_TRY(stream_launch(*each, AFS_BF16, true, args.stream));
        return {};
    }

private:
    static void add(StreamProduct& p, int w, int64_t rows, int64_t columns, void* out) {
        need(stream_weight(matrix(random(rows * columns, 0.03f), rows, columns), p.weights[w]));
        p.rows[w] = static_cast<int32_t>(rows);
        p.columns = static_cast<int32_t>(columns);
        p.out[w] = out;
    }
    void attention(const Shape& s, const Vectors& v, void* const (&rows)[3], cudaStream_t stream) {
        AttentionArgs& args = heads.attention;
        args.params.n_heads = args.params.n_kv_heads = static_cast<uint32_t>(s.heads);
        args.params.head_dim = kHeadDim;
        args.params.scale = 1 / std::sqrt(static_cast<float>(kHeadDim));
        args.layout.block_size = kBlockSize;
        const int64_t strides[] = {int64_t{kBlockSize} * s.width(), kHeadDim, s.width(), 1};
        for (int i = 0; i < 4; ++i) args.layout.k_stride[i] = args.layout.v_stride[i] = strides[i];
        args.k = random(strides[0] * kCacheBlocks);
        args.v = random(strides[0] * kCacheBlocks);
        args.step = v.step;
        args.q = matrix(rows[0], 1, s.width());
        args.out = matrix(v.attended, 1, s.width());
        args.stream = stream;
        AttentionEntry& entry = heads.entry;
        entry.k = matrix(rows[1], 1, s.width());
        entry.v = matrix(rows[2], 1, s.width());
        entry.q_norm = entry.k_norm = v.norm;
        entry.q_eps = entry.k_eps = kEps;
        entry.rehearse = true;
        for (int j = 0; j < kHeadDim / 2; ++j)
            entry.frequencies.inv_freq[j] =
                std::pow(500000.0f, -2.0f * static_cast<float>(j) / kHeadDim);
        heads.state = zeros(heads_state_bytes(args.params));
    }
};

void measure(const Shape& s, std::vector<Layer>& layers, bool together, cudaStream_t stream) {
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t steps = nullptr;
    need(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    for (size_t l = 0; l < layers.size(); ++l) need(layers[l].launch(together, l > 0, s.in_flight));
    need(cudaStreamEndCapture(stream, &graph));
    need(cudaGraphInstantiate(&steps, graph, 0));
    cudaEvent_t begin = nullptr, end = nullptr;
    need(cudaEventCreate(&begin));
    need(cudaEventCreate(&end));
    float best = INFINITY;
    for (int run = 0; run < kRuns; ++run) {
        need(cudaEventRecord(begin, stream));
        need(cudaGraphLaunch(steps, stream));
        need(cudaEventRecord(end, stream));
        need(cudaStreamSynchronize(stream));
        float ms = 0;
        need(cudaEventElapsedTime(&ms, begin, end));
        best = std::min(best, ms);
    }
    std::printf("%-38s %6.1f us a layer, %.0f GB/s of weights\n",
                together ? "attention in the launch of q, k and v" : "attention by itself",
                best * 1e3 / kLayers, kLayers * 2 * s.weights() / best / 1e6);
}

}  // namespace

int main(int argc, char** argv) {
    Shape s;
    int* const places[] = {&s.context, &s.in_flight, &s.hidden, &s.heads, &s.intermediate};
    for (int i = 1; i < argc && i <= 5; ++i) *places[i - 1] = std::atoi(argv[i]);
    if (s.context < 1 || s.context > 1024 || s.in_flight < 1 || s.hidden < 64 || s.heads < 1 ||
        s.intermediate < 64) {
        std::fprintf(stderr, "layer_bench: expected a context of 1 to 1024 and sizes above 0\n");
        return 2;
    }
    cudaStream_t stream = nullptr;
    need(cudaStreamCreate(&stream));
    const Vectors vectors(s);
    std::vector<Layer> layers;
    for (int l = 0; l < kLayers; ++l) layers.emplace_back(s, vectors, stream);
    need(cudaDeviceSynchronize());
    for (const bool together : {false, true}) {
        if (together && !heads_fit(layers[0].heads.attention.params, kBlockSize)) break;
        measure(s, layers, together, stream);
    }
}
