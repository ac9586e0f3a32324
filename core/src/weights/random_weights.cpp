#include "afs/weights/random_weights.hpp"

#include <sys/mman.h>

#include <array>
#include <cmath>
#include <cstring>

#include "afs/numeric.hpp"
#include "afs/parallel.hpp"
#include "afs/weights/available_memory.hpp"
#include "weight_lines.hpp"

namespace afs {
namespace {

constexpr double kDeviation = 0.02;
constexpr size_t kQuantiles = 65536;
// Elements that one thread fills at a time; divisible by 4.
constexpr uint64_t kFillChunk = 1u << 20;

// Upper half of the standard normal's quantile function, p in [0.5, 1): P. J. Acklam's rational
// approximation (relative error 1.2e-9), one Newton step on erfc.
double normal_quantile(double p) {
    const double q = 1.0 - p;
    double x;
    if (q > 0.02425) {
        const double r0 = p - 0.5, r = r0 * r0;
        x = (((((-39.69683028665376 * r + 220.9460984245205) * r - 275.9285104469687) * r +
               138.3577518672690) *
                  r -
              30.66479806614716) *
                 r +
             2.506628277459239) *
            r0 /
            (((((-54.47609879822406 * r + 161.5858368580409) * r - 155.6989798598866) * r +
               66.80131188771972) *
                  r -
              13.28068155288572) *
                 r +
             1.0);
    } else {
        const double r = std::sqrt(-2.0 * std::log(q));
        x = -(((((-0.007784894002430293 * r - 0.3223964580411365) * r - 2.400758277161838) * r -
                2.549732539343734) *
                   r +
               4.374664141464968) *
                  r +
              2.938163982698783) /
            ((((0.007784695709041462 * r + 0.3224671290700398) * r + 2.445134137142996) * r +
              3.754408661907416) *
                 r +
             1.0);
    }
    const double error = 0.5 * std::erfc(x / std::sqrt(2.0)) - q;
    return x + error * std::sqrt(2.0 * M_PI) * std::exp(0.5 * x * x);
}

// The distribution's values at the midpoints of 65,536 equally likely intervals; symmetric.
template <class T>
std::vector<T> quantile_table(double mean) {
    std::vector<T> table(kQuantiles);
    for (size_t i = 0; i < kQuantiles / 2; ++i) {
        const double p = 0.5 + (static_cast<double>(i) + 0.5) / static_cast<double>(kQuantiles);
        const double offset = kDeviation * normal_quantile(p);
        table[kQuantiles / 2 + i] = from_float<T>(static_cast<float>(mean + offset));
        table[kQuantiles / 2 - 1 - i] = from_float<T>(static_cast<float>(mean - offset));
    }
    return table;
}

uint64_t mix(uint64_t x) {  // splitmix64's finaliser
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

// Fills elements [begin, end); begin is a multiple of 4, so 64 random bits serve four of them.
template <class T>
void fill(T* out, uint64_t begin, uint64_t end, uint64_t key, const T* table) {
    uint64_t state = key + (begin / 4 + 1) * 0x9e3779b97f4a7c15ull;
    uint64_t i = begin;
    for (; i + 4 <= end; i += 4, state += 0x9e3779b97f4a7c15ull) {
        const uint64_t bits = mix(state);
        out[i] = table[bits & 0xffff];
        out[i + 1] = table[bits >> 16 & 0xffff];
        out[i + 2] = table[bits >> 32 & 0xffff];
        out[i + 3] = table[bits >> 48];
    }
    for (uint64_t bits = mix(state); i < end; ++i, bits >>= 16) out[i] = table[bits & 0xffff];
}

struct FillPiece {
    const Weight* weight;
    uint64_t key, begin, end;  // elements
};

template <class T>
void fill_all(const std::vector<FillPiece>& pieces, uint32_t n_threads) {
    const std::vector<T> matrix = quantile_table<T>(0.0), vector = quantile_table<T>(1.0);
    parallel_for(pieces.size(), n_threads, [&](size_t i) {
        const FillPiece& piece = pieces[i];
        const T* table = piece.weight->rank == 1 ? vector.data() : matrix.data();
        fill(static_cast<T*>(const_cast<void*>(piece.weight->data)), piece.begin, piece.end,
             piece.key, table);
    });
}

// One anonymous mapping of its own for a weight, returned with its owner.
Result<std::shared_ptr<const void>> map_memory(const std::string& tag, uint64_t bytes,
                                               bool large_pages) {
    void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return Status(Code::no_memory, "cannot allocate " + std::to_string(bytes) +
                                           " bytes for random weight '" + tag + "'");
    if (large_pages) ::madvise(at, bytes, MADV_HUGEPAGE);  // advice only
    return std::shared_ptr<const void>(at, [bytes](void* p) { ::munmap(p, bytes); });
}

std::string mib(uint64_t bytes) {
    return std::to_string((bytes + (1u << 20) - 1) >> 20) + " MiB";
}

}  // namespace

Result<WeightSet> random_weights(const afs_graph& graph, const RandomWeightOptions& options) {
    if (options.dtype != AFS_F32 && options.dtype != AFS_BF16 && options.dtype != AFS_F16)
        return invalid(std::string("random weights are fp32, bf16 or fp16, found ") +
                       dtype_name(options.dtype));
    AFS_ASSIGN(const std::vector<weights::Line> lines, weights::read_lines(graph));
    const uint64_t size = dtype_size(options.dtype);
    uint64_t needed = 0;
    for (const weights::Line& line : lines) {
        if (line.elements > (UINT64_MAX - needed) / size)
            return invalid("random weights: too large");
        needed += line.elements * size;
    }
    const uint64_t available =
        options.available_bytes ? options.available_bytes : available_memory();
    if (needed > available)
        return Status(Code::no_memory, "cannot make random weights: they need " + mib(needed) +
                                           ", available are " + mib(available) +
                                           "; choose a smaller shape or dtype");
    WeightSet set;
    for (const weights::Line& line : lines) {
        Weight weight;
        weight.value = line.value;
        weight.dtype = options.dtype;
        weight.rank = line.rank;
        std::copy(line.dims, line.dims + AFS_MAX_RANK, weight.dims);
        weight.bytes = line.elements * size;
        weight.name = line.tag;
        AFS_ASSIGN(std::shared_ptr<const void> memory,
                   map_memory(line.tag, weight.bytes, options.large_pages));
        weight.data = memory.get();
        set.keep(std::move(memory));
        set.add(std::move(weight));
    }
    std::vector<FillPiece> pieces;
    for (const Weight& weight : set.weights()) {
        const uint64_t n = weight.bytes / size,
                       key = mix(options.seed * 0x9e3779b97f4a7c15ull + mix(weight.value + 1));
        for (uint64_t begin = 0; begin < n; begin += kFillChunk)
            pieces.push_back({&weight, key, begin, std::min(n, begin + kFillChunk)});
    }
    switch (options.dtype) {
        case AFS_F32: fill_all<float>(pieces, options.n_threads); break;
        case AFS_BF16: fill_all<bf16>(pieces, options.n_threads); break;
        default: fill_all<f16>(pieces, options.n_threads); break;
    }
    return set;
}

}  // namespace afs
