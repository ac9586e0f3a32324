// bench: prompt processing and token generation in tokens a second, as llama-bench prints them,
// with the bytes a token reads and their share of the machine's measured read ceiling, and whether
// what was timed was right.
#include "bench/bench.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/judge.hpp"
#include "commands/bench_report.hpp"
#include "commands/bench_soak.hpp"
#include "commands/command.hpp"
#include "commands/terminal.hpp"
#include "engine/cpu_device.hpp"
#include "runtime/open_model.hpp"  // parse_dtype
#include "runtime/plugin_search.hpp"
#include "runtime/runtime.hpp"
#include "trace/workload.hpp"

namespace afs {
namespace {

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

// Of one sequence; the last token drawn is not in the cache.
uint32_t tokens_needed(const BenchTest& test) {
    return test.generate ? std::max(1u, test.context) + test.generate : test.prompt;
}

// "--tg 128 --context 64", for messages about the length of a test.
std::string length_flags(const BenchTest& test) {
    if (!test.generate) return "--pp " + std::to_string(test.prompt);
    return "--tg " + std::to_string(test.generate) +
           (test.context ? " --context " + std::to_string(test.context) : std::string());
}

const BenchTest& longest(const std::vector<BenchTest>& tests) {
    return *std::max_element(tests.begin(), tests.end(), [](const auto& a, const auto& b) {
        return tokens_needed(a) < tokens_needed(b);
    });
}

// The engine must hold the largest test.
Result<Config> with_room(const Config& config, const std::vector<BenchTest>& tests) {
    uint32_t sequences = 0;
    for (const BenchTest& test : tests) sequences = std::max(sequences, test.batch);
    const BenchTest& most = longest(tests);
    return with_room(config, tokens_needed(most), sequences,
                     ("bench " + length_flags(most)).c_str());
}

// Whether --check names kernels, which then have to be there: nothing is measured before.
Status find_judge(const Config& config, const ParsedOptions& options) {
    const std::string check = options.text("check", "auto");
    if (check == "auto" || check == "self" || check == "none") return {};
    AFS_ASSIGN(const Config judge, config.with({{"kernels", check, "command line --check"}}));
    for (const std::string& name : judge.list("kernels"))
        if (name != "auto")
            AFS_TRY(
                find_plugin(plugin_search(config), "kernels", name).status().context("--check"));
    return {};
}

// What --check asks for: the other kernels to compare with, if any.
std::string judge_of(const ParsedOptions& options, const Runtime& runtime) {
    constexpr double kAffordable = 2e9;  // operations: about a second of the reference
    std::string check = options.text("check", "auto");
    if (check == "none" || check == "self") return {};
    if (check != "auto") return check;
    const bool itself = runtime.plan().kernels() == "reference";
    return itself || judge_flops(runtime) > kAffordable ? std::string() : "reference";
}

Status judge(const Config& config, const ParsedOptions& options, Runtime& runtime, bool json,
             nlohmann::ordered_json& report) {
    const std::string other = judge_of(options, runtime);
    if (other.empty()) return {};
    AFS_ASSIGN(const BenchCheck check,
               judge_logits(config, runtime, other, options.text("random-weights")));
    report["logits"] = bench_json(check);
    if (check.outcome == BenchCheck::Outcome::wrong)
        return Status(Code::internal,
                      "nothing is timed: the logits of a short prompt are wrong: " + check.text);
    const bool right = check.outcome == BenchCheck::Outcome::right;
    if (json) return {};
    return write_out((right ? "logits of a short prompt: ✓ " : "logits are not checked: ") +
                     check.text + "\n");
}

Status measure_all(Runtime& runtime, const BenchSubject& subject, const ParsedOptions& options,
                   const std::vector<BenchTest>& tests, uint32_t repetitions,
                   nlohmann::ordered_json& report) {
    const bool json = options.has("json");
    const bool with_pp = std::any_of(tests.begin(), tests.end(),
                                     [](const BenchTest& test) { return test.prompt > 0; });
    if (!json) AFS_TRY(write_out(bench_header(subject, with_pp)));
    report["rows"] = nlohmann::ordered_json::array();  // see json_list
    std::vector<BenchRow> rows;
    for (const BenchTest& test : tests) {
        Progress progress(test.name());
        BenchOptions bench;
        bench.repetitions = repetitions;
        bench.check = options.text("check", "auto") != "none";
        bench.tolerance = id_tolerance(parse_dtype(runtime.dtype()));
        bench.n_vocab = static_cast<int32_t>(runtime.model().vocab_rows);
        bench.progress = [&](uint64_t done, uint64_t total) { progress.update(done, total); };
        bench.stop = [] { return interrupted() != 0; };
        AFS_ASSIGN(BenchRow row,
                   run_bench(runtime.engine(), runtime.plan(), runtime.weights(), test, bench));
        progress.clear();
        report["rows"].push_back(bench_json(subject, row));
        if (!json) AFS_TRY(write_out(bench_line(subject, row, with_pp)));
        rows.push_back(std::move(row));
    }
    if (!json) AFS_TRY(write_out(bench_footer(subject, rows)));
    for (const BenchRow& row : rows)
        if (row.check.outcome == BenchCheck::Outcome::wrong)
            return Status(Code::internal, row.test.name() + " is wrong: " + row.check.text);
    return {};
}

// The verb once everything is open.
Status measure(const Config& config, const ParsedOptions& options, Runtime& runtime,
               const std::vector<BenchTest>& tests, uint32_t repetitions, double host_ceiling) {
    const bool json = options.has("json");
    const BenchSubject subject = describe_bench(runtime, host_ceiling);
    nlohmann::ordered_json report = bench_json(subject, runtime);
    if (!options.has("soak")) {
        const BenchTest& most = longest(tests);
        AFS_TRY(check_context(runtime.engine(), tokens_needed(most), length_flags(most)));
    }
    Status status = judge(config, options, runtime, json, report);
    if (status.ok() && options.has("soak")) {
        status = soak(runtime, options, report);
    } else if (status.ok()) {
        status = measure_all(runtime, subject, options, tests, repetitions, report);
    }
    if (status.ok()) status = runtime.check_weights_unchanged();
    if (json) AFS_TRY(write_out(report.dump(2) + "\n"));
    return status;
}

int run_bench(const Command&, const ParsedOptions& options) {
    catch_interrupts();
    auto tests = make_tests(options);
    if (!tests) return report_failure(tests.status(), kUsage);
    const auto repetitions = options.number("repetitions", 3, 1, 1000);
    if (!repetitions) return report_failure(repetitions.status(), kUsage);
    auto config = open_config(options);
    if (config && !options.has("soak")) config = with_room(*config, *tests);
    if (!config) return report_bad_input(config.status());
    const Status judge = find_judge(*config, options);
    if (!judge.ok()) return report_not_opened(judge);
    RuntimeOptions wanted;
    wanted.random_weights = options.text("random-weights");
    wanted.tokenizer = options.has("soak");  // for its stop strings
    if (auto seconds = options.number("soak", 60, 1, 1000000); !seconds)
        return report_failure(seconds.status(), kUsage);
    CpuDevice host;
    const auto host_ceiling = host.read_ceiling();
    auto runtime = Runtime::open(*config, wanted);
    if (!runtime) return report_not_opened(runtime.status());
    const Status status =
        measure(*config, options, **runtime, *tests, static_cast<uint32_t>(*repetitions),
                host_ceiling ? *host_ceiling : 0);
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
         {"check", "auto|self|none|NAME",
          "what is timed is checked against prompt steps of the same kernels (self); NAME compares "
          "logits with those kernels first; auto: self, and reference where that takes a second"},
         {"soak", "SECONDS",
          "no table: mixed requests for so long, nothing may fail and memory may not grow"},
         {"json", "", "one JSON object with every sample"},
         {"help,h", "", "this page"}},
        true,
        0,
        run_bench,
        {excludes("soak", {"pp", "tg", "batch", "context", "repetitions"},
                  "a soak mixes requests of its own"),
         excludes("random-weights", {"model"}, "a shape takes the checkpoint's place")}};
    return command;
}

}  // namespace afs
