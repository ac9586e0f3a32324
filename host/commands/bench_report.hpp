// What bench prints: llama-bench's table with bytes, operations and checks, or one JSON object.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "bench/bench.hpp"
#include "runtime/runtime.hpp"

namespace afs {

struct BenchSubject {  // what all rows share
    std::string model, kernels, dtype, plan, device;
    uint64_t weight_bytes = 0, n_parameters = 0;
    double ceiling = 0;  // bytes a second; 0: the device does not say
    std::string phases;
};

// host_ceiling: of the memory that the host owns, measured before the model took its share of it.
BenchSubject describe_bench(const Runtime& runtime, double host_ceiling);

std::string bench_header(const BenchSubject& subject, bool with_pp);
std::string bench_line(const BenchSubject& subject, const BenchRow& row, bool with_pp);
// What the columns mean, and what was wrong.
std::string bench_footer(const BenchSubject& subject, const std::vector<BenchRow>& rows);

nlohmann::ordered_json bench_json(const BenchSubject& subject, const Runtime& runtime);
nlohmann::ordered_json bench_json(const BenchSubject& subject, const BenchRow& row);
nlohmann::ordered_json bench_json(const BenchCheck& check);

}  // namespace afs
