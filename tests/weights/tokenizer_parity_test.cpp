// Real tokenizers, line by line: ids equal those of HF tokenizers or the SentencePiece library
// (digests made by tools/goldens/tokenizers_parity.py), and decoding gives the text back. The files
// are not in the repository: tools/fetch_parity_data.sh.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

#include "afs/weights/gguf_vocabulary.hpp"
#include "support/tokenizer_plugin.hpp"

using tokenizer_test::Ids;
using tokenizer_test::TokenizerPlugin;

namespace {

const std::string kData = AFS_SOURCE_DIR "/.parity/",
                  kGolden = AFS_SOURCE_DIR "/tests/golden/parity/";
constexpr uint32_t kAdd = AFS_ENCODE_ADD_SPECIAL, kParse = AFS_ENCODE_PARSE_SPECIAL;

struct Case {
    const char* name;  // of the digests
    const char* plugin;
    const char* path;        // below .parity
    const char* lossy = "";  // bytes that the vocabulary lacks
    bool parses = true;      // the reference knows special tokens in text
    bool normalises = false;
};

std::string contents(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

uint64_t fnv(uint64_t state, uint32_t value) {
    return (state ^ value) * 0x100000001b3ull;
}

// The texts, which must be those that the digests were made of; none: not fetched.
std::vector<std::string> texts() {
    const std::string file = contents(kData + "lines.jsonl");
    std::vector<std::string> out;
    uint64_t state = 0xcbf29ce484222325ull;
    for (const char c : file) state = fnv(state, static_cast<uint8_t>(c));
    for (size_t at = 0; at < file.size();) {
        const size_t end = file.find('\n', at);
        out.push_back(nlohmann::json::parse(file.substr(at, end - at)).get<std::string>());
        at = end + 1;
    }
    if (!out.empty()) {
        std::ostringstream found;
        found << out.size() << " lines, FNV-1a " << std::hex << state << "\n";
        CHECK(found.str() == contents(kGolden + "lines.txt"));
    }
    return out;
}

std::vector<uint32_t> digests(const std::string& name) {
    const std::string bytes = contents(kGolden + name + ".fnv");
    std::vector<uint32_t> out(bytes.size() / 3);
    for (size_t i = 0; i < out.size(); ++i)
        for (size_t k = 0; k < 3; ++k)
            out[i] |= static_cast<uint32_t>(static_cast<uint8_t>(bytes[3 * i + k])) << (8 * k);
    return out;
}

uint32_t digest(const Ids& parsed, const Ids& plain) {
    uint64_t state = 0xcbf29ce484222325ull;
    for (const int32_t id : parsed) state = fnv(state, static_cast<uint32_t>(id));
    state = fnv(state, 0xffffffffu);
    for (const int32_t id : plain) state = fnv(state, static_cast<uint32_t>(id));
    return static_cast<uint32_t>((state >> 32) ^ state) & 0xffffff;
}

void load(TokenizerPlugin& plugin, const std::string& path) {
    std::shared_ptr<const afs::GgufVocabulary> vocabulary;
    if (path.find(".gguf") != std::string::npos) {
        const auto file = afs::GgufFile::open(path);
        INFO(file.status().message());
        REQUIRE(file.ok());
        auto read = afs::GgufVocabulary::read(*file);
        INFO(read.status().message());
        REQUIRE(read.ok());
        vocabulary = *read;
        REQUIRE(vocabulary);
    }
    const afs_status status = plugin.load(path, vocabulary ? &vocabulary->table() : nullptr);
    INFO(plugin.message());
    REQUIRE(status == AFS_OK);
}

void compare(const Case& c) {
    const std::string path = kData + c.path;
    const auto lines = texts();
    if (lines.empty() || !std::filesystem::exists(path)) {
        std::cout << "skipped: " << (lines.empty() ? kData + "lines.jsonl" : path)
                  << " is absent; run tools/fetch_parity_data.sh\n";
        return;
    }
    TokenizerPlugin plugin(c.plugin);
    load(plugin, path);
    const auto wanted = digests(c.name);
    REQUIRE(lines.size() >= 20000);
    REQUIRE(wanted.size() == lines.size());
    size_t wrong = 0, lost = 0;
    for (size_t i = 0; i < lines.size(); ++i) {
        const std::string& text = lines[i];
        const Ids plain = plugin.encode(text, kAdd);
        const Ids parsed = c.parses ? plugin.encode(text, kAdd | kParse) : plain;
        INFO(c.name << " line " << i + 1 << ": " << text.substr(0, 80));
        if (digest(parsed, plain) != wanted[i] && ++wrong <= 5)
            CHECK(digest(parsed, plain) == wanted[i]);
        if (c.normalises || text.find_first_of(c.lossy) != std::string::npos ||
            (std::string(c.plugin) == "sentencepiece" && text.find("\u2581") != std::string::npos))
            continue;
        for (const uint32_t flags : {0u, kParse})
            if (plugin.decode(plugin.encode(text, flags)) != text && ++lost <= 5)
                CHECK(plugin.decode(plugin.encode(text, flags)) == text);
    }
    CHECK(wrong == 0);
    CHECK(lost == 0);
    std::cout << c.name << ": " << plugin.info().summary << ": " << lines.size() << " lines\n";
}

}  // namespace

TEST_CASE("dolma2: tokenizer.json") {
    compare({"dolma2", "bpe", "dolma2"});
}
TEST_CASE("Llama-3: tiktoken's ranks") {
    compare({"llama3", "bpe", "llama3"});
}
TEST_CASE("Llama-3: GGUF, llama-bpe") {
    compare({"llama3", "bpe", "llama3.gguf"});
}
TEST_CASE("SmolLM2: GGUF, smollm") {
    compare(
        {"smollm2", "bpe", "SmolLM2-135M-Instruct.Q4_1.gguf",
         "\x04\x06\x13\x14\x16\x1d\xc0\xc1\xf1\xf2\xf5\xf6\xf7\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff"});
}
TEST_CASE("GPT-2: vocab.json and merges.txt") {
    compare({"gpt2", "bpe", "gpt2"});
}
TEST_CASE("Tekken: GGUF, tekken") {
    compare({"tekken", "bpe", "tekken.gguf"});
}
TEST_CASE("Llama-4: GGUF, llama4") {
    compare({"llama4", "bpe", "llama4.gguf"});
}
TEST_CASE("Mistral: SentencePiece BPE with byte pieces") {
    compare({"mistral", "sentencepiece", "mistral"});
}
TEST_CASE("Mistral: GGUF, llama") {
    compare({"mistral", "sentencepiece", "mistral.gguf"});
}
TEST_CASE("SentencePiece unigram with NFKC") {
    compare({"unigram", "sentencepiece", "unigram", "", false, true});
}
