// Packed weights in a file, so that the next start maps them instead of packing again. Its name is
// a hash of what is packed by whom (tensors, files, plugins, options); inside stands that and the
// edition of each file and program (the key). It is taken only if the key, its size and a checksum
// of every weight agree; else it is ignored, with a warning where it is damaged, and written anew:
// so a newer edition takes the place of the older one. What was not used for 30 days is removed
// when another file is written.
//
//   header: magic, version, bytes of the key, number of weights, checksum of what follows up to the
//   first weight | key | entries | weights, each at a multiple of 64 bytes
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "afs/weights/mapped_file.hpp"
#include "afs/weights/weight_set.hpp"
#include "planner/plan.hpp"

namespace afs {

class PackedCache {
public:
    // folder empty: a cache that holds nothing and writes nothing; so it is where weights lie in no
    // file or nothing is packed in the host's memory.
    static PackedCache open(const std::filesystem::path& folder, const afs_graph& graph,
                            const Plan& plan, const WeightSet& weights);

    // The packing of a weight; nullptr: not here.
    const void* find(const WeightUse& use) const;
    // What was packed for a use. Its memory must live until write().
    void add(const WeightUse& use, const void* packed);
    // Writes what was added, if all that the key names was. A failure is a warning.
    void write() const;
    uint64_t mapped_bytes() const { return file_ ? file_->size() : 0; }
    std::shared_ptr<const MappedFile> file() const { return file_; }

private:
    struct Entry {
        uint32_t value, backend;
        uint64_t offset, bytes, checksum;
    };
    Result<std::vector<Entry>> read(const MappedFile& file) const;

    std::filesystem::path path_;
    std::string key_;
    size_t n_wanted_ = 0;
    std::shared_ptr<const MappedFile> file_;
    std::vector<Entry> entries_;
    std::vector<const void*> packed_;  // of entries_, while they are added
};

}  // namespace afs
