// What a page of the ring holds: 8 rows of a weight by 1024 columns, in blocks of 64 columns.
#pragma once

namespace afs::cuda {

constexpr int kPageRows = 8, kBlockColumns = 64, kPageBlocks = 16;
constexpr int kPageColumns = kBlockColumns * kPageBlocks;
constexpr int kPageBytes = kPageRows * kPageColumns * 2;
// A block takes half the shared memory of an SM, so that the next launch's can start beside it.
constexpr int kStreamSharedBytes = 113 * 1024;
constexpr int kStreamMaxColumns = 32 * 1024;

}  // namespace afs::cuda
