// SmolLM2-135M-Instruct from its GGUF against two other engines (goldens made by
// tools/goldens/smollm2.py). The file is not in the repository: tools/fetch_parity_data.sh.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "afs/json.hpp"
#include "afs/tokenizer.hpp"
#include "runtime/runtime.hpp"

namespace {

const std::string kFile = AFS_SOURCE_DIR "/.parity/SmolLM2-135M-Instruct.Q4_1.gguf";
// fp32 engines differ by their order of summation; logits of this model differ by less than this.
constexpr double kNearTie = 2e-3;

bool have_file() {
    if (std::ifstream(kFile).good()) return true;
    std::printf("skipped: %s is absent; run tools/fetch_parity_data.sh\n", kFile.c_str());
    return false;
}

afs::json::Value golden() {
    std::ifstream in(AFS_SOURCE_DIR "/tests/golden/smollm2.json", std::ios::binary);
    auto parsed = afs::json::parse(std::string{std::istreambuf_iterator<char>(in), {}});
    REQUIRE(parsed.ok());
    return *parsed;
}

std::vector<int32_t> ids_of(const afs::json::Value& list) {
    std::vector<int32_t> out;
    for (const auto& id : list.items) out.push_back(static_cast<int32_t>(*id.as_int64()));
    return out;
}

std::unique_ptr<afs::Runtime> open(const std::string& dtype, const std::string& sequences) {
    afs::ConfigRequest request;
    request.file = AFS_SOURCE_DIR "/configs/default.json";
    request.overrides = {
        {"model.plugin", "auto", "test"},      {"model.path", kFile, "test"},
        {"kernels", "reference", "test"},      {"plugin_path", AFS_BUILD_DIR "/plugins", "test"},
        {"engine.max_context", "512", "test"}, {"engine.max_sequences", sequences, "test"}};
    if (!dtype.empty()) request.overrides.push_back({"model.dtype", dtype, "test"});
    auto config = afs::Config::load(request);
    INFO(config.status().message());
    REQUIRE(config.ok());
    auto runtime = afs::Runtime::open(*config);
    INFO(runtime.status().message());
    REQUIRE(runtime.ok());
    return std::move(*runtime);
}

// Greedy continuations of all prompts, run side by side; stop ids end one and are left out.
std::vector<std::vector<int32_t>> continuations(afs::Runtime& runtime,
                                                const std::vector<std::vector<int32_t>>& prompts,
                                                uint32_t n_new,
                                                const std::vector<int32_t>& stop_ids) {
    std::vector<uint64_t> requests;
    for (const auto& prompt : prompts) {
        afs::Request request;
        request.prompt = prompt;
        request.max_new_tokens = n_new;
        request.stop_ids = stop_ids;
        const auto id = runtime.engine().submit(request);
        INFO(id.status().message());
        REQUIRE(id.ok());
        requests.push_back(*id);
    }
    std::vector<std::vector<int32_t>> out(prompts.size());
    while (!runtime.engine().idle()) {
        const auto events = runtime.engine().step();
        REQUIRE(events.ok());
        for (const afs::TokenEvent& event : *events) {
            const bool stops =
                std::find(stop_ids.begin(), stop_ids.end(), event.id) != stop_ids.end();
            const auto at = std::find(requests.begin(), requests.end(), event.request);
            if (event.id >= 0 && !stops)
                out[static_cast<size_t>(at - requests.begin())].push_back(event.id);
        }
    }
    return out;
}

std::vector<int32_t> encode(afs::Runtime& runtime, const std::string& text, uint32_t flags) {
    std::vector<int32_t> ids;
    REQUIRE(runtime.tokenizer()->encode(text, flags, ids).ok());
    return ids;
}

std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

}  // namespace

TEST_CASE("SmolLM2: greedy tokens are those of transformers on the dequantised weights") {
    if (!have_file()) return;
    const afs::json::Value all = golden();
    const auto& rows = all.find("prompts")->items;
    REQUIRE(rows.size() == 20);
    auto runtime = open("fp32", "20");
    std::vector<std::vector<int32_t>> prompts;
    for (const auto& row : rows) {
        const std::string& text = row.find("prompt")->string;
        prompts.push_back(encode(*runtime, text, 0));
        INFO(text);
        CHECK(prompts.back() == ids_of(*row.find("ids")));
    }
    const auto n_new = static_cast<uint32_t>(*all.find("n_new")->as_int64());
    const auto texts = continuations(*runtime, prompts, n_new, {});
    size_t same = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
        const std::vector<int32_t> wanted = ids_of(*rows[i].find("greedy"));
        REQUIRE(wanted.size() == n_new);
        REQUIRE(texts[i].size() == n_new);
        const auto parts = std::mismatch(wanted.begin(), wanted.end(), texts[i].begin()).first;
        if (parts == wanted.end()) {
            ++same;
            continue;
        }
        const auto at = static_cast<size_t>(parts - wanted.begin());
        const double margin = *rows[i].find("margins")->items[at].as_number();
        std::printf("\"%s\" parts at token %zu, where the margin of its logit is %.4f\n",
                    rows[i].find("prompt")->string.c_str(), at, margin);
        CHECK(margin < kNearTie);
    }
    std::printf("%zu of %zu prompts: the same %u tokens\n", same, rows.size(), n_new);
    CHECK(same >= 18);
}

TEST_CASE("SmolLM2 answers at least as many questions as llama.cpp") {
    if (!have_file()) return;
    const afs::json::Value all = golden();
    const auto& rows = all.find("questions")->items;
    REQUIRE(rows.size() == 10);
    auto runtime = open("", "10");
    std::vector<std::vector<int32_t>> prompts;
    for (const auto& row : rows) prompts.push_back(ids_of(*row.find("ids")));
    const auto n_new = static_cast<uint32_t>(*all.find("n_new")->as_int64());
    const auto answers = continuations(*runtime, prompts, n_new, runtime->stop_ids());
    int64_t right = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
        std::string answer;
        REQUIRE(runtime->tokenizer()->decode(answers[i].data(), answers[i].size(), 0, answer).ok());
        bool good = false;
        for (const auto& word : rows[i].find("words")->items)
            good = good || lower(answer).find(word.string) != std::string::npos;
        right += good;
        std::printf("%s %s -> %s\n", good ? "right" : "WRONG",
                    rows[i].find("question")->string.c_str(), answer.c_str());
    }
    const int64_t peer = *all.find("right")->find("llama.cpp")->as_int64();
    std::printf("%lld right, llama.cpp %lld\n", static_cast<long long>(right),
                static_cast<long long>(peer));
    CHECK(right >= peer);
}
