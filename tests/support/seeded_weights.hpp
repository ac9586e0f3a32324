// Weights from a seed that C++ and Python share: the twin of tools/goldens/models_weights.py,
// which says what the values look like. The same bits on both sides.
#pragma once
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "afs/numeric.hpp"

namespace afs::test {

inline std::vector<bf16> seeded_weight(const std::string& name, const std::vector<int64_t>& shape,
                                       uint64_t seed) {
    uint64_t hash = 0xcbf29ce484222325ull ^ seed;  // FNV-1a
    for (const char byte : name)
        hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3ull;
    const bool vector = shape.size() == 1;
    const std::string embed = "embed_tokens.weight";
    const bool is_embed = name.size() >= embed.size() &&
                          name.compare(name.size() - embed.size(), embed.size(), embed) == 0;
    const double sigma =
        vector ? 0.1 : (is_embed ? 1.0 : 1.0 / std::sqrt(static_cast<double>(shape[1])));
    const auto scale = static_cast<float>(sigma / 37837.2);
    std::vector<bf16> out(static_cast<size_t>(vector ? shape[0] : shape[0] * shape[1]));
    for (size_t i = 0; i < out.size(); ++i) {
        uint64_t x = hash + (i + 1) * 0x9e3779b97f4a7c15ull;
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
        x ^= x >> 31;
        int32_t sum = -2 * 65535;
        for (int part = 0; part < 4; ++part)
            sum += static_cast<int32_t>((x >> (16 * part)) & 0xffff);
        out[i] = to_bf16(static_cast<float>(sum) * scale);
        if (vector) out[i] = to_bf16(1.0f + to_float(out[i]));
    }
    return out;
}

}  // namespace afs::test
