// These tests can be their own children, as afs-host is.
#include "support/own_child.hpp"

#include <string>
#include <vector>

#include "doctor/child_verbs.hpp"

std::optional<int> own_child(int argc, char** argv) {
    return afs::child_main(std::vector<std::string>(argv + 1, argv + argc));
}
