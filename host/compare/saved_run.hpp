// Runs of one configuration that were judged, timed and kept (`compare --save`), and two of them
// against each other: not interleaved, so only larger differences show.
#pragma once
#include <string>

#include "compare/comparison.hpp"

namespace afs {

// Whether a JSON file is a saved run (a configuration is the other thing it may be).
bool is_saved_run(const std::string& path);

// INVALID: no saved run, or more than the kernels differs between the two (machine, model, prompt,
// sizes, settings): it lists what does. A run that was wrong has no speed.
Result<Comparison> compare_saved(const std::string& base_path, const std::string& test_path);

}  // namespace afs
