// afs.graph/1: every node that this plugin takes, as one program of fused launches that overlap
// each other's ends.
#pragma once
#include <functional>

#include "afs/kernels.hpp"
#include "backend.hpp"
#include "stream/stream.hpp"

namespace afs::cuda {

struct StepOptions {
    bool fuse = true;  // false: claims nothing, so that every op stands alone
    int32_t in_flight = kStreamInFlight;
};

class StepGraph final : public GraphBackend {
public:
    // find: the plugin's op of an id, or NULL; enter: makes the device current.
    StepGraph(const OpEntry* (*find)(const char*), std::function<Status()> enter,
              const StepOptions& options)
        : find_(find), enter_(std::move(enter)), options_(options) {}

    Status claim(const afs_query& query, const uint8_t* available, afs_claims& out) override;
    Result<std::unique_ptr<GraphProgram>> compile(const afs_query& query, const afs_region& region,
                                                  const afs_step& bucket,
                                                  afs_compiled& out) override;

private:
    std::string why_not(const afs_query& query) const;
    bool supports(const afs_query& query, uint32_t node) const;

    const OpEntry* (*find_)(const char*);
    std::function<Status()> enter_;
    StepOptions options_;
    std::vector<uint32_t> set_of_node_, kind_of_set_;
};

}  // namespace afs::cuda
