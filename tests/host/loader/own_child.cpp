// The loader's tests can be their own inspection child, as afs-host is.
#include "support/own_child.hpp"

#include <cstring>

#include "loader/inspect.hpp"

std::optional<int> own_child(int argc, char** argv) {
    if (argc != 3 || std::strcmp(argv[1], afs::kInspectVerb) != 0) return {};
    return afs::inspect_main(argv[2]);
}
