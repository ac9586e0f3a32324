// Where the host's and the plugins' log lines go: standard error, never standard output.
#pragma once

namespace afs {

// Warnings and errors only, or with verbose all that is loaded and every plugin's own lines.
void set_up_logging(bool verbose);

}  // namespace afs
