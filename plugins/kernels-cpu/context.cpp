#include "backend.hpp"

namespace afs::cpu {
namespace {

Kernels kernels_of(InstructionSet set) {
#if defined(__x86_64__)
    Kernels kernels = set == InstructionSet::portable ? kPortable
                      : set == InstructionSet::avx2   ? kAvx2
                                                      : kAvx512;
    if (set == InstructionSet::amx) add_tiles(kernels);
    return kernels;
#else
    (void)set;
    return kPortable;
#endif
}

}  // namespace

Context::Context(Options o, Choice c)
    : options(std::move(o)),
      choice(std::move(c)),
      kernels(kernels_of(choice.set)),
      pool(options.threads) {}

}  // namespace afs::cpu
