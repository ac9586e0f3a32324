#include "afs/weights/quantise.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "afs/kernels.hpp"  // read
#include "afs/numeric.hpp"
#include "afs/parallel.hpp"

namespace afs {
namespace {

constexpr size_t kBlock = 32;
constexpr int64_t kRowsAtOnce = 16;

// False: x is too large for it.
bool put_half(uint8_t* to, float x) {
    const f16 half = to_f16(x);
    std::memcpy(to, &half, sizeof half);
    return std::isfinite(to_float(half));
}

// To the nearest whole number within limits, halves to even: adding 1.5 * 2^23 leaves no room for a
// fraction. Unlike std::nearbyint, which is a call below SSE4.1, it becomes vectors.
float whole(float x, float least, float most) {
    constexpr float kNoFraction = 12582912.0f;
    const float above = x > least ? x : least, limited = above < most ? above : most;
    return (limited + kNoFraction) - kNoFraction;
}

float dot(const float* a, const float* b) {
    float lanes[8] = {};
    for (size_t i = 0; i < kBlock; i += 8)
        for (size_t j = 0; j < 8; ++j) lanes[j] += a[i + j] * b[i + j];
    return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) +
           ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

// d q, q in -127 .. 127. False: d is too large.
bool to_q8_0(const float* x, uint8_t* to) {
    float most = 0;
    for (size_t i = 0; i < kBlock; ++i) most = std::max(most, std::abs(x[i]));
    if (!put_half(to, most / 127)) return false;
    const float d = to_float(to_f16(most / 127)), inverse = d > 0 ? 1 / d : 0;
    for (size_t i = 0; i < kBlock; ++i) {
        const auto q = static_cast<int8_t>(whole(x[i] * inverse, -127, 127));
        to[2 + i] = static_cast<uint8_t>(q);
    }
    return true;
}

// d q + m, q in 0 .. 15. Of codes that reach the smallest and the largest, nearly or a little
// beyond, those with the least squared error, each with the d and m that are best for them. False:
// one of these is too large.
bool to_q4_1(const float* x, uint8_t* to) {
    constexpr float n = kBlock;
    float ones[kBlock], least = x[0], most = x[0];
    for (size_t i = 0; i < kBlock; ++i) {
        ones[i] = 1;
        least = std::min(least, x[i]);
        most = std::max(most, x[i]);
    }
    const float x_sum = dot(x, ones);
    float best = -1, scale = 0, minimum = least;
    float codes[kBlock] = {};
    for (float steps = 14; most > least && steps <= 16.5f; steps += 0.5f) {
        const float inverse = steps / (most - least), start = (steps - 15) / 2;
        float q[kBlock];
        for (size_t i = 0; i < kBlock; ++i) q[i] = whole((x[i] - least) * inverse - start, 0, 15);
        const float q_sum = dot(q, ones), spread = n * dot(q, q) - q_sum * q_sum,
                    together = n * dot(x, q) - x_sum * q_sum;
        const float explained = together * together / spread;  // of the variance, times n * n
        if (spread <= 0 || explained <= best) continue;
        best = explained, scale = together / spread, minimum = (x_sum - scale * q_sum) / n;
        std::memcpy(codes, q, sizeof q);
    }
    if (!put_half(to, scale) || !put_half(to + 2, minimum)) return false;
    for (size_t i = 0; i < kBlock / 2; ++i) {
        const auto low = static_cast<unsigned>(codes[i]),
                   high = static_cast<unsigned>(codes[i + kBlock / 2]);
        to[4 + i] = static_cast<uint8_t>(low | high << 4);
    }
    return true;
}

template <class T>
void widen(const void* from, float* to, size_t n) {
    for (size_t i = 0; i < n; ++i) {
        T value;
        std::memcpy(&value, static_cast<const char*>(from) + i * sizeof value, sizeof value);
        to[i] = to_float(value);
    }
}

// Rows [first, end); what is wrong with a value of them, or nullptr.
const char* quantise_rows(const Weight& weight, int32_t dtype, int64_t first, int64_t end,
                          uint8_t* out) {
    const auto width = static_cast<size_t>(weight.dims[1]);
    const size_t row_bytes = dtype_bytes(dtype, width), block_bytes = dtype_bytes(dtype, kBlock);
    std::vector<float> x(width);
    for (int64_t row = first; row < end; ++row) {
        const char* from = static_cast<const char*>(weight.data) +
                           static_cast<size_t>(row) * width * dtype_size(weight.dtype);
        if (weight.dtype == AFS_F32) widen<float>(from, x.data(), width);
        if (weight.dtype == AFS_BF16) widen<bf16>(from, x.data(), width);
        if (weight.dtype == AFS_F16) widen<f16>(from, x.data(), width);
        if (!std::all_of(x.begin(), x.end(), [](float each) { return std::isfinite(each); }))
            return "it holds a NaN or an infinity";
        uint8_t* to = out + static_cast<size_t>(row) * row_bytes;
        for (size_t i = 0; i < width; i += kBlock, to += block_bytes)
            if (!(dtype == AFS_Q8_0 ? to_q8_0(x.data() + i, to) : to_q4_1(x.data() + i, to)))
                return "it holds a number that is too large for the fp16 scale of a block";
    }
    return nullptr;
}

bool is_embedding(const afs_graph& graph, uint32_t value) {
    for (uint32_t n = 0; n < graph.n_nodes; ++n) {
        const auto node = read<afs_node>(graph.nodes[n]);
        if (std::strcmp(node.op, "embed/1") == 0 && node.n_inputs > 0 && node.inputs[0] == value)
            return true;
    }
    return false;
}

}  // namespace

Quantise parse_quantise(const std::string& text) {
    return text == "int8" ? Quantise::int8 : text == "int4" ? Quantise::int4 : Quantise::none;
}

int32_t quantised_dtype(const afs_graph& graph, uint32_t value, int32_t dtype, Quantise to) {
    const auto shape = read<afs_value>(graph.values[value]);
    const bool plain = dtype == AFS_F32 || dtype == AFS_BF16 || dtype == AFS_F16;
    if (to == Quantise::none || !plain || shape.rank != 2 ||
        shape.dims[1] % static_cast<int64_t>(kBlock) != 0)
        return dtype;
    return to == Quantise::int8 || is_embedding(graph, value) ? AFS_Q8_0 : AFS_Q4_1;
}

Result<WeightSet> quantise(const afs_graph& graph, const WeightSet& weights, Quantise to,
                           uint32_t n_threads) {
    WeightSet out;
    out.keep(std::make_shared<WeightSet>(weights));  // some still point into it
    std::map<const void*, const void*> done;         // a tensor that is read twice stays one
    for (const Weight& weight : weights.weights()) {
        Weight made = weight;
        made.dtype = quantised_dtype(graph, weight.value, weight.dtype, to);
        if (made.dtype == weight.dtype) {
            out.add(std::move(made));
            continue;
        }
        made.bytes = dtype_bytes(made.dtype, static_cast<uint64_t>(made.dims[0] * made.dims[1]));
        const void*& place = done[weight.data];
        if (!place) {
            const std::shared_ptr<uint8_t[]> memory(new uint8_t[made.bytes]);
            std::atomic<const char*> fault{nullptr};
            const int64_t rows = weight.dims[0];
            parallel_for(static_cast<size_t>((rows + kRowsAtOnce - 1) / kRowsAtOnce), n_threads,
                         [&](size_t i) {
                             const int64_t first = static_cast<int64_t>(i) * kRowsAtOnce;
                             if (const char* found = quantise_rows(
                                     weight, made.dtype, first, std::min(rows, first + kRowsAtOnce),
                                     memory.get()))
                                 fault = found;
                         });
            if (fault)
                return invalid("cannot quantise weight '" + weight.name + "'" +
                               (weight.file.empty() ? "" : " of " + weight.file) + ": " +
                               fault.load());
            place = memory.get();
            out.keep(memory);
        }
        made.data = place;
        out.add(std::move(made));
    }
    return out;
}

}  // namespace afs
