// The abstract class of an environment-check plugin; see afs/abi/env.h. C++17.
#pragma once
#include <string>
#include <vector>

#include "afs/abi/env.h"
#include "afs/status.hpp"

namespace afs {

struct Finding {
    int32_t status = AFS_CHECK_OK;
    std::string name, found, needed, remedy;  // needed, remedy: empty where there is none
};

class EnvironmentCheck {
public:
    virtual ~EnvironmentCheck() = default;
    virtual std::vector<std::string> checks() = 0;
    // Looks and reports; changes nothing on the machine.
    virtual Result<std::vector<Finding>> run(uint32_t check, const std::string& config_json) = 0;
};

}  // namespace afs
