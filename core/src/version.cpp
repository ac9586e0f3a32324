// What the library was built from; shown by --version and in every report.
#include "afs/version.hpp"

namespace afs {

const char* version() {
    return "0.1.0";
}

}  // namespace afs
