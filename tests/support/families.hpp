// Input families that break kernels: values by index, drawn anew for each dtype and seed.
#pragma once
#include <cmath>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "afs/bound/judged.hpp"
#include "support/array.hpp"

namespace afs::test {

struct Family {
    std::string name;
    std::function<double(size_t)> draw;
};

inline std::vector<Family> families(int32_t dtype, uint32_t seed) {
    auto random = std::make_shared<std::mt19937>(seed);
    auto normal = std::make_shared<std::normal_distribution<double>>();
    const auto gauss = [=] { return (*normal)(*random); };
    const double tiny = bound::smallest_normal(dtype);
    const double huge = bound::largest_finite(dtype);
    return {{"normal", [=](size_t) { return gauss(); }},
            {"uniform", [=](size_t) { return std::tanh(gauss()); }},
            {"outlier channels", [=](size_t i) { return gauss() * (i % 31 == 3 ? 50 : 1); }},
            {"flat", [](size_t) { return 0.3; }},
            {"near-cancelling", [=](size_t i) { return (i % 2 ? -1 : 1) * (1 + 0.01 * gauss()); }},
            {"subnormal", [=](size_t) { return gauss() * tiny / 4; }},
            {"largest finite", [=](size_t i) { return i % 5 ? gauss() : (i % 2 ? huge : -huge); }},
            {"one-hot", [](size_t i) { return i % 97 == 11 ? 1.0 : 0.0; }},
            {"infinite", [=](size_t i) { return i % 41 == 7 ? INFINITY : gauss(); }},
            {"not a number", [=](size_t i) { return i % 41 == 7 ? NAN : gauss(); }}};
}

inline Array random_array(int32_t dtype, std::vector<int64_t> dims, uint32_t seed,
                          double scale = 1.0) {
    std::mt19937 random(seed);
    std::normal_distribution<double> normal(0, scale);
    return Array::filled(dtype, std::move(dims), [&](size_t) { return normal(random); });
}

}  // namespace afs::test
