#include "commands/bench_soak.hpp"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench/soak.hpp"
#include "commands/terminal.hpp"
#include "report/json_list.hpp"
#include "runtime/runtime.hpp"

namespace afs {
namespace {

double mib(uint64_t bytes) {
    return static_cast<double>(bytes) / 1048576.0;
}

std::string text_of(const SoakResult& r, double seconds) {
    uint64_t device = 0, host = 0;
    for (const MemoryReading& reading : r.readings) {
        device = std::max(device, reading.device);
        host = std::max(host, reading.host);
    }
    char text[400];
    std::snprintf(
        text, sizeof text,
        "soak: %.0f s, %llu requests and %llu forks, %llu finished, %llu cancelled, %llu "
        "tokens in %llu steps, no error\n"
        "memory: device at most %.0f MiB, host %.0f MiB of its own; last third above the "
        "first: %.1f and %.1f MiB (limit 16)",
        seconds, static_cast<unsigned long long>(r.requests),
        static_cast<unsigned long long>(r.forks), static_cast<unsigned long long>(r.finished),
        static_cast<unsigned long long>(r.cancelled), static_cast<unsigned long long>(r.tokens),
        static_cast<unsigned long long>(r.steps), mib(device), mib(host), mib(r.device_growth),
        mib(r.host_growth));
    return text;
}

nlohmann::ordered_json json_of(const SoakResult& r) {
    const auto reading_form = [](const MemoryReading& reading) -> nlohmann::ordered_json {
        return {reading.seconds, reading.device, reading.host};
    };
    return {{"requests", r.requests},
            {"forks", r.forks},
            {"finished", r.finished},
            {"cancelled", r.cancelled},
            {"tokens", r.tokens},
            {"steps", r.steps},
            {"device_growth", r.device_growth},
            {"host_growth", r.host_growth},
            {"steady", r.steady()},
            {"readings", json_list(r.readings, reading_form)}};
}

}  // namespace

Status soak(Runtime& runtime, const ParsedOptions& options, nlohmann::ordered_json& report) {
    AFS_ASSIGN(const uint64_t seconds, options.number("soak", 60, 1, 1000000));
    Progress progress("soak");
    SoakOptions soak;
    soak.seconds = static_cast<double>(seconds);
    soak.n_vocab = static_cast<int32_t>(runtime.model().vocab_rows);
    if (runtime.tokenizer()) {
        soak.n_vocab = static_cast<int32_t>(runtime.tokenizer_info().n_vocab);
        soak.stop_strings = true;
    }
    soak.device = runtime.plan().memories.front().device.get();
    soak.progress = [&](double at) {
        progress.update(static_cast<uint64_t>(at * 10), seconds * 10);
    };
    soak.stop = [] { return interrupted() != 0; };
    AFS_ASSIGN(const SoakResult result, run_soak(runtime.engine(), soak));
    progress.clear();
    report["soak"] = json_of(result);
    const std::string text =
        text_of(result, result.readings.empty() ? 0 : result.readings.back().seconds);
    if (!options.has("json")) AFS_TRY(write_out(text + "\n"));
    if (result.steady()) return {};
    return Status(Code::internal,
                  "memory grew by more than 16 MiB from the first third of the run "
                  "to its last");
}

}  // namespace afs
