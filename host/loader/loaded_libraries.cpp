#include "loader/loaded_libraries.hpp"

#include <link.h>

#include <cstdlib>
#include <memory>

namespace afs {
namespace {

std::string real_path(const char* path) {
    const std::unique_ptr<char, decltype(&std::free)> resolved(realpath(path, nullptr), &std::free);
    return resolved ? resolved.get() : path;
}

// glibc relocates the string table's address in place, except for the vDSO, which is no file.
int add(dl_phdr_info* info, size_t, void* out) {
    LoadedLibrary library;
    if (info->dlpi_name && *info->dlpi_name) library.path = real_path(info->dlpi_name);
    if (library.path.rfind("linux-vdso", 0) == 0) return 0;
    const ElfW(Dyn)* dynamic = nullptr;
    for (ElfW(Half) i = 0; i < info->dlpi_phnum; ++i)
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
            dynamic =  // NOLINTNEXTLINE(performance-no-int-to-ptr): the loader's own form
                reinterpret_cast<const ElfW(Dyn)*>(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    const char* strings = nullptr;
    for (const auto* d = dynamic; d && d->d_tag != DT_NULL; ++d)
        if (d->d_tag == DT_STRTAB)  // NOLINTNEXTLINE(performance-no-int-to-ptr)
            strings = reinterpret_cast<const char*>(d->d_un.d_ptr);
    for (const auto* d = dynamic; strings && d->d_tag != DT_NULL; ++d) {
        if (d->d_tag == DT_SONAME) library.soname = strings + d->d_un.d_val;
        if (d->d_tag == DT_NEEDED) library.needed.emplace_back(strings + d->d_un.d_val);
    }
    static_cast<std::vector<LoadedLibrary>*>(out)->push_back(std::move(library));
    return 0;
}

}  // namespace

std::vector<LoadedLibrary> loaded_libraries() {
    std::vector<LoadedLibrary> out;
    dl_iterate_phdr(add, &out);
    return out;
}

}  // namespace afs
