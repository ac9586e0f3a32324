// The program under test.
#pragma once
#include <string>

inline const std::string kHost = std::string(AFS_BUILD_DIR) + "/bin/afs-host";
