// The style sheet of every page, host/report/style.css, compiled in.
#pragma once

namespace afs::report {

const char* style();

}  // namespace afs::report
