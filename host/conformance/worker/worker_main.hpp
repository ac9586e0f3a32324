// A worker's side: opens one plugin and runs one case after the other, so that a crash, a hang or
// an exit costs the case that caused it and nothing else.
#pragma once

namespace afs::conformance {

// PROGRAM __conformance: standard input brings a line of JSON (the subject), then a line of id a
// case. File descriptor 3 answers in lines of JSON: {"stage": ..} while it works, then the result.
inline constexpr const char* kWorkerVerb = "__conformance";
int worker_main();

}  // namespace afs::conformance
