#include "packer.hpp"

#include "ops/linear/packed.hpp"

namespace afs::cpu {

Status Packer::plan(const afs_query& query, uint32_t value, const uint32_t* nodes, uint32_t n_nodes,
                    afs_packing& out) {
    bool multiplied = false;
    for (uint32_t i = 0; i < n_nodes; ++i) {
        afs_query node = query;
        node.node = nodes[i];
        multiplied = multiplied || Node(node).is("linear/1");
    }
    if (!multiplied) return {};
    const auto weight = read<afs_value>(query.graph->values[value]);
    out.format = kPackedFormat;
    out.bytes = Packed(weight.dtype, weight.dims[0], weight.dims[1]).bytes();
    return {};
}

Status Packer::pack(const afs_query&, uint32_t, const afs_packing& packing, const afs_tensor& raw,
                    void* to, afs_stream) {
    AFS_TRY(check_matrix("weight", raw, kAny, raw.dims[1]));
    const Packed packed(raw.dtype, raw.dims[0], raw.dims[1]);
    if (packing.format != kPackedFormat || packing.bytes != packed.bytes())
        return invalid("cannot pack: expected format " + std::to_string(kPackedFormat) + " of " +
                       std::to_string(packed.bytes()) + " bytes, found format " +
                       std::to_string(packing.format) + " of " + std::to_string(packing.bytes));
    context_.pool.run(packed.n_blocks, [&](size_t block, unsigned) {
        pack_block(packed, raw, block, static_cast<char*>(to) + block * packed.block_bytes);
    });
    return {};
}

}  // namespace afs::cpu
