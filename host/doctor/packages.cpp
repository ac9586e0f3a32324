#include "doctor/packages.hpp"

#include <filesystem>
#include <fstream>

namespace afs {
namespace {

namespace fs = std::filesystem;

// dpkg's lists have /lib/... where the file is at /usr/lib/... since the merge of the two.
std::string merged(const std::string& path) {
    return path.rfind("/usr/", 0) == 0 ? path.substr(4) : path;
}

// "libspdlog1.10:amd64.list" -> "libspdlog1.10"
std::string package_of(const fs::path& list) {
    const std::string stem = list.stem().string();
    return stem.substr(0, stem.find(':'));
}

std::map<std::string, std::string> installed_versions(const std::string& database) {
    std::map<std::string, std::string> versions;
    std::ifstream status(database + "/status");
    std::string package;
    for (std::string line; std::getline(status, line);) {
        if (line.rfind("Package: ", 0) == 0) package = line.substr(9);
        if (line.rfind("Version: ", 0) == 0) versions[package] = line.substr(9);
    }
    return versions;
}

}  // namespace

std::map<std::string, std::string> packages_of(const std::set<std::string>& paths,
                                               const std::string& database) {
    std::map<std::string, std::string> wanted, out;  // merged path -> path
    for (const std::string& path : paths) wanted[merged(path)] = path;
    const auto versions = installed_versions(database);
    std::error_code error;
    for (fs::directory_iterator it(database + "/info", error), end; !error && it != end;
         it.increment(error)) {
        if (it->path().extension() != ".list") continue;
        std::ifstream list(it->path());
        for (std::string line; std::getline(list, line);) {
            const auto found = wanted.find(merged(line));
            if (found == wanted.end()) continue;
            const std::string package = package_of(it->path());
            const auto version = versions.find(package);
            out[found->second] = package + (version == versions.end() ? "" : " " + version->second);
        }
    }
    return out;
}

}  // namespace afs
