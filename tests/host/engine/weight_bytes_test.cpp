// The order of a weight's rows on its way into a memory: as in the file, or rotary pairs apart.
#include "engine/weight_bytes.hpp"

#include <catch2/catch.hpp>
#include <numeric>
#include <string>

#include "afs/kernels.hpp"  // make
#include "afs/numeric.hpp"

namespace {

// n_rows rows of row_bytes bytes; each byte is its row's number.
struct Rows {
    Rows(int64_t n_rows, int64_t columns, int32_t dtype) {
        const uint64_t row_bytes = afs::dtype_bytes(dtype, static_cast<uint64_t>(columns));
        for (int64_t row = 0; row < n_rows; ++row) bytes.append(row_bytes, static_cast<char>(row));
        weight.data = bytes.data();
        weight.bytes = bytes.size();
        weight.dtype = dtype;
        weight.rank = 2;
        weight.dims[0] = n_rows;
        weight.dims[1] = columns;
    }
    std::string bytes;
    afs::Weight weight;
};

std::string read(const Rows& rows, const afs_weight& line, uint64_t chunk) {
    const afs::WeightBytes source(rows.weight, line);
    std::string out(source.size(), '\xff');
    for (uint64_t at = 0; at < out.size(); at += chunk)
        source.read(&out[at], at, std::min<uint64_t>(chunk, out.size() - at));
    return out;
}

}  // namespace

TEST_CASE("rows as they lie") {
    const Rows rows(6, 5, AFS_F32);
    auto line = afs::make<afs_weight>();
    CHECK(afs::WeightBytes(rows.weight, line).as_they_lie());
    for (const uint64_t chunk : {1u, 7u, 1000u}) CHECK(read(rows, line, chunk) == rows.bytes);
}

TEST_CASE("rotary pairs apart, for any dtype, block format and piece") {
    auto line = afs::make<afs_weight>();
    line.transform = AFS_LOAD_UNINTERLEAVE_HEADS;
    line.head_dim = 6;
    // Two heads of six: in the file (0 3)(1 4)(2 5), in the graph 0 1 2 3 4 5.
    const std::vector<int> in_file = {0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11};
    for (const auto& [dtype, columns] : {std::pair<int32_t, int64_t>{AFS_F32, 3},
                                         {AFS_BF16, 5},
                                         {AFS_Q8_0, 64},
                                         {AFS_Q6_K, 256}}) {
        const Rows rows(12, columns, dtype);
        const size_t row_bytes = rows.bytes.size() / 12;
        std::string want;
        for (const int row : in_file) want.append(row_bytes, static_cast<char>(row));
        CHECK_FALSE(afs::WeightBytes(rows.weight, line).as_they_lie());
        for (const uint64_t chunk : {1u, 5u, 34u, 100000u}) CHECK(read(rows, line, chunk) == want);
    }
}
