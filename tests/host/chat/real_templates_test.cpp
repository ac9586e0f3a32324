// The chat templates of a hundred real checkpoints: those that a family writes are recognised, all
// others are refused. The texts are not in the repository: tools/fetch_parity_data.sh chat.
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "chat/recognise.hpp"
#include "family.hpp"

namespace {

namespace fs = std::filesystem;

struct Expected {
    std::string family, name, default_system;
};

// "": either family, both write ChatML.
const std::map<std::string, Expected> kKnown = {
    {"olmo2-13b-instruct", {"olmo2", "olmo2", ""}},
    {"test Llama-3", {"llama3", "llama3", ""}},
    {"meta-llama-Llama-3.1-8B-Instruct", {"llama3", "llama3.1", ""}},
    {"meta-llama-Llama-3.3-70B-Instruct", {"llama3", "llama3.1", ""}},
    {"meta-llama-Llama-3.2-3B-Instruct", {"llama3", "llama3.2", ""}},
    {"SmolLM2-135M-Instruct.Q4_1",
     {"", "chatml", "You are a helpful AI assistant named SmolLM, trained by Hugging Face"}},
    {"test teknium OpenHermes-2.5-Mistral-7B", {"", "chatml", ""}},
    {"Qwen3-Coder", {"", "chatml", ""}},  // without tools it is plain ChatML
    {"Qwen-Qwen2.5-7B-Instruct",
     {"", "chatml", "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."}},
    {"MiMo-VL", {"", "chatml", "You are MiMo, an AI assistant developed by Xiaomi."}},
};

std::string text_of(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

}  // namespace

TEST_CASE("real templates: the known are recognised, the foreign refused") {
    const fs::path folder = AFS_SOURCE_DIR "/.parity/chat-templates";
    if (!fs::is_directory(folder)) {
        std::printf("skipped: %s is absent; run tools/fetch_parity_data.sh chat\n", folder.c_str());
        return;
    }
    size_t n_recognised = 0, n_refused = 0;
    for (const std::string family : {"olmo2", "llama3"}) {
        const auto model = afs::test::open_family(family);
        const std::string bos = family == "olmo2" ? "<|endoftext|>" : "<|begin_of_text|>";
        const std::string eos = family == "olmo2" ? "<|endoftext|>" : "<|eot_id|>";
        for (const auto& entry : fs::directory_iterator(folder)) {
            const std::string name = entry.path().stem().string();
            CAPTURE(family, name);
            const auto found =
                afs::recognise_template(*model->chat(), text_of(entry.path()), bos, eos);
            const auto known = kKnown.find(name);
            if (known == kKnown.end() ||
                (!known->second.family.empty() && known->second.family != family)) {
                CHECK_FALSE(found.ok());
                ++n_refused;
                continue;
            }
            INFO(found.status().message());
            REQUIRE(found.ok());
            CHECK(found->name == known->second.name);
            CHECK(found->default_system.value_or("") == known->second.default_system);
            ++n_recognised;
        }
    }
    // The olmo2 folder lies beside some checkouts only.
    CHECK(n_recognised == (fs::exists(folder / "olmo2-13b-instruct.jinja") ? 15 : 14));
    CHECK(n_refused > 150);
}
