#include "doctor/child_verbs.hpp"

#include "doctor/model_opening.hpp"
#include "doctor/recorded_run.hpp"
#include "doctor/run_checks.hpp"
#include "loader/inspect.hpp"

namespace afs {

std::optional<int> child_main(const std::vector<std::string>& args) {
    if (args.size() == 2 && args[0] == kInspectVerb) return inspect_main(args[1].c_str());
    if (args.size() == 1 && args[0] == kChecksVerb) return checks_main();
    if (args.size() == 1 && args[0] == kOpenVerb) return model_opening_main();
    if (args.size() == 1 && args[0] == kRunVerb) return recorded_run_main();
    return {};
}

}  // namespace afs
