// Whether a plugin's tables hold what its descriptor and its kind promise.
#pragma once
#include "afs/status.hpp"

namespace afs {

struct PluginFile;

Status check_tables(const PluginFile& file);

}  // namespace afs
