// One case of every kernel for compute-sanitizer, under which a case takes a hundred times as long.
// tools/device/checks.sh runs [.cover] first: it writes the numbers of the cases that ran a kernel
// which no case before them ran to the file AFS_CASES; then [.sanitize], which runs those alone.
#include <cstdlib>
#include <fstream>
#include <set>

#include "conformance/judge/judgement.hpp"
#include "fixture.hpp"
#include "host/engine/model_fixture.hpp"
#include "support/op_suite.hpp"

using namespace afs::test;

namespace {

const std::vector<int32_t> kFloats = {AFS_F32, AFS_BF16, AFS_F16};

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

// One layer, wide in the dimension that chooses kernels, narrow in all others.
std::string shape(const std::string& family, int hidden, int heads, int kv_heads, int head_dim) {
    const auto n = [](int value) { return std::to_string(value); };
    const std::string common =
        R"({"hidden_size":)" + n(hidden) + R"(,"intermediate_size":128,"num_hidden_layers":1,)" +
        R"("num_attention_heads":)" + n(heads) + R"(,"num_key_value_heads":)" + n(kv_heads) +
        R"(,"head_dim":)" + n(head_dim) +
        R"(,"vocab_size":200,"max_position_embeddings":512,)"
        R"("rope_theta":10000.0,"hidden_act":"silu","attention_bias":false,)"
        R"("rms_norm_eps":1e-05,"tie_word_embeddings":false,)";
    return common + (family == "olmo2"
                         ? R"("model_type":"olmo2","architectures":["Olmo2ForCausalLM"],)"
                           R"("eos_token_id":1})"
                         : R"("model_type":"llama","architectures":["LlamaForCausalLM"],)"
                           R"("bos_token_id":0,"eos_token_id":1,"mlp_bias":false})");
}

struct EngineCase {
    std::string family;
    int hidden, heads, kv_heads, head_dim;
    uint32_t n_seqs;  // powers of two: nothing is padded, so nothing that was not written is read
    bool deterministic = false;
};

std::vector<EngineCase> engine_cases() {
    std::vector<EngineCase> all;
    for (const uint32_t n_seqs : {1u, 2u, 8u, 16u, 32u, 64u})
        for (const EngineCase& each : {EngineCase{"llama3", 256, 4, 2, 64, 0},
                                       {"llama3", 256, 8, 1, 128, 0},
                                       {"olmo2", 256, 4, 4, 64, 0},
                                       {"llama3", 256, 8, 4, 64, 0},
                                       {"llama3", 256, 8, 8, 64, 0},
                                       {"llama3", 256, 4, 4, 128, 0},
                                       {"llama3", 256, 8, 8, 128, 0},
                                       {"llama3", 5120, 2, 1, 64, 0},
                                       {"olmo2", 2304, 18, 18, 128, 0},
                                       {"olmo2", 1280, 20, 20, 64, 0},
                                       {"llama3", 8192, 2, 1, 128, 0},
                                       {"llama3", 256, 16, 16, 64, 0},
                                       {"llama3", 5120, 16, 16, 64, 0},
                                       {"llama3", 5120, 8, 8, 128, 0},
                                       {"llama3", 48, 4, 2, 12, 0}}) {
            all.push_back(each);
            all.back().n_seqs = n_seqs;
        }
    for (const int head_dim : {64, 128}) all.push_back({"llama3", 256, 4, 2, head_dim, 2, true});
    return all;
}

// Prompts of eight tokens, then tokens of decode steps: eager, captured, replayed.
std::string run_engine(const EngineCase& c, int32_t dtype) {
    afs_test::Setup setup;
    setup.family = c.family;
    setup.dtype = dtype;
    setup.kernels = {"cuda"};
    setup.config = shape(c.family, c.hidden, c.heads, c.kv_heads, c.head_dim);
    setup.deterministic = c.deterministic;
    setup.limits = {8 * c.n_seqs, c.n_seqs, c.n_seqs, 64, 0};
    const afs_test::Model model = afs_test::make_model(setup);
    const auto engine = afs_test::make_engine(model);
    for (uint32_t s = 0; s < c.n_seqs; ++s) {
        afs::Request request;
        request.prompt = afs_test::some_ids(8, s, 200);
        request.max_new_tokens = 4;
        if (s % 2) request.sampling.temperature = 1.0f, request.sampling.top_p = 0.9f;
        afs_test::must(engine->submit(request));
    }
    for (const auto& [id, run] : afs_test::run_all(*engine))
        if (run.ids.size() != 4) return "a sequence ended early";
    return engine->stats().capture_failures ? engine->stats().capture_note : "";
}

// Calls visit with number, name and a function that runs the case and, if asked to, says what is
// wrong with it.
template <class Visit>
void all_cases(const Visit& visit) {
    size_t number = 0;
    for (const char* op : {"embed/1", "rms_norm/1", "linear/1", "rope/1", "kv_append/1",
                           "attention/1", "swiglu/1", "add/1", "select_rows/1", "sample/1"})
        each_case(op, kFloats, kFloats,
                  [&](const std::string& name, const afs::conformance::OpCase& c) {
                      visit(number++, c.op + " " + name, [&c](bool judge) {
                          const auto outcome =
                              afs::conformance::run(*gpu()->backend, c, &gpu()->device());
                          return judge ? afs::conformance::fault_of(c, outcome)
                                       : outcome.status.message();
                      });
                  });
    for (const int32_t dtype : {AFS_BF16, AFS_F16, AFS_F32})
        for (const EngineCase& c : engine_cases()) {
            if (c.family == "olmo2" && dtype == AFS_F16) continue;  // the family refuses it
            visit(number++,
                  c.family + " " + afs::dtype_name(dtype) + " of " + std::to_string(c.hidden) +
                      " x " + std::to_string(c.n_seqs),
                  [&](bool) { return run_engine(c, dtype); });
        }
    visit(number++, "read ceiling", [](bool) {
        return gpu()->device().read_ceiling().ok() ? std::string() : "it was not measured";
    });
}

size_t lines_of(const std::string& path) {
    std::ifstream file(path);
    size_t n = 0;
    for (std::string line; std::getline(file, line);) ++n;
    return n;
}

}  // namespace

TEST_CASE("cover: which cases run a kernel for the first time", "[.cover]") {
    if (!gpu()) return;
    const std::string list = environment("AFS_CUDA_KERNEL_LIST"), path = environment("AFS_CASES");
    REQUIRE_FALSE(list.empty());
    REQUIRE_FALSE(path.empty());
    std::ofstream cases(path);
    size_t n_kernels = 0, n_cases = 0;
    all_cases([&](size_t number, const std::string& name, const auto& run_case) {
        const std::string fault = run_case(false);
        const size_t now = lines_of(list);
        if (now == n_kernels) return;
        INFO(name);
        CHECK(fault == "");
        n_kernels = now;
        ++n_cases;
        cases << number << '\n';
    });
    std::printf("%zu kernels in %zu cases\n", n_kernels, n_cases);
    CHECK(n_kernels > 0);
}

TEST_CASE("cover: one case of every kernel", "[.sanitize]") {
    if (!gpu()) return;
    std::set<size_t> wanted;
    std::ifstream file(environment("AFS_CASES"));
    for (size_t number; file >> number;) wanted.insert(number);
    REQUIRE_FALSE(wanted.empty());
    size_t n_run = 0;
    all_cases([&](size_t number, const std::string& name, const auto& run_case) {
        if (!wanted.count(number)) return;
        INFO(name);
        CHECK(run_case(true) == "");
        ++n_run;
    });
    CHECK(n_run == wanted.size());
}
