// Keeps a node that computed wrong: its inputs, its output and how it was asked, in a folder.
#pragma once
#include <string>
#include <vector>

#include "compare/side_judge.hpp"

namespace afs {

// What `conformance` is to be asked for the same op in the same shape: "--case ID", or "--op OP"
// where its cases cannot say the shape.
std::string conformance_arguments(const Runtime& side, const WrongTag& wrong, uint32_t n_tokens);

// Runs the prompt once more on `side`. Writes FOLDER/case.json and FOLDER/values.safetensors.
Status write_case(Runtime& side, const WrongTag& wrong, const std::vector<int32_t>& ids,
                  const std::string& folder);

}  // namespace afs
