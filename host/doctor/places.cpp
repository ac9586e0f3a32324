#include "doctor/places.hpp"

namespace afs {

namespace fs = std::filesystem;

fs::path project_root() {
    std::error_code ignored;
    const fs::path bin = fs::read_symlink("/proc/self/exe", ignored).parent_path();
    const fs::path tree = (bin / "../../..").lexically_normal();  // <source>/build/<preset>/bin
    if (fs::is_regular_file(tree / "configs/default.json", ignored) &&
        fs::is_directory(tree / "weights", ignored))
        return tree.has_filename() ? tree : tree.parent_path();
    return fs::current_path(ignored);
}

}  // namespace afs
