#include "trace/workload.hpp"

#include <chrono>
#include <random>
#include <set>

#include "afs/tokenizer.hpp"

namespace afs {

Result<Config> with_room(const Config& config, uint64_t context, uint32_t batch, const char* who) {
    std::vector<Override> room;
    const auto stated = [&config](const char* key) {
        return config.origin(key).rfind("command line", 0) == 0;
    };
    if (context && !stated("engine.max_context"))
        room.push_back({"engine.max_context", std::to_string(context), who});
    if (!stated("engine.max_sequences"))
        room.push_back({"engine.max_sequences", std::to_string(batch), who});
    return config.with(room);
}

int32_t valid_ids(const Runtime& runtime) {
    const uint32_t n = const_cast<Runtime&>(runtime).tokenizer() ? runtime.tokenizer_info().n_vocab
                                                                 : runtime.model().vocab_rows;
    return static_cast<int32_t>(n);
}

Result<std::vector<int32_t>> prompt_ids(Runtime& runtime, const std::string& text, uint32_t n) {
    std::vector<int32_t> ids;
    if (Tokenizer* tokenizer = runtime.tokenizer()) {
        AFS_TRY(tokenizer->encode(text, AFS_ENCODE_ADD_SPECIAL, ids));
        if (ids.empty()) return invalid("the prompt is empty: give text with --prompt");
        return ids;
    }
    std::mt19937_64 generator(1);
    std::uniform_int_distribution<int32_t> id(0, valid_ids(runtime) - 1);
    for (uint32_t i = 0; i < n; ++i) ids.push_back(id(generator));
    return ids;
}

Result<WorkloadTimes> run_workload(Engine& engine, const Workload& workload,
                                   const std::function<bool()>& stop) {
    using Clock = std::chrono::steady_clock;
    const auto since = [](Clock::time_point start) {
        return std::chrono::duration<double>(Clock::now() - start).count();
    };
    std::vector<uint64_t> requests;
    auto start = Clock::now();
    for (uint32_t s = 0; s < workload.batch; ++s) {
        Request request;
        request.prompt = workload.prompt;
        request.max_new_tokens = workload.new_tokens + 1;
        request.n_vocab = workload.n_vocab;
        AFS_ASSIGN(const uint64_t id, engine.submit(std::move(request)));
        requests.push_back(id);
    }
    WorkloadTimes times;
    std::set<uint64_t> started;
    while (!engine.idle()) {
        if (stop && stop()) {
            for (const uint64_t id : requests) (void)engine.cancel(id).ok();  // some may be over
            while (!engine.idle())
                if (auto ended = engine.step(); !ended) return ended.status();
            return Status(Code::cancelled, "interrupted");
        }
        const bool all_started = started.size() == workload.batch;
        const auto step_start = Clock::now();
        AFS_ASSIGN(const std::vector<TokenEvent> events, engine.step());
        for (const TokenEvent& event : events)
            if (event.id >= 0) started.insert(event.request);
        if (all_started) {
            times.step_seconds.push_back(since(step_start));
        } else if (started.size() == workload.batch) {
            times.prompt_seconds = since(start);
            start = Clock::now();
        }
    }
    times.token_seconds = since(start);
    return times;
}

}  // namespace afs
