#include "engine/bucket_cache.hpp"

#include <algorithm>

namespace afs {

BucketCache::~BucketCache() {
    for (auto& [bucket, entry] : entries_) drop(*entry);
}

void BucketCache::drop(BucketEntry& entry) {
    if (entry.capture)
        context_.domains[runner_.memories()[0]]->device().capture_destroy(entry.capture);
    entry.capture = nullptr;
}

Status BucketCache::evict() {
    if (entries_.size() < kMaxEntries) return {};
    const auto oldest = std::min_element(entries_.begin(), entries_.end(), [](auto& a, auto& b) {
        return a.second->last_used < b.second->last_used;
    });
    BucketEntry& entry = *oldest->second;
    // A step in flight may still run the program that is dropped; single kernels keep nothing here.
    if (entry.capture || runner_.has_programs())
        for (const uint32_t memory : runner_.memories()) AFS_TRY(context_.domains[memory]->sync());
    drop(entry);
    entries_.erase(oldest);
    return {};
}

Result<BucketEntry*> BucketCache::get(const Bucket& bucket, const std::vector<int32_t*>& host_ids) {
    const auto found = entries_.find(bucket);
    if (found != entries_.end()) {
        found->second->last_used = ++clock_;
        return found->second.get();
    }
    AFS_TRY(evict());
    auto entry = std::make_unique<BucketEntry>();
    entry->bucket = bucket;
    entry->layout = RecordLayout(bucket);
    entry->last_used = ++clock_;
    for (size_t m = 0; m < context_.domains.size(); ++m)
        entry->steps.push_back(entry->layout.step(context_.domains[m]->record(),
                                                  context_.prev_ids[m].as<int32_t>(), host_ids[m]));
    AFS_TRY(runner_.bind(*entry));
    return (entries_[bucket] = std::move(entry)).get();
}

}  // namespace afs
