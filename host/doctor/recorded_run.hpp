// A run as a record: all that it takes to run it again, and what came out. `generate --json` writes
// one; doctor --sanity and report --replay run them in a child process.
#pragma once
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "afs/config/config.hpp"
#include "afs/json.hpp"
#include "afs/status.hpp"

namespace afs {

class Runtime;
struct Plan;

struct UsedPlugin {
    std::string name, version, sha256;
};

struct RecordedRun {
    // What to run.
    std::string config;  // resolved, as JSON text
    std::string prompt;
    std::vector<int32_t> prompt_ids;  // where filled they are taken, not the text's
    std::vector<std::string> stop;
    uint32_t max_tokens = 16;
    bool ignore_stop = false;
    // What came out.
    std::string model, dtype, plan, text, finish;
    std::vector<int32_t> ids;
    std::vector<double> logprobs;                              // of the ids; may be empty
    std::vector<std::vector<std::pair<int32_t, double>>> top;  // the likeliest at each step
    std::vector<UsedPlugin> plugins;
    double load_seconds = 0, prefill_seconds = 0, decode_seconds = 0;
};

// INVALID names what is missing.
Result<RecordedRun> read_record(const json::Value& record, const std::string& name);
json::Value write_record(const RecordedRun& run);

// A rendered configuration, with these over it; it alone decides, neither the environment nor a
// .env of today.
Result<Config> config_of_record(const std::string& text, const std::vector<Override>& overrides);

std::vector<UsedPlugin> used_plugins(const Plan& plan);

struct RunAgain {
    std::vector<std::pair<std::string, std::string>> overrides;  // configuration keys
    bool logprobs = false;
    double timeout_seconds = 120;  // to load, and for each token
    std::function<void(size_t tokens)> progress;
    std::string program = "/proc/self/exe";
};

// The run's own error, or how its child ended. A fresh record: what came out before is not kept.
Result<RecordedRun> run_again(const RecordedRun& run, const RunAgain& how = {});

inline constexpr const char* kRunVerb = "__run";
int recorded_run_main();

}  // namespace afs
