// The bytes of a weight in the order that the graph wants: as they lie in the file, or with the
// rows of each head put apart again (AFS_LOAD_UNINTERLEAVE_HEADS). A GGUF file of Llama has them in
// rotary pairs: row 2j + h where the graph has row h * head_dim / 2 + j. Whole rows move, so every
// dtype and block format does.
#pragma once
#include <algorithm>
#include <cstring>

#include "afs/weights/weight_set.hpp"

namespace afs {

class WeightBytes {
public:
    WeightBytes(const Weight& weight, const afs_weight& line)
        : data_(static_cast<const char*>(weight.data)), bytes_(weight.bytes) {
        if (line.transform != AFS_LOAD_UNINTERLEAVE_HEADS) return;
        head_dim_ = line.head_dim;
        row_bytes_ = weight.bytes / static_cast<uint64_t>(weight.dims[0]);
    }
    bool as_they_lie() const { return head_dim_ == 0; }
    uint64_t size() const { return bytes_; }

    // Bytes [offset, offset + n) of the weight as the graph wants it.
    void read(char* to, uint64_t offset, uint64_t n) const {
        if (as_they_lie()) {
            std::memcpy(to, data_ + offset, n);
            return;
        }
        for (uint64_t done = 0; done < n;) {
            const uint64_t row = (offset + done) / row_bytes_, at = (offset + done) % row_bytes_;
            const uint64_t part = std::min(row_bytes_ - at, n - done);
            std::memcpy(to + done, data_ + in_file(row) * row_bytes_ + at, part);
            done += part;
        }
    }

private:
    uint64_t in_file(uint64_t row) const {
        const uint64_t within = row % head_dim_, half = head_dim_ / 2;
        return row - within + 2 * (within % half) + within / half;
    }

    const char* data_;
    uint64_t bytes_, row_bytes_ = 0, head_dim_ = 0;
};

}  // namespace afs
