// What the build used and what is loaded now, with exact versions.
#pragma once
#include <string>
#include <vector>

#include "doctor/survey.hpp"

namespace afs {

// A library of the program or of a plugin; `depth` in the tree of who asks for whom. What a library
// asks for stands where it comes first.
struct Dependency {
    size_t depth = 0;
    std::string name, path, package;
    bool opened = false;  // nobody asks for it: it was opened while the program ran
};

struct DependencyTree {
    std::string owner;  // "afs-host", "kernels-reference"
    std::string about;  // version, build, path, hash
    std::vector<Dependency> libraries;
};

std::vector<DependencyTree> dependency_trees(const std::vector<SurveyedPlugin>& plugins);
std::string dependency_text(const std::vector<DependencyTree>& trees);

}  // namespace afs
