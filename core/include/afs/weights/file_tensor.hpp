// One tensor of a checkpoint, whatever the file format.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace afs {

struct FileTensor {
    std::string name;
    std::string dtype_text;      // as the file spells it: "BF16", "Q4_K"
    int32_t dtype = 0;           // AFS_*; AFS_DTYPE_NONE: a type that no kernel takes
    std::vector<int64_t> shape;  // outermost first: [out, in]
    const void* data = nullptr;  // inside the mapped file
    uint64_t bytes = 0;
    uint32_t file = 0;  // index into Checkpoint::files()
};

}  // namespace afs
