#include "support/op_goldens.hpp"

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "afs/sample.hpp"
#include "conformance/judge/judge_case.hpp"

namespace afs::test {

using namespace conformance;
namespace {

using nlohmann::json;

int32_t dtype_of(const std::string& name) {
    for (const int32_t dtype : {AFS_F32, AFS_BF16, AFS_F16, AFS_F64})
        if (name == dtype_name(dtype)) return dtype;
    throw std::runtime_error("golden: unknown dtype " + name);
}
Array seeded(const json& spec) {
    return test::seeded(dtype_of(spec["dtype"]), spec["dims"], spec["seed"], spec["scale"]);
}

std::shared_ptr<void> params_of(const std::string& op, const json& p) {
    if (op == "rms_norm/1") {
        auto made = make<afs_rms_norm_params>();
        made.eps = p["eps"], made.weight_before_cast = p["weight_before_cast"];
        return std::make_shared<afs_rms_norm_params>(made);
    }
    if (op == "rope/1") {
        auto made = make<afs_rope_params>();
        made.head_dim = p["head_dim"], made.theta = p["theta"], made.scaling = p["scaling"];
        made.table_in_act_dtype = p["table_in_act_dtype"], made.factor = p["factor"];
        made.low_freq_factor = p["low_freq_factor"], made.high_freq_factor = p["high_freq_factor"];
        made.original_max_position = p["original_max_position"];
        return std::make_shared<afs_rope_params>(made);
    }
    auto made = make<afs_attention_params>();
    made.n_heads = p["n_heads"], made.n_kv_heads = p["n_kv_heads"], made.head_dim = p["head_dim"];
    made.scale = p["scale"];
    return std::make_shared<afs_attention_params>(made);
}

// The last n of a context: k and v of all of it are put into a cache as kv_append/1 would.
void lay_out_attention(OpCase& c, const Array& k, const Array& v, uint32_t block_size) {
    const auto& p = *static_cast<const afs_attention_params*>(c.params.get());
    const auto context = static_cast<int32_t>(k.dims[0]),
               n = static_cast<int32_t>(c.output.dims[0]);
    const uint32_t n_blocks = static_cast<uint32_t>(context) / block_size + 3;
    BlockPool pool(block_size, n_blocks);
    OpCase append("kv_append/1");
    append.act(k).act(v).on(ragged({{0, context}}, pool));
    append.cache(Cache(k.dtype, n_blocks, block_size, p.n_kv_heads, p.head_dim));
    c.cache(appended(append));
    c.on(ragged({{context - n, n}}, pool));
}

OpCase case_of(const json& golden, uint32_t block_size) {
    OpCase c(golden["op"]);
    const json& output = golden["output"];
    c.result(dtype_of(output["dtype"]), output["dims"]);
    c.on(StepData::plain(static_cast<uint32_t>(c.output.dims[0])));
    if (golden.contains("params")) c.params = params_of(c.op, golden["params"]);
    const json& inputs = golden["inputs"];
    c.act(seeded(inputs[0]));
    if (c.op == "embed/1") c.kinds[0] = AFS_VALUE_WEIGHT;
    if (c.op == "linear/1" || c.op == "rms_norm/1")
        c.weight(seeded(inputs[1]));
    else if (c.op == "swiglu/1" || c.op == "add/1")
        c.act(seeded(inputs[1]));
    else if (c.op == "attention/1")
        lay_out_attention(c, seeded(inputs[1]), seeded(inputs[2]), block_size);
    if (golden.contains("positions"))
        c.step.positions = golden["positions"].get<std::vector<int32_t>>();
    if (golden.contains("ids")) c.step.token_ids = golden["ids"].get<std::vector<int32_t>>();
    if (golden.contains("rows")) {
        c.step = StepData::plain(static_cast<uint32_t>(c.inputs[0].dims[0]));
        c.step.logit_rows = golden["rows"].get<std::vector<int32_t>>();
        c.step.rows.resize(c.step.logit_rows.size());
    }
    return c;
}

}  // namespace

Array seeded(int32_t dtype, std::vector<int64_t> dims, uint64_t seed, double scale) {
    return Array::filled(dtype, std::move(dims), [&](size_t i) {
        const uint64_t hash = sample_hash(seed, static_cast<uint32_t>(i));
        return static_cast<float>((static_cast<double>(hash >> 40) * 0x1p-23 - 1) * scale);
    });
}

std::vector<Golden> op_goldens(const std::string& folder, uint32_t block_size) {
    std::ifstream text(folder + "/ops.json"), data(folder + "/ops.bin", std::ios::binary);
    const json index = json::parse(text);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(data), {}};
    std::vector<Golden> all;
    for (const json& golden : index["cases"]) {
        OpCase c = case_of(golden, block_size);
        Array want = c.output;
        const size_t at = golden["output"]["offset"];
        if (at + want.size() * dtype_size(want.dtype) > bytes.size())
            throw std::runtime_error("golden: ops.bin is shorter than ops.json says");
        for (size_t i = 0; i < want.size(); ++i)
            want.set(i, decode(bytes.data() + at, want.dtype, i));
        all.push_back({c.op + ": " + golden["name"].get<std::string>(), std::move(c), want});
    }
    return all;
}

}  // namespace afs::test
