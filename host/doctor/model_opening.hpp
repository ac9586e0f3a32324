// Whether the configured model opens with the configured kernels: its family is known, every tensor
// is of a type and shape that can be read, its tokenizer opens, and each node has its place.
#pragma once
#include <string>

#include "afs/config/config.hpp"

namespace afs {

struct OpeningOptions {
    double timeout_seconds = 60;
    std::string program = "/proc/self/exe";  // one whose main knows kOpenVerb
};

// What a run would use, in words, else why there can be none. In a child process, for plugins are
// foreign code; no engine is made and no weight is read.
Result<std::string> open_model_in_child(const Config& config, const OpeningOptions& options = {});

// The child's side.
inline constexpr const char* kOpenVerb = "__open";
int model_opening_main();

}  // namespace afs
