// The peer's side of tools/peers/cpu.sh, on llama.cpp's library alone:
//   peer bench FILE THREADS PROMPTS GENERATE    tokens a second as JSON, as llama-bench takes them:
//                                               flash attention on, one warm-up, one repetition;
//                                               with PEER_PLAIN set weights are not repacked
//   peer info                                   the instructions that it was built for and finds
//   peer quantize FILE OUT TYPE                 BF16, Q8_0, Q4_0, Q4_1 or Q4_K, every matrix
#include <llama.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

namespace {

double seconds() {
    using Clock = std::chrono::steady_clock;
    return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "peer: %s\n", what.c_str());
    std::exit(1);
}

void decode(llama_context* context, std::vector<llama_token>& tokens) {
    const llama_batch batch =
        llama_batch_get_one(tokens.data(), static_cast<int32_t>(tokens.size()));
    if (llama_decode(context, batch) != 0) fail("llama_decode failed");
}

// From an empty cache: a prompt of n tokens, or n tokens one by one.
double rate(llama_context* context, int n, bool prompt, int n_vocab) {
    llama_memory_clear(llama_get_memory(context), true);
    std::vector<llama_token> tokens(static_cast<size_t>(prompt ? n : 1));
    for (llama_token& token : tokens) token = std::rand() % n_vocab;
    const double start = seconds();
    for (int i = 0; i < (prompt ? 1 : n); ++i) {
        decode(context, tokens);
        llama_synchronize(context);
        tokens[0] = std::rand() % n_vocab;
    }
    return n / (seconds() - start);
}

int bench(const char* file, int threads, const std::string& prompts, int generate) {
    llama_model_params how = llama_model_default_params();
    how.use_extra_bufts = !std::getenv("PEER_PLAIN");  // its own packing, AMX's among them
    llama_model* model = llama_model_load_from_file(file, how);
    if (!model) fail(std::string("cannot load ") + file);
    std::vector<int> lengths;
    std::istringstream list(prompts);
    for (std::string one; std::getline(list, one, ',');) lengths.push_back(std::atoi(one.c_str()));
    int longest = generate;
    for (const int n : lengths) longest = n > longest ? n : longest;
    llama_context_params params = llama_context_default_params();
    params.n_ctx = static_cast<uint32_t>(longest);
    params.n_batch = static_cast<uint32_t>(longest);
    params.n_threads = params.n_threads_batch = threads;
    params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_ENABLED;
    llama_context* context = llama_init_from_model(model, params);
    if (!context) fail("cannot make a context");
    const int n_vocab = llama_vocab_n_tokens(llama_model_get_vocab(model));
    const char* comma = "[";
    const auto row = [&](int n, bool prompt) {
        rate(context, prompt ? n : 1, prompt, n_vocab);
        std::printf("%s{\"test\": \"%s%d\", \"avg_ts\": %.3f}", comma, prompt ? "pp" : "tg", n,
                    rate(context, n, prompt, n_vocab));
        comma = ", ";
    };
    for (const int n : lengths) row(n, true);
    row(generate, false);
    std::printf("]\n");
    llama_free(context);
    llama_model_free(model);
    return 0;
}

int quantize(const char* file, const char* out, const std::string& type) {
    llama_model_quantize_params params = llama_model_quantize_default_params();
    params.allow_requantize = params.pure = true;
    if (type == "BF16")
        params.ftype = LLAMA_FTYPE_MOSTLY_BF16;
    else if (type == "Q8_0")
        params.ftype = LLAMA_FTYPE_MOSTLY_Q8_0;
    else if (type == "Q4_0")
        params.ftype = LLAMA_FTYPE_MOSTLY_Q4_0;
    else if (type == "Q4_1")
        params.ftype = LLAMA_FTYPE_MOSTLY_Q4_1;
    else if (type == "Q4_K")
        params.ftype = LLAMA_FTYPE_MOSTLY_Q4_K_S;
    else
        fail("unknown type " + type);
    return llama_model_quantize(file, out, &params) == 0 ? 0 : 1;
}

}  // namespace

int main(int n, char** args) {
    llama_log_set(
        [](ggml_log_level level, const char* text, void*) {
            if (level >= GGML_LOG_LEVEL_ERROR) std::fputs(text, stderr);
        },
        nullptr);
    llama_backend_init();
    if (n == 2 && std::strcmp(args[1], "info") == 0)
        return std::puts(llama_print_system_info()) < 0;
    if (n == 6 && std::strcmp(args[1], "bench") == 0)
        return bench(args[2], std::atoi(args[3]), args[4], std::atoi(args[5]));
    if (n == 5 && std::strcmp(args[1], "quantize") == 0) return quantize(args[2], args[3], args[4]);
    fail("expected info, bench FILE THREADS PROMPTS GENERATE or quantize FILE OUT TYPE");
}
