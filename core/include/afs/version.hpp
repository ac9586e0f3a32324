// The version of the engine.
#pragma once

namespace afs {

const char* version();

}  // namespace afs
