// One tensor of the file that is written: which weight it is, in which dtype and order of rows.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "afs/weights/weight_set.hpp"
#include "weights/convert/out_file.hpp"

namespace afs::convert {

struct TargetTensor {
    std::string name;
    int32_t dtype = AFS_DTYPE_NONE;
    std::vector<int64_t> shape;        // outermost first
    const Weight* weight = nullptr;    // nullptr: `values`
    const afs_weight* line = nullptr;  // of the graph that the weight was read for
    uint32_t pairs_of = 0;             // rows in rotary pairs, of heads this long; 0: as they are
    std::vector<float> values;         // fp32
    uint64_t bytes() const;
};

// Writes its bytes. INVALID: a value that the dtype cannot hold. progress: bytes written, false
// ends with CANCELLED.
Status write_tensor(const TargetTensor& tensor, OutFile& out,
                    const std::function<bool(uint64_t)>& progress);

// Whether every value of a weight is one of this dtype too.
bool fits(const Weight& weight, int32_t dtype);

}  // namespace afs::convert
