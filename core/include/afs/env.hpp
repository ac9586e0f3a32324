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
    bool momentary = false;                   // found differs from one look to the next
};

// What a check may look at; see afs_env_args.
struct EnvironmentView {
    std::string config_json = "{}", config_file, root;  // file, root: empty where there is none
};

class EnvironmentCheck {
public:
    virtual ~EnvironmentCheck() = default;
    virtual std::vector<std::string> checks() = 0;
    // Looks and reports; changes nothing on the machine.
    virtual Result<std::vector<Finding>> run(uint32_t check, const EnvironmentView& view) = 0;
};

}  // namespace afs
