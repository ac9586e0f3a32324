// The one main of every test program.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include "support/own_child.hpp"

int main(int argc, char** argv) {
    if (own_child)
        if (const auto code = own_child(argc, argv)) return *code;
    return Catch::Session().run(argc, argv);
}
