#include "library.hpp"

#include <dlfcn.h>
#include <link.h>

namespace env_cuda {

Library::Library(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        handle_ = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (handle_) break;
        // The first reason stands: it is that of the name that the loader itself looks for.
        if (const char* text = dlerror(); text && reason_.empty()) reason_ = text;
    }
    link_map* map = nullptr;
    if (handle_ && dlinfo(handle_, RTLD_DI_LINKMAP, &map) == 0 && map) path_ = map->l_name;
}

void* Library::symbol(const char* name) const {
    return handle_ ? dlsym(handle_, name) : nullptr;
}

}  // namespace env_cuda
