// Conversations in the templates of real checkpoints, to ids: those of HF tokenizers on the text
// that transformers renders (tools/goldens/chat.py). And OLMo-2-13B-instruct, whose texts are
// there and whose weights are not.
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "afs/kernels.hpp"  // read
#include "afs/weights/checkpoint.hpp"
#include "runtime/open_chat.hpp"
#include "runtime/plugin_search.hpp"
#include "support/run_program.hpp"

namespace {

namespace fs = std::filesystem;
using nlohmann::json;
const fs::path kOlmo2 = AFS_SOURCE_DIR "/../shared/data/olmo2-13b-instruct";
const fs::path kSmolLm2 = AFS_SOURCE_DIR "/.parity/SmolLM2-135M-Instruct.Q4_1.gguf";

bool have(const fs::path& path) {
    if (fs::exists(path)) return true;
    std::printf("skipped: %s is absent; run tools/fetch_parity_data.sh\n", path.c_str());
    return false;
}

struct Opened {
    afs::OpenedModel model;
    afs::OpenedTokenizer tokenizer;
};

Opened open(const fs::path& path) {
    afs::ConfigRequest request;
    request.file = AFS_SOURCE_DIR "/configs/default.json";
    request.overrides = {{"model.plugin", "auto", "test"},
                         {"model.path", path.string(), "test"},
                         {"plugin_path", AFS_BUILD_DIR "/plugins", "test"}};
    const auto config = afs::Config::load(request);
    REQUIRE(config.ok());
    const auto search = afs::plugin_search(*config);
    auto model = afs::open_model_texts(*config, search);
    INFO(model.status().message());
    REQUIRE(model.ok());
    auto tokenizer = afs::open_configured_tokenizer(*config, search, &*model->checkpoint);
    INFO(tokenizer.status().message());
    REQUIRE(tokenizer.ok());
    return {std::move(*model), std::move(*tokenizer)};
}

afs::ChatFormat chat_format(const Opened& opened) {
    const auto config = afs::Config::load({});
    REQUIRE(config.ok());
    auto format = afs::open_chat_format(*config, opened.model, opened.tokenizer);
    INFO(format.status().message());
    REQUIRE(format.ok());
    return std::move(*format);
}

// Every conversation of the golden file: text, ids, and ids with special tokens parsed everywhere.
void check_ids(const afs::ChatFormat& format, const std::string& golden_file) {
    std::ifstream in(AFS_SOURCE_DIR "/tests/golden/chat/" + golden_file);
    const json golden = json::parse(in);
    REQUIRE(golden["cases"].size() >= 20);
    size_t n_parsed_otherwise = 0;
    for (const json& c : golden["cases"]) {
        afs::Messages messages;
        for (const json& m : c["messages"]) messages.push_back({m["role"], m["content"]});
        CAPTURE(c["text"].get<std::string>());
        const auto prompt = format.prompt(messages), parsed = format.prompt(messages, true);
        REQUIRE(prompt.ok());
        REQUIRE(parsed.ok());
        CHECK(prompt->text == c["text"].get<std::string>());
        CHECK(prompt->n_bos == 1);
        CHECK(prompt->ids == c["ids"].get<std::vector<int32_t>>());
        CHECK(parsed->ids == c.value("parsed", c["ids"]).get<std::vector<int32_t>>());
        n_parsed_otherwise += c.contains("parsed");
    }
    CHECK(n_parsed_otherwise > 0);
}

}  // namespace

TEST_CASE("OLMo-2-13B-instruct: its template is recognised, its prompts become HF's ids") {
    if (!have(kOlmo2)) return;
    const Opened opened = open(kOlmo2);
    const afs::ChatFormat format = chat_format(opened);
    CHECK(format.name() == "olmo2");
    CHECK(format.recognised());
    CHECK_FALSE(format.default_system().has_value());
    check_ids(format, "olmo2_ids.json");
    const auto prompt = format.prompt({{"user", "Hello"}});
    REQUIRE(prompt.ok());
    CHECK(prompt->ids ==
          std::vector<int32_t>{100257, 27, 91, 882, 91, 397, 9906, 198, 27, 91, 78191, 91, 397});
}

TEST_CASE("OLMo-2-13B-instruct: its config gives the 13B graph, its index every tensor of it") {
    if (!have(kOlmo2)) return;
    const Opened opened = open(kOlmo2);
    CHECK(std::string(opened.model.info.summary) ==
          "olmo2, 40 layers, hidden 5120, 40 heads (40 kv) x 128, ffn 13824");
    CHECK(opened.model.info.context_length == 4096);
    CHECK(opened.model.info.checkpoint_dtype == AFS_BF16);
    REQUIRE(opened.model.info.n_stop_ids == 1);
    CHECK(opened.model.info.stop_ids[0] == 100257);
    std::ifstream in(kOlmo2 / "model.safetensors.index.json");
    const json index = json::parse(in);
    std::set<std::string> named, needed;
    for (const auto& [tensor, shard] : index["weight_map"].items()) named.insert(tensor);
    const afs_graph& graph = *opened.model.graph;
    uint64_t n_elements = 0;
    for (uint32_t i = 0; i < graph.n_weights; ++i) {
        const auto weight = afs::read<afs_weight>(graph.weights[i]);
        needed.insert(weight.names);
        const auto value = afs::read<afs_value>(graph.values[weight.value]);
        n_elements += std::accumulate(
            value.dims, value.dims + value.rank, uint64_t{1},
            [](uint64_t product, int64_t d) { return product * static_cast<uint64_t>(d); });
    }
    CHECK(named == needed);
    CHECK(needed.size() == 40 * 11 + 3);
    CHECK(index["metadata"]["total_size"] == n_elements * 2);  // bf16
}

TEST_CASE("OLMo-2-13B-instruct: a run says that the shards are absent") {
    if (!have(kOlmo2)) return;
    for (const char* verb : {"chat", "generate"}) {
        const auto result = ProgramRun{
            AFS_BUILD_DIR "/bin/afs-host",
            {verb, "--model", kOlmo2.string(), "-p",
             "x"}}.run();
        CHECK(result.exit_code == 3);
        CHECK_THAT(result.err, Catch::Matchers::Contains("6 of 6 shards are absent: "
                                                         "model-00001-of-00006.safetensors"));
    }
}

TEST_CASE("SmolLM2 from GGUF: its template is recognised, its prompts become HF's ids") {
    if (!have(kSmolLm2)) return;
    const Opened opened = open(kSmolLm2);
    const afs::ChatFormat format = chat_format(opened);
    CHECK(format.name() == "chatml");
    CHECK(format.default_system() ==
          "You are a helpful AI assistant named SmolLM, trained by Hugging Face");
    CHECK(format.stop_ids() == std::vector<int32_t>{2});
    check_ids(format, "smollm2_ids.json");
}
