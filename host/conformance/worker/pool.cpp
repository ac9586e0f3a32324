#include <poll.h>
#include <signal.h>

#include <map>

#include "conformance/cases/case_spec.hpp"
#include "conformance/report/case_json.hpp"
#include "conformance/worker/worker.hpp"

namespace afs::conformance {
namespace {

constexpr int kPatience = 25;  // ms between looks at time and memory

SubjectFacts facts_from(const nlohmann::json& json) {
    const auto text = [&](const char* key) { return json.value(key, std::string()); };
    SubjectFacts f;
    f.kind = text("kind"), f.name = text("name"), f.version = text("version");
    f.licence = text("licence"), f.build = text("build"), f.domain = text("domain");
    f.device = text("device"), f.about = text("about");
    f.provides = json.value("provides", std::vector<std::string>());
    return f;
}

// Group and op of an id, for a case that did not live to say them.
void name_case(CaseResult& r) {
    const size_t dot = r.id.find('.');
    if (dot != std::string::npos && r.id.find(':') == std::string::npos) {
        r.group = r.id.substr(0, dot);
        if (r.group == "env") r.group = "env-check";
        return;
    }
    const auto spec = parse_case(r.id);
    if (!spec) return;
    r.op = spec->op;
    const std::string& check = spec->check;
    r.group = check.empty()                                             ? "numeric"
              : check == "leak" || check == "random"                    ? "stress"
              : check == "pure" || check == "slack" || check == "offer" ? "contract"
                                                                        : "promise";
}

}  // namespace

// What one op has cost: a plugin that hangs in every case must not take hours to say so.
struct Pool::Costs {
    std::map<std::string, size_t> by_op;
    size_t most;
    void note(const CaseResult& r) {
        if (r.ending == Ending::hung || r.ending == Ending::out_of_memory) by_op[r.op] += 10;
        if (r.ending == Ending::crashed || r.ending == Ending::exited) by_op[r.op] += 1;
    }
    bool too_many(const std::string& op) { return !op.empty() && by_op[op] >= 10 * most; }
};

Pool::Pool(SubjectRequest request, PoolOptions options)
    : request_(std::move(request)), options_(std::move(options)) {
    signal(SIGPIPE, SIG_IGN);
}
Pool::~Pool() = default;

Result<SubjectFacts> Pool::open() {
    const std::string failed = "cannot open plugin '" + request_.path + "'";
    AFS_ASSIGN(auto worker, Worker::start(request_, options_));
    std::deque<nlohmann::json> lines;
    while (lines.empty()) {
        pollfd waited{worker->channel(), POLLIN, 0};
        if (poll(&waited, 1, kPatience) > 0 && !worker->read(lines)) {
            const CaseResult r = worker->post_mortem();
            return Status(Code::internal, failed + ": it " + ending_name(r.ending) + ": " + r.text);
        }
        worker->watch();
    }
    if (lines.front().contains("error"))
        return invalid(lines.front().value("error", std::string()));
    workers_.push_back(std::move(worker));
    return facts_from(lines.front());
}

// What came of one worker; true: a result.
bool Pool::step(Worker& worker, int ready, CaseResult& result) {
    std::deque<nlohmann::json> lines;
    if (ready && !worker.read(lines)) {
        result = worker.post_mortem();
        return true;
    }
    for (const auto& line : lines) {
        if (line.contains("ending")) {
            result = result_from(line);
            return true;
        }
        if (line.contains("error")) {  // a worker that replaces another cannot open the plugin
            result = CaseResult{};
            result.id = worker.id();
            result.ending = Ending::refused;
            result.text = "opening again: " + line.value("error", std::string());
            return true;
        }
    }
    worker.watch();
    return false;
}

void Pool::run(const std::vector<std::string>& ids, const std::function<void(CaseResult)>& done,
               const std::function<bool()>& stop) {
    Costs costs{{}, options_.most_costly};
    size_t next = 0, n_out = 0;
    const auto end = [&](CaseResult r) {
        if (r.group.empty()) name_case(r);
        costs.note(r);
        --n_out;
        done(std::move(r));
    };
    const auto op_of = [](const std::string& id) {
        CaseResult named;
        named.id = id;
        name_case(named);
        return named;
    };
    while ((next < ids.size() || n_out) && !(stop && stop())) {
        while (next < ids.size() && workers_.size() < std::min(options_.n_workers, ids.size())) {
            auto started = Worker::start(request_, options_);
            if (!started) break;
            workers_.push_back(std::move(*started));
        }
        for (const auto& worker : workers_)
            while (!worker->busy() && next < ids.size()) {
                CaseResult skipped = op_of(ids[next]);
                ++n_out;
                if (!costs.too_many(skipped.op)) {
                    worker->give(ids[next++]);
                    break;
                }
                ++next;
                skipped.ending = Ending::skipped;
                skipped.text = "not run: too many cases of this op crashed or hung";
                end(std::move(skipped));
            }
        std::vector<pollfd> waited;
        for (const auto& worker : workers_) waited.push_back({worker->channel(), POLLIN, 0});
        poll(waited.data(), waited.size(), kPatience);
        for (size_t i = 0; i < waited.size(); ++i) {
            const bool was_busy = workers_[i]->busy();
            CaseResult r;
            if (!step(*workers_[i], waited[i].revents, r)) continue;
            const bool ended = r.ending == Ending::crashed || r.ending == Ending::hung ||
                               r.ending == Ending::exited || r.ending == Ending::out_of_memory ||
                               r.text.rfind("opening again", 0) == 0;
            if (ended && workers_[i]->busy()) workers_[i].reset();
            if (r.device_lost) workers_[i].reset();
            if (was_busy) end(std::move(r));
            if (!workers_[i] || !was_busy) workers_[i].reset();
        }
        std::erase_if(workers_, [](const auto& worker) { return !worker; });
    }
    if (n_out) workers_.clear();  // stopped: what still runs is of no use
}

CaseResult Pool::run_one(const std::string& id) {
    CaseResult result;
    run({id}, [&](CaseResult r) { result = std::move(r); });
    return result;
}

}  // namespace afs::conformance
