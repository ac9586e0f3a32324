#include "allocations.hpp"

#include <sanitizer/allocator_interface.h>

#include <cstdio>
#include <cstdlib>

namespace afs::fuzz {
namespace {

bool counting = false;
int64_t live = 0;  // bytes since the limit began; one thread runs a target

void allocated(const volatile void*, size_t bytes) {
    if (!counting) return;
    live += static_cast<int64_t>(bytes);
    if (live <= AllocationLimit::kBytes) return;
    counting = false;
    std::fprintf(stderr, "finding: %zu bytes more make it %lld, %lld are allowed\n", bytes,
                 static_cast<long long>(live), static_cast<long long>(AllocationLimit::kBytes));
    std::abort();
}

void freed(const volatile void* address) {
    if (counting && address)
        live -=
            static_cast<int64_t>(__sanitizer_get_allocated_size(const_cast<const void*>(address)));
}

}  // namespace

AllocationLimit::AllocationLimit() {
    static const bool installed = __sanitizer_install_malloc_and_free_hooks(allocated, freed) != 0;
    if (!installed) std::abort();
    live = 0;
    counting = true;
}

AllocationLimit::~AllocationLimit() {
    counting = false;
}

}  // namespace afs::fuzz
