#include "weights/verify.hpp"

#include "afs/weights/weight_set.hpp"
#include "runtime/open_model.hpp"
#include "runtime/plugin_search.hpp"
#include "weights/inventory.hpp"

namespace afs {
namespace fs = std::filesystem;
namespace {

using State = VerifyFinding::State;

Result<VerifyFinding> check_hashes(const VerifyRequest& request,
                                   const std::function<bool()>& cancelled,
                                   const hub::FetchWatch& watch) {
    VerifyFinding finding{"hashes", State::skipped, {}, {}};
    if (!request.manifest) {
        finding.text = "no manifest of it is known; --manifest FILE or --hub ORG/NAME gives hashes";
        return finding;
    }
    std::error_code ignored;
    const fs::path folder =
        fs::is_directory(request.path, ignored) ? request.path : request.path.parent_path();
    AFS_ASSIGN(const std::vector<hub::CheckedFile> checked,
               hub::check_files(*request.manifest, folder, cancelled, watch));
    uint64_t bytes = 0;
    for (const hub::CheckedFile& file : checked) {
        bytes += file.expected.remote.bytes;
        if (!file.wrong.empty())
            finding.wrong.push_back("'" + file.expected.remote.path + "' " + file.wrong);
    }
    finding.state = finding.wrong.empty() ? State::ok : State::failed;
    finding.text = std::to_string(checked.size()) + " files, " + hub::bytes_text(bytes) + ", of " +
                   request.manifest->repository + " at " + request.manifest->commit.substr(0, 12) +
                   " (" + request.manifest_origin + ")";
    return finding;
}

// The readers believe nothing: every offset and size is checked when a file is opened, every name
// against the index.
VerifyFinding check_tensors(const VerifyRequest& request) {
    VerifyFinding finding{"tensors", State::ok, {}, {}};
    const auto inventory = take_inventory(request.path);
    if (!inventory) {
        finding.state = State::failed;
        finding.wrong = {inventory.status().message()};
        return finding;
    }
    const size_t n_files = inventory->files.size();
    finding.text = std::to_string(inventory->all.tensors) + " tensors, " +
                   hub::bytes_text(inventory->all.bytes) + " in " + std::to_string(n_files) +
                   (n_files == 1 ? " file" : " files") +
                   ": offsets, sizes and names as headers and index say";
    return finding;
}

VerifyFinding failed(const char* what, const Status& status) {
    return {what, State::failed, {}, {status.message()}};
}

void check_model(const Config& config, const VerifyRequest& request,
                 std::vector<VerifyFinding>& findings) {
    const auto set =
        config.with({{"model.path", request.path.string(), "command line weights verify"}});
    if (!set) return findings.push_back(failed("model", set.status()));
    const auto model = open_model_source(*set, plugin_search(*set), "");
    if (!model) {
        VerifyFinding finding = failed("model", model.status());
        // What no plugin knows may be whole all the same.
        const bool unknown = model.status().code() == Code::unsupported;
        if (unknown) finding.state = State::skipped, finding.text = finding.wrong.front();
        if (unknown) finding.wrong.clear();
        return findings.push_back(std::move(finding));
    }
    const auto weights = match_weights(*model->graph, *model->checkpoint);
    if (!weights) return findings.push_back(failed("model", weights.status()));
    findings.push_back({"model",
                        State::ok,
                        std::string(model->info.summary) + ": all " +
                            std::to_string(weights->weights().size()) +
                            " weights are there in the right shape",
                        {}});
    if (!request.values) return;
    const Status finite = check_finite(*weights);
    findings.push_back(finite.ok()
                           ? VerifyFinding{"values", State::ok, "no NaN and no infinity", {}}
                           : failed("values", finite));
}

}  // namespace

Result<std::vector<VerifyFinding>> verify(const Config& config, const VerifyRequest& request,
                                          const std::function<bool()>& cancelled,
                                          const hub::FetchWatch& watch) {
    std::vector<VerifyFinding> findings;
    AFS_ASSIGN(VerifyFinding hashes, check_hashes(request, cancelled, watch));
    findings.push_back(std::move(hashes));
    findings.push_back(check_tensors(request));
    if (findings.back().state == State::ok) check_model(config, request, findings);
    return findings;
}

}  // namespace afs
