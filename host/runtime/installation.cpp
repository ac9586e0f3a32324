#include "runtime/installation.hpp"

#include <unistd.h>

namespace afs {
namespace fs = std::filesystem;
namespace {

// The tree or prefix that this program belongs to; empty: neither is there.
fs::path home_of_program() {
    std::error_code ignored;
    const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
    for (const char* up : {"../../..", "../share/afs"}) {
        fs::path home = (program.parent_path() / up).lexically_normal();
        if (fs::is_directory(home / "configs", ignored)) return home;
    }
    return {};
}

}  // namespace

fs::path shipped_config(const std::string& name) {
    const fs::path home = home_of_program();
    return home.empty() ? fs::path() : home / "configs" / name;
}

fs::path data_folder(const std::string& name) {
    const fs::path home = home_of_program();
    if (!home.empty() && ::access((home / name).c_str(), W_OK | X_OK) == 0) return home / name;
    std::error_code none;  // a working folder that was removed: what is written there fails by name
    return fs::current_path(none) / name;
}

}  // namespace afs
