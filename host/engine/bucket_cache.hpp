// The buckets of one class that were used last, with their programs and captures.
#pragma once
#include <map>
#include <memory>

#include "engine/class_runner.hpp"

namespace afs {

class BucketCache {
public:
    // So that memory does not grow with the shapes that come.
    static constexpr size_t kMaxEntries = 96;

    BucketCache(ExecContext& context, ClassRunner& runner) : context_(context), runner_(runner) {}
    ~BucketCache();
    BucketCache(const BucketCache&) = delete;
    BucketCache& operator=(const BucketCache&) = delete;

    // The entry of a bucket, made and bound if it is new; the one unused for longest makes room.
    // host_ids: where sample/1 also stores its ids, by memory.
    Result<BucketEntry*> get(const Bucket& bucket, const std::vector<int32_t*>& host_ids);

private:
    Status evict();
    void drop(BucketEntry& entry);

    ExecContext& context_;
    ClassRunner& runner_;
    std::map<Bucket, std::unique_ptr<BucketEntry>> entries_;
    uint64_t clock_ = 0;
};

}  // namespace afs
