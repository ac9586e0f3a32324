// Workers that run cases: each in a process of its own, watched for its time and memory.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "conformance/checks/subject.hpp"

namespace afs::conformance {

struct PoolOptions {
    size_t n_workers = 2;
    double case_seconds = 20;                   // before a case counts as hung
    uint64_t worker_bytes = uint64_t{6} << 30;  // before it counts as out of memory
    std::string program = "/proc/self/exe";     // one whose main hands __conformance to worker_main
    size_t most_costly = 3;  // hangs, and times ten crashes, of one op before its rest is skipped
};

// What a plugin says of itself once it is open.
struct SubjectFacts {
    std::string kind, name, version, licence, build, domain, device, about;
    std::vector<std::string> provides;
};

class Pool {
public:
    Pool(SubjectRequest request, PoolOptions options);
    ~Pool();
    Pool(const Pool&) = delete;

    // Opens the plugin in a first worker. The error is the plugin's, or says how its opening ended.
    Result<SubjectFacts> open();

    // Runs all ids; done is called in the order of their ends. stop: ends early when it says so.
    void run(const std::vector<std::string>& ids, const std::function<void(CaseResult)>& done,
             const std::function<bool()>& stop = {});
    CaseResult run_one(const std::string& id);

private:
    class Worker;
    struct Costs;

    bool step(Worker& worker, int ready, CaseResult& result);

    SubjectRequest request_;
    PoolOptions options_;
    std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace afs::conformance
