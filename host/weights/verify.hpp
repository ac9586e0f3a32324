// Whether a checkpoint is what it should be: its files against the hashes of a manifest or a hub,
// its tensors against headers, index and file sizes, its weights against the model that reads them.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "afs/config/config.hpp"
#include "hub/check.hpp"

namespace afs {

struct VerifyRequest {
    std::filesystem::path path;             // folder or file
    std::optional<hub::Manifest> manifest;  // absent: no hashes to hold the files against
    std::string manifest_origin;            // where the hashes are from, for the report
    bool values = false;                    // read every value: no NaN, no infinity
};

struct VerifyFinding {
    enum class State { ok, failed, skipped };
    std::string what;  // "hashes", "tensors", "model", "values"
    State state = State::ok;
    std::string text;                // what was found
    std::vector<std::string> wrong;  // each thing that is wrong
};

// The configuration says where plugins lie; its model is not looked at. CANCELLED alone is a
// failure.
Result<std::vector<VerifyFinding>> verify(const Config& config, const VerifyRequest& request,
                                          const std::function<bool()>& cancelled,
                                          const hub::FetchWatch& watch);

}  // namespace afs
