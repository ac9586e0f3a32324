// The files under host/scaffold/templates, by name, as compiled in.
#pragma once
#include <map>
#include <string>

namespace afs {

const std::map<std::string, std::string>& scaffold_templates();

}  // namespace afs
