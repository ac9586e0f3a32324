#include "commands/bench_report.hpp"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "afs/weights/weight_set.hpp"
#include "engine/cpu_device.hpp"
#include "planner/backend_form.hpp"
#include "report/json_list.hpp"

namespace afs {
namespace {

using Json = nlohmann::ordered_json;
using Outcome = BenchCheck::Outcome;

std::string format(const char* pattern, double value) {
    char text[64];
    std::snprintf(text, sizeof text, pattern, value);
    return text;
}

const char* tick(const BenchCheck& check) {
    return check.outcome == Outcome::right ? "✓" : check.outcome == Outcome::wrong ? "✗" : "-";
}

}  // namespace

BenchSubject describe_bench(const Runtime& runtime, double host_ceiling) {
    BenchSubject subject;
    subject.model = runtime.model_name();
    subject.dtype = runtime.dtype();
    subject.plan = runtime.plan().id;
    subject.phases = phases_text(runtime.phases());
    subject.kernels = runtime.plan().kernels();
    for (const Weight& weight : runtime.weights().weights()) {
        uint64_t elements = 1;
        for (int32_t d = 0; d < weight.rank; ++d) elements *= static_cast<uint64_t>(weight.dims[d]);
        subject.n_parameters += elements;
    }
    subject.weight_bytes = runtime.weights().bytes();
    const std::shared_ptr<Device>& device = runtime.plan().memories.front().device;
    CpuDevice host;
    afs_device_info info = make<afs_device_info>();
    if ((device ? *device : static_cast<Device&>(host)).info(info).ok())
        subject.device = std::string(info.name) + " (" + info.domain + ")";
    subject.ceiling = host_ceiling;
    if (device) {
        const auto measured = device->read_ceiling();
        subject.ceiling = measured ? *measured : 0;
    }
    return subject;
}

std::string bench_header(const BenchSubject& subject, bool with_pp) {
    std::string out = "device: " + subject.device + "\n";
    if (subject.ceiling > 0)
        out += "read ceiling of this machine, best of a sweep in this run: " +
               format("%.1f GB/s\n", subject.ceiling / 1e9);
    out += "ready: " + subject.phases + "\n\n";
    return out + "| model | size | params | kernels | dtype | test | t/s | " +
           (with_pp ? "TFLOP/s | " : "") +
           "MB/token | GB/s | % of ceiling | check |\n|---|--:|--:|---|---|--:|--:|" +
           (with_pp ? "--:|" : "") + "--:|--:|--:|:-:|\n";
}

std::string bench_line(const BenchSubject& subject, const BenchRow& row, bool with_pp) {
    const auto parameters = static_cast<double>(subject.n_parameters);
    const bool measured = row.mean > 0, tg = measured && row.bytes_per_token > 0;
    const std::string speed =
        measured ? format("%.2f", row.mean) + " ± " + format("%.2f", row.deviation) : "wrong";
    const auto cell = [](bool there, const std::string& text) {
        return (there ? text : std::string()) + " | ";
    };
    return "| " + subject.model + " | " +
           format("%.2f MiB", static_cast<double>(subject.weight_bytes) / 1048576.0) + " | " +
           (parameters >= 1e9 ? format("%.2f B", parameters / 1e9)
                              : format("%.2f M", parameters / 1e6)) +
           " | " + subject.kernels + " | " + subject.dtype + " | " + row.test.name() + " | " +
           speed + " | " + (with_pp ? cell(row.flops > 0, format("%.4g", row.flops / 1e12)) : "") +
           cell(tg, format("%.1f", row.bytes_per_token / 1e6)) +
           cell(tg, format("%.2f", row.bytes_per_second / 1e9)) +
           cell(tg && subject.ceiling > 0,
                format("%.1f", 100 * row.bytes_per_second / subject.ceiling)) +
           tick(row.check) + " |\n";
}

std::string bench_footer(const BenchSubject& subject, const std::vector<BenchRow>& rows) {
    std::string out = "\nplan " + subject.plan + "\n";
    const auto any = [&rows](auto&& is) { return std::any_of(rows.begin(), rows.end(), is); };
    if (any([](const BenchRow& r) { return r.test.generate > 0; }))
        out +=
            "tg: from the moment at which every sequence has its first token; bytes: weights "
            "once a step, KV of each sequence\n";
    if (any([](const BenchRow& r) { return r.check.outcome == Outcome::right; }))
        out +=
            "check ✓: ids drawn while timed are the likeliest, within rounding, when asked again "
            "as prompts in chunks\n";
    for (const BenchRow& row : rows)
        if (row.check.outcome != Outcome::right)
            out += row.test.name() +
                   (row.check.outcome == Outcome::wrong ? " is wrong: " : " is not checked: ") +
                   row.check.text + "\n";
    return out;
}

Json bench_json(const BenchCheck& check) {
    Json json = {{"compared", check.n_compared}, {"text", check.text}};
    json["ok"] = nullptr;
    if (check.outcome != Outcome::impossible) json["ok"] = check.outcome == Outcome::right;
    return json;
}

Json bench_json(const BenchSubject& subject, const BenchRow& row) {
    Json json = {{"test", row.test.name()},     {"n_prompt", row.test.prompt},
                 {"n_gen", row.test.generate},  {"batch", row.test.batch},
                 {"context", row.test.context}, {"check", bench_json(row.check)}};
    if (row.mean <= 0) return json;
    json["samples_ts"] = row.tokens_per_second;
    json["avg_ts"] = row.mean;
    json["stddev_ts"] = row.deviation;
    if (row.flops > 0) json["flops"] = row.flops;
    if (row.bytes_per_token > 0) {
        json["bytes_per_token"] = row.bytes_per_token;
        json["bytes_per_second"] = row.bytes_per_second;
        if (subject.ceiling > 0) json["share_of_ceiling"] = row.bytes_per_second / subject.ceiling;
    }
    return json;
}

Json bench_json(const BenchSubject& subject, const Runtime& runtime) {
    const auto phase_form = [](const Phase& phase) -> Json {
        return {{"name", phase.name}, {"seconds", phase.seconds}, {"bytes", phase.bytes}};
    };
    return {{"model", subject.model},
            {"model_bytes", subject.weight_bytes},
            {"parameters", subject.n_parameters},
            {"dtype", subject.dtype},
            {"plan", subject.plan},
            {"device", subject.device},
            {"read_ceiling", subject.ceiling},
            {"phases", json_list(runtime.phases(), phase_form)},
            {"kernels", json_list(runtime.plan().backends, backend_form)}};
}

}  // namespace afs
