// afs.weights/1: matrices that linear/1 reads are packed once; everything else stays as it is.
#pragma once
#include "backend.hpp"

namespace afs::cpu {

class Packer final : public WeightPacker {
public:
    explicit Packer(Context& context) : context_(context) {}
    Status plan(const afs_query& query, uint32_t value, const uint32_t* nodes, uint32_t n_nodes,
                afs_packing& out) override;
    Status pack(const afs_query& query, uint32_t value, const afs_packing& packing,
                const afs_tensor& raw, void* packed, afs_stream stream) override;

private:
    Context& context_;
};

}  // namespace afs::cpu
