// Keeps a node that computed wrong: its inputs, its output and how it was asked, in a folder.
#pragma once
#include <string>
#include <vector>

#include "compare/side_judge.hpp"

namespace afs {

// Runs the prompt once more on `side`. Writes FOLDER/case.json and FOLDER/values.safetensors.
Status write_case(Runtime& side, const WrongTag& wrong, const std::vector<int32_t>& ids,
                  const std::string& folder);

}  // namespace afs
