// Holds a folder against the manifest of what was fetched into it: no connection is made.
#pragma once
#include "hub/fetch.hpp"

namespace afs::hub {

struct CheckedFile {
    ManifestFile expected;
    std::string wrong;  // what is wrong with it; empty: whole and right
};

// Every file is read and hashed. CANCELLED alone is a failure.
Result<std::vector<CheckedFile>> check_files(const Manifest& manifest,
                                             const std::filesystem::path& folder,
                                             const std::function<bool()>& cancelled,
                                             const FetchWatch& watch);

}  // namespace afs::hub
