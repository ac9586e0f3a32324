#include "bench/soak.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <random>

namespace afs {
namespace {

using Clock = std::chrono::steady_clock;
constexpr uint64_t kGrowth = 16u << 20;
constexpr double kReadingsASecond = 4;

// Resident bytes of this process that are its own: of a mapped file the pages come and go.
uint64_t resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    uint64_t size = 0, resident = 0, shared = 0;
    statm >> size >> resident >> shared;
    return (resident - shared) * static_cast<uint64_t>(sysconf(_SC_PAGE_SIZE));
}

class Soak {
public:
    Soak(Engine& engine, const SoakOptions& options)
        : engine_(engine), options_(options), random_(options.seed), sizes_(engine.stats()) {}

    Result<SoakResult> run();

private:
    uint32_t pick(uint32_t low, uint32_t high) {
        return std::uniform_int_distribution<uint32_t>(low, std::max(low, high))(random_);
    }
    bool one_in(uint32_t n) { return pick(1, n) == 1; }
    double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
    SamplingParams sampling();
    Request request();
    Status disturb();
    Status take(const std::vector<TokenEvent>& events);
    Status read_memory();
    void compare_thirds();

    Engine& engine_;
    const SoakOptions& options_;
    std::mt19937_64 random_;
    const EngineStats sizes_;
    const Clock::time_point start_ = Clock::now();
    std::vector<uint64_t> alive_;
    uint32_t wanted_ = 1;  // requests at once
    SoakResult result_;
};

SamplingParams Soak::sampling() {
    SamplingParams s;
    s.seed = random_();
    if (one_in(3)) return s;  // greedy
    s.temperature = static_cast<float>(pick(1, 20)) / 10.0f;
    if (one_in(3)) s.top_k = static_cast<int32_t>(pick(1, 200));
    if (one_in(3)) s.top_p = static_cast<float>(pick(1, 100)) / 100.0f;
    if (one_in(4)) s.min_p = static_cast<float>(pick(0, 30)) / 100.0f;
    if (one_in(16)) s.repetition_penalty = 1.1f;
    return s;
}

Request Soak::request() {
    Request r;
    // Most are short; some fill the context.
    const uint32_t context = sizes_.max_context;
    const uint32_t longest = one_in(8) ? context : std::max(1u, context / 8);
    r.prompt.resize(pick(1, longest));
    for (int32_t& id : r.prompt)
        id = static_cast<int32_t>(pick(0, static_cast<uint32_t>(options_.n_vocab) - 1));
    r.n_vocab = options_.n_vocab;
    r.max_new_tokens = one_in(20) ? 0 : pick(1, std::max(1u, context / 4));
    r.sampling = sampling();
    if (one_in(4)) r.stop_ids = {std::min(options_.n_vocab - 1, 50)};
    if (options_.stop_strings && one_in(4)) r.stop_strings = {"e t", "\n"};
    if (one_in(16)) r.n_logprobs = static_cast<int32_t>(pick(0, 5));
    if (one_in(64) && r.prompt.size() < 200) r.prompt_logprobs = true;
    r.keep_cache = one_in(8);
    return r;
}

// Requests come, fork and are cancelled between any two steps.
Status Soak::disturb() {
    if (one_in(40)) wanted_ = one_in(3) ? 1 : pick(1, 2 * sizes_.max_sequences);
    while (alive_.size() < wanted_) {
        AFS_ASSIGN(const uint64_t id, engine_.submit(request()));
        alive_.push_back(id);
        ++result_.requests;
    }
    const auto any = [this] { return alive_[pick(0, static_cast<uint32_t>(alive_.size()) - 1)]; };
    if (one_in(50)) {
        AFS_ASSIGN(const uint64_t id, engine_.fork(any(), sampling()));
        alive_.push_back(id);
        ++result_.forks;
    }
    if (one_in(60)) AFS_TRY(engine_.cancel(any()));
    return {};
}

Status Soak::take(const std::vector<TokenEvent>& events) {
    for (const TokenEvent& event : events) {
        if (event.id >= options_.n_vocab)
            return Status(Code::internal, "request " + std::to_string(event.request) + " drew id " +
                                              std::to_string(event.id) + " of " +
                                              std::to_string(options_.n_vocab));
        result_.tokens += event.id >= 0;
        if (event.finish == FinishReason::none) continue;
        ++(event.finish == FinishReason::cancelled ? result_.cancelled : result_.finished);
        const auto it = std::find(alive_.begin(), alive_.end(), event.request);
        if (it == alive_.end())
            return Status(Code::internal, "request " + std::to_string(event.request) +
                                              " ended twice or was never made");
        alive_.erase(it);
    }
    return {};
}

Status Soak::read_memory() {
    MemoryReading reading;
    reading.seconds = seconds();
    reading.host = resident_bytes();
    if (options_.device) {
        afs_device_info info = make<afs_device_info>();
        AFS_TRY(options_.device->info(info));
        reading.device = info.total - info.available;
    }
    result_.readings.push_back(reading);
    return {};
}

void Soak::compare_thirds() {
    const auto& all = result_.readings;
    uint64_t first[2] = {}, last[2] = {};
    for (size_t i = 0; i < all.size(); ++i) {
        uint64_t* const into = i < all.size() / 3        ? first
                               : i >= all.size() * 2 / 3 ? last
                                                         : nullptr;
        if (!into) continue;
        into[0] = std::max(into[0], all[i].device);
        into[1] = std::max(into[1], all[i].host);
    }
    result_.device_growth = last[0] - std::min(last[0], first[0]);
    result_.host_growth = last[1] - std::min(last[1], first[1]);
}

Result<SoakResult> Soak::run() {
    while (seconds() < options_.seconds && !(options_.stop && options_.stop())) {
        AFS_TRY(disturb());
        AFS_ASSIGN(const std::vector<TokenEvent> events, engine_.step());
        AFS_TRY(take(events));
        if (seconds() * kReadingsASecond >= static_cast<double>(result_.readings.size()))
            AFS_TRY(read_memory());
        if (options_.progress) options_.progress(seconds());
    }
    for (const uint64_t id : alive_) AFS_TRY(engine_.cancel(id));
    while (!engine_.idle()) {
        AFS_ASSIGN(const std::vector<TokenEvent> events, engine_.step());
        AFS_TRY(take(events));
    }
    const EngineStats stats = engine_.stats();
    result_.steps = stats.steps - sizes_.steps;
    if (stats.kv_blocks_free != stats.kv_blocks)
        return Status(Code::internal,
                      "blocks of the KV cache are lost: " + std::to_string(stats.kv_blocks_free) +
                          " of " + std::to_string(stats.kv_blocks) + " are free at the end");
    compare_thirds();
    return result_;
}

}  // namespace

bool SoakResult::steady() const {
    return device_growth <= kGrowth && host_growth <= kGrowth;
}

Result<SoakResult> run_soak(Engine& engine, const SoakOptions& options) {
    return Soak(engine, options).run();
}

}  // namespace afs
