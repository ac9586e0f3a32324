#include "backend.hpp"

namespace afs::cpu {
namespace {

Kernels kernels_of(const Choice& choice) {
#if defined(__x86_64__)
    const InstructionSet set = choice.set;
    Kernels kernels = set == InstructionSet::portable ? kPortable
                      : set == InstructionSet::avx2   ? kAvx2
                                                      : kAvx512;
    if (!choice.bf16_dots) kernels.panel_bf16_dot = nullptr;
    if (set == InstructionSet::amx) add_tiles(kernels);
    return kernels;
#else
    (void)choice;
    return kPortable;
#endif
}

}  // namespace

Context::Context(Options o, Choice c)
    : options(std::move(o)),
      choice(std::move(c)),
      kernels(kernels_of(choice)),
      pool(options.threads) {}

}  // namespace afs::cpu
