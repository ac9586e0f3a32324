#include "support.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace tokenizer_test {

Plugin::Plugin() {
    library_ = dlopen(AFS_BUILD_DIR "/plugins/afs-tokenizer-bpe.so", RTLD_NOW | RTLD_LOCAL);
    INFO((library_ ? "" : dlerror()));
    REQUIRE(library_);
    plugin_ = static_cast<const afs_plugin*>(dlsym(library_, "afs_plugin_v0"));
    REQUIRE(plugin_);
    table_ = static_cast<const afs_tokenizer*>(plugin_->table("afs.tokenizer/1"));
    REQUIRE(table_);
    error_.struct_size = sizeof error_;
    afs_open_args args{};
    args.struct_size = sizeof args;
    args.world = 1;
    REQUIRE(plugin_->open(&args, &instance_, &error_) == AFS_OK);
}

Plugin::~Plugin() {
    if (instance_) plugin_->close(instance_);
    if (library_) dlclose(library_);
}

int32_t Plugin::score(const std::string& path) {
    const afs_tokenizer_source source{sizeof source, 0, path.c_str()};
    int32_t score = -1;
    REQUIRE(table_->score(instance_, &source, &score, &error_) == AFS_OK);
    return score;
}

afs_status Plugin::load(const std::string& path) {
    const afs_tokenizer_source source{sizeof source, 0, path.c_str()};
    info_ = {};
    info_.struct_size = sizeof info_;
    return table_->load(instance_, &source, &info_, &error_);
}

afs_status Plugin::try_encode(const std::string& text, uint32_t flags, Ids& ids) {
    const int32_t* first = nullptr;
    uint64_t n = 0;
    const afs_status status =
        table_->encode(instance_, text.data(), text.size(), flags, &first, &n, &error_);
    if (status == AFS_OK) ids.assign(first, first + n);
    return status;
}

afs_status Plugin::try_decode(const Ids& ids, uint32_t flags, std::string& bytes) {
    const char* first = nullptr;
    uint64_t n = 0;
    const afs_status status =
        table_->decode(instance_, ids.data(), ids.size(), flags, &first, &n, &error_);
    if (status == AFS_OK) bytes.assign(first, n);
    return status;
}

afs_status Plugin::try_token(int32_t id, int32_t& kind, std::string& bytes) {
    const char* first = nullptr;
    uint64_t n = 0;
    const afs_status status = table_->token(instance_, id, &kind, &first, &n, &error_);
    if (status == AFS_OK) bytes.assign(first, n);
    return status;
}

Ids Plugin::encode(const std::string& text, uint32_t flags) {
    Ids ids;
    const afs_status status = try_encode(text, flags, ids);
    INFO(message());
    REQUIRE(status == AFS_OK);
    return ids;
}

std::string Plugin::decode(const Ids& ids, uint32_t flags) {
    std::string bytes;
    const afs_status status = try_decode(ids, flags, bytes);
    INFO(message());
    REQUIRE(status == AFS_OK);
    return bytes;
}

TempFolder::TempFolder() {
    path_ = (std::filesystem::temp_directory_path() / "afs-tokenizer-XXXXXX").string();
    REQUIRE(mkdtemp(path_.data()));
}

TempFolder::~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string TempFolder::write(const std::string& name, const std::string& text) const {
    const std::string path = path_ + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
}

std::string letter_of(int byte) {
    int c = byte, next = 0x100;
    const auto printable = [](int b) {
        return (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
    };
    for (int b = 0; b <= byte; ++b)
        if (!printable(b)) c = b == byte ? next : c, ++next;
    if (c < 0x80) return std::string(1, static_cast<char>(c));
    return {static_cast<char>(0xc0 | (c >> 6)), static_cast<char>(0x80 | (c & 0x3f))};
}

nlohmann::json small_tokenizer() {
    nlohmann::json vocab = nlohmann::json::object(), merges = nlohmann::json::array();
    for (int byte = 0; byte < 256; ++byte) vocab[letter_of(byte)] = byte;
    const std::vector<std::pair<std::string, std::string>> pairs = {
        {"h", "e"}, {"l", "l"}, {"he", "ll"}, {"hell", "o"}, {"\u0120", "w"}};
    for (const auto& [left, right] : pairs) {
        merges.push_back(left + " " + right);
        vocab[left + right] = 255 + merges.size();
    }
    const auto added = [](int id, const char* content, bool special) {
        return nlohmann::json{{"id", id},          {"content", content}, {"single_word", false},
                              {"lstrip", false},   {"rstrip", false},    {"normalized", false},
                              {"special", special}};
    };
    return {{"version", "1.0"},
            {"truncation", nullptr},
            {"padding", nullptr},
            {"added_tokens",
             {added(261, "<s>", true), added(262, "</s>", true), added(263, "<x>", false)}},
            {"normalizer", nullptr},
            {"pre_tokenizer",
             {{"type", "ByteLevel"},
              {"add_prefix_space", false},
              {"trim_offsets", true},
              {"use_regex", true}}},
            {"post_processor", nullptr},
            {"decoder", {{"type", "ByteLevel"}}},
            {"model",
             {{"type", "BPE"},
              {"dropout", nullptr},
              {"unk_token", nullptr},
              {"continuing_subword_prefix", ""},
              {"end_of_word_suffix", nullptr},
              {"fuse_unk", false},
              {"byte_fallback", false},
              {"ignore_merges", false},
              {"vocab", vocab},
              {"merges", merges}}}};
}

std::string golden_path(const std::string& name) {
    return std::string(AFS_SOURCE_DIR "/tests/golden/tokenizer/") + name;
}

std::string golden(const std::string& name) {
    std::ifstream file(golden_path(name), std::ios::binary);
    REQUIRE(file.good());
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace tokenizer_test
