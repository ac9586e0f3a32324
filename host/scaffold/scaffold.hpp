// A plugin project of one's own, outside this tree: it builds with the installed package, and its
// test fails until the body is filled in.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "afs/status.hpp"

namespace afs {

struct ScaffoldRequest {
    std::string name;               // of the plugin: letters, digits, '-'
    std::string kind = "kernels";   // model, kernels, tokenizer, env
    std::string op = "rms_norm/1";  // kernels: the op that it offers
};

// Relative path and text of each file. INVALID: a name that is none, an unknown kind or op.
Result<std::vector<std::pair<std::string, std::string>>> scaffold(const ScaffoldRequest& request);

// Writes them below `folder`, which must not exist or be empty.
Status write_scaffold(const ScaffoldRequest& request, const std::string& folder);

}  // namespace afs
