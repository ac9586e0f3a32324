// Cosines and sines of rope/1, shared by all nodes of the same parameters: a model has one set, and
// a position's row is computed once.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "afs/abi/graph.h"

namespace afs::cpu {

class RopeTable {
public:
    // rows: positions that are kept. Entries are rounded to dtype where the parameters say so.
    RopeTable(const afs_rope_params& params, int32_t dtype, size_t rows);

    size_t half() const { return inv_freq_.size(); }
    // cosine[half], then sine[half]; one thread at a time. Positions beyond what is kept are
    // computed into scratch, [2 * half].
    const float* row(int32_t position, float* scratch);

private:
    void compute(int32_t position, float* to) const;
    int32_t round_to_;  // AFS_F32: as they are
    std::vector<float> inv_freq_;
    size_t rows_;
    std::unique_ptr<float[]> values_;  // [rows, 2, half]; touched where a position was
    std::vector<bool> known_;
};

class RopeTables {
public:
    // The table of these parameters, with at least so many rows.
    std::shared_ptr<RopeTable> get(const afs_rope_params& params, int32_t dtype, size_t rows);

private:
    std::map<std::string, std::weak_ptr<RopeTable>> tables_;
};

}  // namespace afs::cpu
