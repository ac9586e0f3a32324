#include "ops/rope/tables.hpp"

#include <cmath>

#include "afs/numeric.hpp"
#include "afs/rope.hpp"

namespace afs::cpu {
namespace {

float rounded(float x, int32_t dtype) {
    if (dtype == AFS_BF16) return to_float(to_bf16(x));
    return dtype == AFS_F16 ? to_float(to_f16(x)) : x;
}

}  // namespace

RopeTable::RopeTable(const afs_rope_params& params, int32_t dtype, size_t rows)
    : round_to_(params.table_in_act_dtype ? dtype : AFS_F32), rows_(rows), known_(rows, false) {
    for (uint32_t j = 0; j < params.head_dim / 2; ++j)
        inv_freq_.push_back(rope_inv_freq(params, j));
    values_.reset(new float[rows * 2 * half()]);  // not initialised: no page is touched yet
}

// In fp64, so that position 131071 is as exact as position 0.
void RopeTable::compute(int32_t position, float* to) const {
    for (size_t j = 0; j < half(); ++j) {
        const double angle = rope_angle(position, inv_freq_[j]);
        to[j] = rounded(static_cast<float>(std::cos(angle)), round_to_);
        to[half() + j] = rounded(static_cast<float>(std::sin(angle)), round_to_);
    }
}

const float* RopeTable::row(int32_t position, float* scratch) {
    const auto at = static_cast<size_t>(position);
    if (position < 0 || at >= rows_) {
        compute(position, scratch);
        return scratch;
    }
    float* kept = values_.get() + at * 2 * half();
    if (!known_[at]) {
        compute(position, kept);
        known_[at] = true;
    }
    return kept;
}

std::shared_ptr<RopeTable> RopeTables::get(const afs_rope_params& params, int32_t dtype,
                                           size_t rows) {
    std::string key(reinterpret_cast<const char*>(&params), sizeof params);
    key += std::to_string(dtype) + "," + std::to_string(rows);
    std::weak_ptr<RopeTable>& slot = tables_[key];
    std::shared_ptr<RopeTable> table = slot.lock();
    if (!table) slot = table = std::make_shared<RopeTable>(params, dtype, rows);
    return table;
}

}  // namespace afs::cpu
