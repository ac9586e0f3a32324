// Which kernels ran: where the environment variable AFS_CUDA_KERNEL_LIST names a file, each
// kernel's symbol is appended to it, once a process. tools/device/checks.sh compares it with those
// built.
#pragma once

namespace afs::cuda {

void list_kernel(const void* kernel);

}  // namespace afs::cuda
