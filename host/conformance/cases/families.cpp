#include "conformance/cases/families.hpp"

#include <cmath>

#include "afs/bound/judged.hpp"

namespace afs::conformance {
namespace {

constexpr size_t kTile = 64;  // of tile-steps; neighbours differ by powers of 4
constexpr double kUniformRange = 1.7320508075688772;  // variance 1

}  // namespace

uint64_t hash(uint64_t seed, uint64_t index) {
    uint64_t x = seed + (index + 1) * 0x9e3779b97f4a7c15ull;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

uint64_t hash_text(const std::string& text) {
    uint64_t h = 0xcbf29ce484222325ull;
    for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
    return hash(h, 0);
}

// The sum of eight uniform numbers of 16 bits: variance 8/12.
double normal(uint64_t seed, uint64_t index) {
    double sum = 0;
    for (const uint64_t part : {hash(seed, 2 * index), hash(seed, 2 * index + 1)})
        for (int shift = 0; shift < 64; shift += 16)
            sum += static_cast<double>((part >> shift) & 0xffff);
    return ((sum + 4) * 0x1p-16 - 4) * 1.2247448713915890;
}

const std::vector<std::string>& family_names() {
    static const std::vector<std::string> names = {
        "normal", "uniform",   "outlier-channels", "flat",   "peaked",   "tile-steps", "cancelling",
        "tiny",   "subnormal", "largest",          "needle", "infinite", "nan"};
    return names;
}

Family family(const std::string& name, int32_t dtype, uint64_t seed, size_t row) {
    const size_t width = row ? row : 97;
    const double tiny = bound::smallest_normal(dtype), huge = bound::largest_finite(dtype);
    const auto gauss = [=](size_t i) { return normal(seed, i); };
    const auto with = [&](auto draw) { return Family{name, draw}; };
    if (name == "uniform")
        return with([=](size_t i) {
            const double u = static_cast<double>(hash(seed, i) >> 11) * 0x1p-53;
            return (2 * u - 1) * kUniformRange;
        });
    if (name == "outlier-channels")
        return with([=](size_t i) { return gauss(i) * (i % width % 31 == 3 ? 50 : 1); });
    if (name == "flat") return with([](size_t) { return 0.3; });
    if (name == "peaked")
        return with([=](size_t i) { return gauss(i) * (hash(seed + 1, i) % 16 == 0 ? 8 : 0.25); });
    if (name == "tile-steps")
        return with([=](size_t i) {
            static constexpr double levels[] = {1, 4, 0.25, 16, 0.0625};
            return gauss(i) * levels[i % width / kTile % 5];
        });
    if (name == "cancelling")
        return with([=](size_t i) { return (i % width % 2 ? -1 : 1) * (1 + 0.01 * gauss(i)); });
    if (name == "tiny") return with([=](size_t i) { return gauss(i) * tiny * 64; });
    if (name == "subnormal") return with([=](size_t i) { return gauss(i) * tiny / 4; });
    if (name == "largest")
        return with([=](size_t i) {
            return hash(seed + 1, i) % 5 ? gauss(i) : (hash(seed + 2, i) % 2 ? huge : -huge);
        });
    if (name == "needle")  // one 1 a row: in its last column, its first, then anywhere
        return with([=](size_t i) {
            const size_t at = i / width;
            const size_t column = at == 0 ? width - 1 : at == 1 ? 0 : hash(seed, at) % width;
            return i % width == column ? 1.0 : 0.0;
        });
    if (name == "infinite")
        return with([=](size_t i) { return hash(seed + 1, i) % 41 == 7 ? INFINITY : gauss(i); });
    if (name == "nan")
        return with([=](size_t i) { return hash(seed + 1, i) % 41 == 7 ? NAN : gauss(i); });
    return {"normal", gauss};
}

std::vector<Family> families(int32_t dtype, uint64_t seed, size_t width) {
    std::vector<Family> all;
    for (const std::string& name : family_names()) all.push_back(family(name, dtype, seed, width));
    return all;
}

Array random_array(int32_t dtype, std::vector<int64_t> dims, uint64_t seed, double scale) {
    return Array::filled(dtype, std::move(dims), [=](size_t i) { return scale * normal(seed, i); });
}

}  // namespace afs::conformance
