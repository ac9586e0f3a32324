// The loader's tests can be their own inspection child, as afs-host is.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include <cstring>

#include "loader/inspect.hpp"

int main(int argc, char** argv) {
    if (argc == 3 && std::strcmp(argv[1], afs::kInspectVerb) == 0)
        return afs::inspect_main(argv[2]);
    return Catch::Session().run(argc, argv);
}
