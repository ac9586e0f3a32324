// One worker process as its pool sees it.
#pragma once
#include <sys/types.h>

#include <chrono>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>

#include "conformance/worker/pool.hpp"

namespace afs::conformance {

class Pool::Worker {
public:
    // INTERNAL: the process could not be started.
    static Result<std::unique_ptr<Worker>> start(const SubjectRequest& request,
                                                 const PoolOptions& options);
    ~Worker();
    Worker(const Worker&) = delete;

    int channel() const { return from_; }
    const std::string& stage() const { return stage_; }
    bool busy() const { return !id_.empty(); }
    const std::string& id() const { return id_; }
    void give(const std::string& id);

    // What it said since: whole lines of JSON, stages left out. False: it has ended.
    bool read(std::deque<nlohmann::json>& lines);
    // How the case that it was given ended, once the process has: by a crash, an exit, a hang or
    // its hunger. Reaps it.
    CaseResult post_mortem();
    // Kills it where it takes too long or too much.
    void watch();

private:
    Worker() = default;
    std::string last_words() const;

    pid_t pid_ = 0;
    int to_ = -1, from_ = -1, words_ = -1;  // words_: its standard error
    std::string buffer_, stage_, id_;
    std::chrono::steady_clock::time_point since_;
    PoolOptions options_;
    enum class Kill { none, time, memory } killed_ = Kill::none;
};

}  // namespace afs::conformance
