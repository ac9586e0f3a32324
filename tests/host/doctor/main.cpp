// These tests can be their own children, as afs-host is.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include "doctor/child_verbs.hpp"

int main(int argc, char** argv) {
    if (const auto code = afs::child_main(std::vector<std::string>(argv + 1, argv + argc)))
        return *code;
    return Catch::Session().run(argc, argv);
}
