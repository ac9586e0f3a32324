// Which Debian package a file belongs to.
#pragma once
#include <map>
#include <set>
#include <string>

namespace afs {

// Path -> "libspdlog1.10 1:1.10.0+ds-0.4"; files of no package, or of a system without dpkg, are
// left out. database: dpkg's folder.
std::map<std::string, std::string> packages_of(const std::set<std::string>& paths,
                                               const std::string& database = "/var/lib/dpkg");

}  // namespace afs
