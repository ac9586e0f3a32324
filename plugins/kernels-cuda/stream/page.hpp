// What a page of the ring holds: 8 rows of a weight by 1024 columns, in blocks of 64 columns.
#pragma once

namespace afs::cuda {

constexpr int kPageRows = 8, kBlockColumns = 64, kPageBlocks = 16;
constexpr int kPageColumns = kBlockColumns * kPageBlocks;
constexpr int kPageBytes = kPageRows * kPageColumns * 2;
// A block takes at most half the shared memory of an SM, so that the next launch's can start beside
// it; and where attention stands between two products, so much less that its block fits too.
constexpr int kStreamSharedBytes = 113 * 1024;
constexpr int kStreamSharedBesideAttention = 101 * 1024;
constexpr int kStreamMaxColumns = 32 * 1024;
constexpr int kStreamMaxNormed = 6 * 1024;  // of a vector with norms or a residual

}  // namespace afs::cuda
