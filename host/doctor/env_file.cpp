#include "doctor/env_file.hpp"

#include <sched.h>

#include <algorithm>
#include <cstdio>

namespace afs {

std::string detected_environment(const Diagnosis& diagnosis, const Sanity& sanity) {
    std::string out = "# Written by `afs-host doctor --write-env` on " + report::time_text() +
                      ".\n# Look at it, then copy it to .env where you start afs-host.\n\n"
                      "# What this machine is:\n";
    for (const CheckedFinding& one : diagnosis.findings) {
        const Finding& f = one.finding;
        if (one.plugin == kHostChecks || one.plugin == "model" || one.plugin == kSanityChecks ||
            f.momentary || f.status > AFS_CHECK_INFO)
            continue;
        std::string line = f.name + ": " + f.found;
        std::replace(line.begin(), line.end(), '\n', ' ');
        out += "#   " + line + "\n";
    }
    const SanityRun* fastest = nullptr;
    for (const SanityRun& run : sanity.runs)
        if (run.mark == report::Mark::ok &&
            (!fastest || run.tokens_per_second() > fastest->tokens_per_second()))
            fastest = &run;
    if (fastest) {
        char speed[32];
        std::snprintf(speed, sizeof speed, "%.1f", fastest->tokens_per_second());
        out += "\n# The fastest of " + std::to_string(sanity.runs.size()) + " on " +
               fastest->run->model + ": " + speed +
               " tokens a second.\nAFS_KERNELS=" + fastest->kernels + "\n";
    } else {
        out +=
            "\n# No kernel plugin ran the staged model: afs-host doctor --sanity says why.\n"
            "#AFS_KERNELS=\n";
    }
    cpu_set_t usable;
    CPU_ZERO(&usable);
    if (sched_getaffinity(0, sizeof usable, &usable) == 0)
        out += "\n# Processors that this process may use.\nAFS_THREADS=" +
               std::to_string(CPU_COUNT(&usable)) + "\n";
    return out;
}

}  // namespace afs
