#include "trace/workload.hpp"

#include <chrono>
#include <random>

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
    else if (config.natural("engine.max_sequences") < batch)
        return invalid("--batch " + std::to_string(batch) + ": at most " +
                       std::to_string(config.natural("engine.max_sequences")) +
                       " may run at once (engine.max_sequences from " +
                       config.origin("engine.max_sequences") + "): lower one or raise the other");
    if (!stated("engine.prompts_first")) room.push_back({"engine.prompts_first", "true", who});
    return config.with(room);
}

Status check_context(const Engine& engine, uint64_t tokens, const std::string& what) {
    const uint32_t holds = engine.stats().max_context;
    if (tokens <= holds) return {};
    return invalid(what + " needs a context of " + std::to_string(tokens) +
                   " tokens, this one holds " + std::to_string(holds) +
                   ": ask for less, or raise --max-context (engine.max_context) or "
                   "engine.kv_memory_mib");
}

void BatchWatch::see(const std::vector<TokenEvent>& events) {
    const bool all = all_started();
    uint32_t drawn = 0;
    for (const TokenEvent& event : events) {
        if (event.id < 0) continue;
        started_.insert(event.request);
        ++drawn;
    }
    together_ = together_ && (!all || drawn == 0 || drawn == batch_);
}

Status BatchWatch::ran_together() const {
    if (together_) return {};
    return invalid("a batch of " + std::to_string(batch_) +
                   " cannot be measured: its sequences did not all run at once, since the cache "
                   "does not hold so many; lower --batch or the number of tokens, or raise "
                   "engine.kv_memory_mib");
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
    BatchWatch watch(workload.batch);
    while (!engine.idle()) {
        if (stop && stop()) {
            for (const uint64_t id : requests) (void)engine.cancel(id).ok();  // some may be over
            while (!engine.idle())
                if (auto ended = engine.step(); !ended) return ended.status();
            return Status(Code::cancelled, "interrupted");
        }
        const bool all_started = watch.all_started();
        const auto step_start = Clock::now();
        AFS_ASSIGN(const std::vector<TokenEvent> events, engine.step());
        watch.see(events);
        if (all_started) {
            times.step_seconds.push_back(since(step_start));
        } else if (watch.all_started()) {
            times.prompt_seconds = since(start);
            start = Clock::now();
        }
    }
    times.token_seconds = since(start);
    AFS_TRY(watch.ran_together());
    return times;
}

}  // namespace afs
