// The model plugins of this tree, linked in: what they make of a configuration.
#pragma once
#include <string>

namespace afs::fuzz {

// Each family scores it and builds its graph: the graph is valid or the refusal is clean.
// generation: may be NULL.
void build_families(const std::string& config, const char* generation, bool is_gguf);

}  // namespace afs::fuzz
