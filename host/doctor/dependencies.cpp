#include "doctor/dependencies.hpp"

#include <filesystem>
#include <map>
#include <set>

#include "afs/version.hpp"
#include "doctor/build_info.hpp"
#include "doctor/packages.hpp"

namespace afs {
namespace {

using Libraries = std::vector<LoadedLibrary>;
using Names = std::set<std::string>;

// Depth first from `at`. `here`: what stands in this tree; `expanded`: whose own needs stand in
// this one or an earlier one.
void walk(const std::map<std::string, const LoadedLibrary*>& by_name, const LoadedLibrary& at,
          size_t depth, Names& here, Names& expanded, std::vector<Dependency>& out) {
    for (const std::string& name : at.needed) {
        if (!here.insert(name).second) continue;
        const auto found = by_name.find(name);
        const LoadedLibrary* library = found == by_name.end() ? nullptr : found->second;
        out.push_back({depth, name, library ? library->path : "not loaded", ""});
        if (library && expanded.insert(name).second)
            walk(by_name, *library, depth + 1, here, expanded, out);
    }
}

std::vector<Dependency> tree_of(const Libraries& libraries, const std::string& root,
                                Names& expanded) {
    std::map<std::string, const LoadedLibrary*> by_name;
    const LoadedLibrary* at = nullptr;
    for (const LoadedLibrary& library : libraries) {
        if (!library.soname.empty()) by_name.emplace(library.soname, &library);
        if (library.path == root) at = &library;
    }
    std::vector<Dependency> out;
    Names here;
    if (at) walk(by_name, *at, 0, here, expanded, out);
    for (const LoadedLibrary& library : libraries)
        if (at && !library.soname.empty() && !expanded.count(library.soname) &&
            !here.count(library.soname) && library.path != root)
            out.push_back({0, library.soname, library.path, "", true});
    return out;
}

void add_packages(std::vector<DependencyTree>& trees) {
    std::set<std::string> paths;
    for (const DependencyTree& tree : trees)
        for (const Dependency& library : tree.libraries) paths.insert(library.path);
    const auto packages = packages_of(paths);
    for (DependencyTree& tree : trees)
        for (Dependency& library : tree.libraries)
            if (const auto found = packages.find(library.path); found != packages.end())
                library.package = found->second;
}

}  // namespace

std::vector<DependencyTree> dependency_trees(const std::vector<SurveyedPlugin>& plugins) {
    Names expanded;
    std::vector<DependencyTree> out = {{"afs-host", std::string("version ") + version(),
                                        tree_of(loaded_libraries(), "", expanded)}};
    for (const SurveyedPlugin& plugin : plugins) {
        if (!plugin.facts.ok() || plugin.candidate.shadowed) continue;
        const PluginFacts& facts = *plugin.facts;
        std::error_code ignored;
        const std::string root =
            std::filesystem::canonical(plugin.candidate.path, ignored).string();
        out.push_back({facts.kind + "-" + facts.name,
                       "version " + facts.version + ", " + facts.build,
                       tree_of(facts.libraries, root, expanded)});
    }
    add_packages(out);
    return out;
}

std::string dependency_text(const std::vector<DependencyTree>& trees) {
    std::string out = "built with\n";
    for (const auto& [name, value] : build_info()) out += "  " + name + " " + value + "\n";
    for (const DependencyTree& tree : trees) {
        out += "\n" + tree.owner + "  " + tree.about + "\n";
        for (const Dependency& library : tree.libraries)
            out += std::string(2 + 2 * library.depth, ' ') + library.name + "  " +
                   (library.package.empty() ? library.path : library.package) +
                   (library.opened ? "  (opened while it ran)" : "") + "\n";
    }
    return out;
}

}  // namespace afs
