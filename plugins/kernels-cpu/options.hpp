// What a configuration may say under plugins.cpu: threads, instruction_set.
#pragma once
#include <string>

#include "afs/plugin/export.hpp"

namespace afs::cpu {

struct Options {
    unsigned threads = 1;                  // the default: every processor that may be used
    std::string instruction_set = "auto";  // or the name of one
};

Result<Options> read_options(const OpenArgs& args);

}  // namespace afs::cpu
