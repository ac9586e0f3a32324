#include "support/tokenizer_plugin.hpp"

#include <dlfcn.h>

#include <catch2/catch.hpp>

namespace tokenizer_test {

TokenizerPlugin::TokenizerPlugin(const std::string& name) {
    const std::string file = AFS_BUILD_DIR "/plugins/afs-tokenizer-" + name + ".so";
    library_ = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
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

TokenizerPlugin::~TokenizerPlugin() {
    if (instance_) plugin_->close(instance_);
    if (library_) dlclose(library_);
}

int32_t TokenizerPlugin::score(const std::string& path, const afs_vocabulary* vocabulary) {
    const afs_tokenizer_source source{sizeof source, 0, path.c_str(), vocabulary};
    int32_t score = -1;
    REQUIRE(table_->score(instance_, &source, &score, &error_) == AFS_OK);
    return score;
}

afs_status TokenizerPlugin::load(const std::string& path, const afs_vocabulary* vocabulary) {
    const afs_tokenizer_source source{sizeof source, 0, path.c_str(), vocabulary};
    info_ = {};
    info_.struct_size = sizeof info_;
    return table_->load(instance_, &source, &info_, &error_);
}

afs_status TokenizerPlugin::try_encode(const std::string& text, uint32_t flags, Ids& ids) {
    const int32_t* first = nullptr;
    uint64_t n = 0;
    const afs_status status =
        table_->encode(instance_, text.data(), text.size(), flags, &first, &n, &error_);
    if (status == AFS_OK) ids.assign(first, first + n);
    return status;
}

afs_status TokenizerPlugin::try_decode(const Ids& ids, uint32_t flags, std::string& bytes) {
    const char* first = nullptr;
    uint64_t n = 0;
    const afs_status status =
        table_->decode(instance_, ids.data(), ids.size(), flags, &first, &n, &error_);
    if (status == AFS_OK) bytes.assign(first, n);
    return status;
}

afs_status TokenizerPlugin::try_token(int32_t id, int32_t& kind, std::string& bytes) {
    const char* first = nullptr;
    uint64_t n = 0;
    const afs_status status = table_->token(instance_, id, &kind, &first, &n, &error_);
    if (status == AFS_OK) bytes.assign(first, n);
    return status;
}

Ids TokenizerPlugin::encode(const std::string& text, uint32_t flags) {
    Ids ids;
    const afs_status status = try_encode(text, flags, ids);
    INFO(message());
    REQUIRE(status == AFS_OK);
    return ids;
}

std::string TokenizerPlugin::decode(const Ids& ids, uint32_t flags) {
    std::string bytes;
    const afs_status status = try_decode(ids, flags, bytes);
    INFO(message());
    REQUIRE(status == AFS_OK);
    return bytes;
}

}  // namespace tokenizer_test
