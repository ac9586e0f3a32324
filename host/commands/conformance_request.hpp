// What conformance is to judge and how, read from its command line: a part that needs no plugin,
// the plugin, and whether the one goes with the other.
#pragma once
#include <string>

#include "afs/config/config.hpp"
#include "commands/options.hpp"
#include "conformance/suite/suite.hpp"

namespace afs {

// The plugin that is judged, as the user named it; the self-test has its own, in a folder where no
// search for plugins looks.
std::string subject_name(const ParsedOptions& options);
// "abi, contract, .."
std::string group_names();

// INVALID: options that exclude each other, or name what there is not for any plugin.
Status check_conformance_use(const ParsedOptions& options);
// INVALID, or why a file that is named cannot be used.
Result<conformance::SuiteRequest> read_suite_options(const ParsedOptions& options);
// The plugin's kind; NOT OK: it cannot be opened.
Result<std::string> find_judged(const Config& config, const ParsedOptions& options,
                                conformance::SuiteRequest& request);
// INVALID: what narrows the run is of no plugin of this kind. It would meet no case, and the run
// would read like one that had passed.
Status check_parts(const std::string& kind, const ParsedOptions& options,
                   const conformance::SuiteRequest& request);
// Of kernels: the profiles that are asked for, else all, and the shapes of --model.
Status open_profiles(const Config& config, const ParsedOptions& options,
                     conformance::SuiteRequest& request);

}  // namespace afs
