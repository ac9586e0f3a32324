// What a test program defines that can be its own child, as afs-host is: an exit code where it was
// started as one.
#pragma once
#include <optional>

[[gnu::weak]] std::optional<int> own_child(int argc, char** argv);
