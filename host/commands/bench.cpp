// bench: prompt processing and token generation in tokens a second, as llama-bench prints them,
// with the bytes a token reads and their share of the machine's measured read ceiling.
#include "bench/bench.hpp"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "afs/weights/weight_set.hpp"
#include "commands/command.hpp"
#include "commands/terminal.hpp"
#include "engine/cpu_device.hpp"
#include "runtime/runtime.hpp"

namespace afs {
namespace {

using Json = nlohmann::ordered_json;

struct Subject {  // what all rows share
    std::string model, kernels, dtype, plan;
    uint64_t weight_bytes = 0, n_parameters = 0;
    double ceiling = 0;  // bytes a second; 0: the device does not say
};

std::string format(const char* pattern, double value) {
    char text[64];
    std::snprintf(text, sizeof text, pattern, value);
    return text;
}

// Tests in llama-bench's order: all pp, then all tg, for each context and batch.
Result<std::vector<BenchTest>> make_tests(const ParsedOptions& options) {
    AFS_ASSIGN(const auto prompts, options.numbers("pp", "512"));
    AFS_ASSIGN(const auto generates, options.numbers("tg", "128"));
    AFS_ASSIGN(const auto batches, options.numbers("batch", "1"));
    AFS_ASSIGN(const auto contexts, options.numbers("context", "0"));
    std::vector<BenchTest> tests;
    for (const uint32_t batch : batches) {
        if (batch == 0) return invalid("--batch: expected at least 1, found 0");
        for (const uint32_t n : prompts)
            if (n) tests.push_back({n, 0, batch, 0});
        for (const uint32_t context : contexts)
            for (const uint32_t n : generates)
                if (n) tests.push_back({0, n, batch, context});
    }
    if (tests.empty()) return invalid("nothing to measure: --pp and --tg are both 0");
    return tests;
}

uint32_t tokens_needed(const BenchTest& test) {
    return test.generate ? std::max(1u, test.context) + test.generate + 1 : test.prompt + 1;
}

// The engine must hold the largest test; what the command line says stays.
Result<Config> with_room(const Config& config, const std::vector<BenchTest>& tests) {
    uint32_t context = 0, sequences = 0;
    for (const BenchTest& test : tests) {
        context = std::max(context, tokens_needed(test));
        sequences = std::max(sequences, test.batch);
    }
    std::vector<Override> room;
    const auto stated = [&config](const char* key) {
        return config.origin(key).rfind("command line", 0) == 0;
    };
    if (!stated("engine.max_context"))
        room.push_back({"engine.max_context", std::to_string(context), "bench's longest test"});
    if (!stated("engine.max_sequences"))
        room.push_back(
            {"engine.max_sequences", std::to_string(sequences), "bench's largest batch"});
    return config.with(room);
}

// host_ceiling: of the memory that the host owns, measured before the model took its share of it.
Subject describe(const Runtime& runtime, double host_ceiling) {
    Subject subject{runtime.model_name(), {}, runtime.dtype(), runtime.plan().id};
    for (const Backend& backend : runtime.plan().backends)
        subject.kernels += (subject.kernels.empty() ? "" : ",") + backend.name;
    for (const Weight& weight : runtime.weights().weights()) {
        uint64_t elements = 1;
        for (int32_t d = 0; d < weight.rank; ++d) elements *= static_cast<uint64_t>(weight.dims[d]);
        subject.n_parameters += elements;
    }
    subject.weight_bytes = runtime.weights().bytes();
    const std::shared_ptr<Device>& device = runtime.plan().memories.front().device;
    subject.ceiling = host_ceiling;
    if (device) {
        const auto measured = device->read_ceiling();
        subject.ceiling = measured ? *measured : 0;
    }
    return subject;
}

std::string header(const Subject& subject) {
    std::string out;
    if (subject.ceiling > 0)
        out += "read ceiling of this machine, best of a sweep in this run: " +
               format("%.1f GB/s\n\n", subject.ceiling / 1e9);
    return out +
           "| model | size | params | kernels | dtype | test | t/s | MB/token | GB/s | % of "
           "ceiling |\n"
           "|---|--:|--:|---|---|--:|--:|--:|--:|--:|\n";
}

std::string line(const Subject& subject, const BenchRow& row) {
    const bool tg = row.bytes_per_token > 0;
    const auto parameters = static_cast<double>(subject.n_parameters);
    return "| " + subject.model + " | " +
           format("%.2f MiB", static_cast<double>(subject.weight_bytes) / 1048576.0) + " | " +
           (parameters >= 1e9 ? format("%.2f B", parameters / 1e9)
                              : format("%.2f M", parameters / 1e6)) +
           " | " + subject.kernels + " | " + subject.dtype + " | " + row.test.name() + " | " +
           format("%.2f", row.mean) + " ± " + format("%.2f", row.deviation) + " | " +
           (tg ? format("%.1f", row.bytes_per_token / 1e6) : "") + " | " +
           (tg ? format("%.2f", row.bytes_per_second / 1e9) : "") + " | " +
           (tg && subject.ceiling > 0 ? format("%.1f", 100 * row.bytes_per_second / subject.ceiling)
                                      : "") +
           " |\n";
}

Json as_json(const Subject& subject, const BenchRow& row) {
    Json json = {{"test", row.test.name()},     {"n_prompt", row.test.prompt},
                 {"n_gen", row.test.generate},  {"batch", row.test.batch},
                 {"context", row.test.context}, {"samples_ts", row.tokens_per_second},
                 {"avg_ts", row.mean},          {"stddev_ts", row.deviation}};
    if (row.bytes_per_token > 0) {
        json["bytes_per_token"] = row.bytes_per_token;
        json["bytes_per_second"] = row.bytes_per_second;
        if (subject.ceiling > 0) json["share_of_ceiling"] = row.bytes_per_second / subject.ceiling;
    }
    return json;
}

Json as_json(const Subject& subject, const Runtime& runtime) {
    Json json = {{"model", subject.model},
                 {"model_bytes", subject.weight_bytes},
                 {"parameters", subject.n_parameters},
                 {"dtype", subject.dtype},
                 {"plan", subject.plan},
                 {"read_ceiling", subject.ceiling}};
    for (const Backend& backend : runtime.plan().backends)
        json["kernels"].push_back({{"name", backend.name},
                                   {"plugin", backend.plugin},
                                   {"version", backend.version},
                                   {"path", backend.path},
                                   {"sha256", backend.sha256}});
    return json;
}

Status measure_all(Runtime& runtime, const std::vector<BenchTest>& tests, uint32_t repetitions,
                   double host_ceiling, bool json) {
    const Subject subject = describe(runtime, host_ceiling);
    Json report = as_json(subject, runtime);
    if (!json) AFS_TRY(write_out(header(subject)));
    for (const BenchTest& test : tests) {
        Progress progress(test.name());
        BenchOptions bench;
        bench.repetitions = repetitions;
        bench.n_vocab = static_cast<int32_t>(runtime.model().vocab_rows);
        bench.progress = [&](uint64_t done, uint64_t total) { progress.update(done, total); };
        bench.stop = [] { return interrupted() != 0; };
        AFS_ASSIGN(const BenchRow row,
                   run_bench(runtime.engine(), runtime.plan(), runtime.weights(), test, bench));
        progress.clear();
        report["rows"].push_back(as_json(subject, row));
        if (!json) AFS_TRY(write_out(line(subject, row)));
    }
    return json ? write_out(report.dump(2) + "\n") : write_out("\nplan " + subject.plan + "\n");
}

int run(const Command&, const ParsedOptions& options) {
    catch_interrupts();
    auto tests = make_tests(options);
    if (!tests) return report_failure(tests.status(), kUsage);
    const auto repetitions = options.number("repetitions", 3, 1, 1000);
    if (!repetitions) return report_failure(repetitions.status(), kUsage);
    auto config = open_config(options);
    if (config) config = with_room(*config, *tests);
    if (!config) return report_failure(config.status(), kUsage);
    RuntimeOptions wanted;
    wanted.random_weights = options.text("random-weights");
    wanted.tokenizer = false;
    CpuDevice host;
    const auto host_ceiling = host.read_ceiling();
    auto runtime = Runtime::open(*config, wanted);
    if (!runtime) return report_not_opened(runtime.status());
    const Status status = measure_all(**runtime, *tests, static_cast<uint32_t>(*repetitions),
                                      host_ceiling ? *host_ceiling : 0, options.has("json"));
    if (interrupted()) return 128 + interrupted();
    return status.ok() ? kDone : report_failure(status, kFailed);
}

}  // namespace

const Command& bench_command() {
    static const Command command = {
        "bench",
        "measures prompt processing and token generation",
        "afs-host bench [options]",
        "afs-host bench --model-plugin llama3 --kernels reference --pp 64 --tg 32",
        {{"pp", "N,N", "prompt lengths; 0: none (default 512)"},
         {"tg", "N,N", "numbers of tokens to generate; 0: none (default 128)"},
         {"batch", "N,N", "sequences at once (default 1)"},
         {"context", "N,N", "tokens in the cache before generation is timed (default 0)"},
         {"repetitions,r", "N", "measurements of each test (default 3)"},
         {"random-weights", "SHAPE",
          "N(0, 0.02) weights in the shape of llama-3.1-8b, llama-3.2-1b, llama-3.2-3b, olmo2-1b, "
          "olmo2-7b, olmo2-13b, olmo2-32b, or of a config.json"},
         {"json", "", "one JSON object with every sample"},
         {"help,h", "", "this page"}},
        true,
        0,
        run};
    return command;
}

}  // namespace afs
