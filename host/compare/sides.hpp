// The configurations that are compared, and whether that is fair: one thing may differ.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "afs/config/config.hpp"

namespace afs {

struct Side {
    std::string name;  // "base", "test", "cut base"
    Config config;
};

// The settings in which two configurations differ, as "threads: 2 against 4". Settings that decide
// who computes what (kernels, fallback, pins, options of plugins) are one thing, "kernels"; those
// that change no number and no speed (sampling, chat, checks) are none.
struct Difference {
    std::string thing, text;
};
std::vector<Difference> differences(const Config& a, const Config& b);

// INVALID where more than one thing differs: it lists them.
Status check_fair(const Config& base, const Config& test);

// "reference", "mine,reference", with pins: "fast (2 pins)"
std::string kernels_text(const Config& config);

// The same model computed by the reference alone, in `dtype`; empty: the configuration's.
Result<Config> judge_config(const Config& config, const std::string& dtype);

// The configuration with these tags pinned; unused backends are then no error.
Result<Config> with_pins(const Config& config,
                         const std::vector<std::pair<std::string, std::string>>& pins,
                         const char* origin);

}  // namespace afs
