// The traces of HF transformers that tools/goldens/models.py made: every value of every layer of
// small models, in fp32 and bf16, and the same models ready to run.
#pragma once
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "afs/json.hpp"
#include "support/graph_runner.hpp"
#include "support/model_file.hpp"
#include "support/seeded_weights.hpp"

namespace afs::test {

using namespace conformance;

inline std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

struct Trace {  // one value, row by row
    std::vector<double> fp32, bf16;
};
struct ModelTraces {
    std::string name, family, config;
    uint64_t seed, parameters;
    int32_t first_position;
    std::vector<int32_t> ids;
    std::map<std::string, Trace> traces;
};

inline std::vector<ModelTraces> model_traces() {
    const std::string folder = AFS_SOURCE_DIR "/tests/golden/models/";
    const auto parsed = json::parse(read_file(folder + "traces.json"));
    if (!parsed.ok()) throw std::runtime_error(parsed.status().message());
    const std::string bin = read_file(folder + "traces.bin");
    std::vector<ModelTraces> out;
    for (const json::Value& in : parsed->find("cases")->items) {
        ModelTraces g;
        g.name = in.find("name")->string;
        g.config = json::dump(*in.find("config"));
        g.family = in.find("config")->find("model_type")->string == "llama" ? "llama3" : "olmo2";
        g.seed = *in.find("seed")->as_uint64();
        g.parameters = *in.find("parameters")->as_uint64();
        g.first_position = static_cast<int32_t>(*in.find("first_position")->as_int64());
        for (const auto& id : in.find("ids")->items)
            g.ids.push_back(static_cast<int32_t>(*id.as_int64()));
        for (const auto& [tag, entry, line] : in.find("tensors")->members) {
            Trace trace;
            const size_t n = g.ids.size() * *entry.find("width")->as_uint64();
            const char* fp32 = bin.data() + *entry.find("fp32")->as_uint64();
            const char* bf16 = bin.data() + *entry.find("bf16")->as_uint64();
            for (size_t i = 0; i < n; ++i) {
                trace.fp32.push_back(decode(fp32, AFS_F32, i));
                trace.bf16.push_back(decode(bf16, AFS_BF16, i));
            }
            g.traces[tag] = trace;
        }
        out.push_back(g);
    }
    return out;
}

// The model of some traces, built by its plugin, with seeded weights.
struct TracedModel {
    TracedModel(const ModelTraces& g, int32_t dtype) : file(g.family) {
        const afs_graph* graph = file.build(g.config, dtype);
        if (!graph) throw std::runtime_error(file.error);
        auto made =
            ResolvedGraph::resolve(*graph, std::vector<int32_t>(graph->n_weights, AFS_BF16));
        if (!made.ok()) throw std::runtime_error(made.status().message());
        resolved = *made;
        for (uint32_t i = 0; i < graph->n_weights; ++i) {
            const afs_value& v = *graph->values[graph->weights[i]->value];
            const std::vector<int64_t> shape(v.dims, v.dims + v.rank);
            weights.push_back(seeded_weight(graph->weights[i]->names, shape, g.seed));
            afs_tensor t{};
            t.data = weights.back().data();
            t.dtype = AFS_BF16;
            t.rank = v.rank;
            for (int axis = 0; axis < AFS_MAX_RANK; ++axis) t.dims[axis] = t.strides[axis] = 1;
            for (int axis = 0; axis < v.rank; ++axis) t.dims[axis] = v.dims[axis];
            if (v.rank == 2) t.strides[0] = v.dims[1];
            tensors.push_back(t);
        }
    }
    GraphRunner runner(KernelBackend& kernels, uint32_t block_size,
                       Device* device = nullptr) const {
        return {*resolved,
                kernels,
                [this](uint32_t line) { return tensors[line]; },
                {block_size, 64, 32, device}};
    }

    ModelFile file;
    std::shared_ptr<const ResolvedGraph> resolved;
    std::vector<std::vector<bf16>> weights;
    std::vector<afs_tensor> tensors;
};

// The traces' tokens [past, end), with a row for each.
inline StepData prompt(const ModelTraces& g, BlockPool& pool, int32_t past, int32_t end) {
    StepData step = ragged({{past, end - past}}, pool);
    for (size_t i = 0; i < step.positions.size(); ++i) {
        step.token_ids[i] = g.ids[static_cast<size_t>(past) + i];
        step.positions[i] += g.first_position;
        step.logit_rows.push_back(static_cast<int32_t>(i));
    }
    return step;
}

struct Error {
    double max = 0, rms = 0;
    size_t worst = 0;
};
inline Error error_of(const std::vector<double>& got, const std::vector<double>& truth) {
    Error e;
    for (size_t i = 0; i < truth.size(); ++i) {
        const double d = std::abs(got[i] - truth[i]);
        e.rms += d * d;
        if (!(d <= e.max)) e.max = d, e.worst = i;
    }
    e.rms = std::sqrt(e.rms / static_cast<double>(truth.size()));
    return e;
}
inline double largest(const std::vector<double>& x) {
    double m = 0;
    for (const double v : x) m = std::max(m, std::abs(v));
    return m;
}

}  // namespace afs::test
