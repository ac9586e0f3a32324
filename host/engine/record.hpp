// The step record: one contiguous range that is written on the host and copied as a whole, and the
// afs_step that points into its copy in a domain's memory.
#pragma once
#include "engine/bucket.hpp"

namespace afs {

class RecordLayout {
public:
    explicit RecordLayout(const Bucket& bucket);

    uint64_t bytes() const { return bytes_; }
    // Writes batch, padded up to the bucket, to `to` [bytes()].
    void write(const Batch& batch, uint32_t block_size, char* to) const;
    // The step whose arrays lie in the copy at `base`.
    afs_step step(const char* base, const int32_t* prev_ids, int32_t* host_ids) const;

private:
    Bucket bucket_;
    // Offsets in bytes, in the order of afs_step; every array starts on 16 bytes.
    uint64_t token_ids_, positions_, slots_, cu_seqlens_, context_lens_, block_table_, logit_rows_,
        rows_, bytes_;
};

}  // namespace afs
