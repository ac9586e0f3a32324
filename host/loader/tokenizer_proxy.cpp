// A loaded tokenizer plugin as an afs::Tokenizer.
#include <spdlog/spdlog.h>

#include "loader/open.hpp"
#include "loader/plugin_instance.hpp"

namespace afs {
namespace {

class TokenizerProxy final : public Tokenizer {
public:
    explicit TokenizerProxy(std::shared_ptr<PluginInstance> plugin)
        : plugin_(std::move(plugin)), table_(plugin_->table<afs_tokenizer>("afs.tokenizer/1")) {}

    int score(const afs_tokenizer_source& source) override {
        int32_t score = 0;
        const Status status = plugin_->call("score", [&](afs_error* e) {
            return table_.score(plugin_->self(), &source, &score, e);
        });
        if (!status.ok()) spdlog::warn("{}", status.message());  // whose no is no answer
        return status.ok() ? score : 0;
    }
    Status load(const afs_tokenizer_source& source, afs_tokenizer_info& info) override {
        info = make<afs_tokenizer_info>();
        AFS_TRY(plugin_->call(
            "load", [&](afs_error* e) { return table_.load(plugin_->self(), &source, &info, e); }));
        info.struct_size = sizeof info;
        info.summary[sizeof info.summary - 1] = '\0';
        return {};
    }
    Status encode(std::string_view text, uint32_t flags, std::vector<int32_t>& ids) override {
        const int32_t* data = nullptr;
        uint64_t n = 0;
        AFS_TRY(plugin_->call("encode", [&](afs_error* e) {
            const char* bytes = text.empty() ? "" : text.data();
            return table_.encode(plugin_->self(), bytes, text.size(), flags, &data, &n, e);
        }));
        ids.assign(data, data ? data + n : data);
        return {};
    }
    Status decode(const int32_t* ids, size_t n_ids, uint32_t flags, std::string& bytes) override {
        const char* data = nullptr;
        uint64_t n = 0;
        AFS_TRY(plugin_->call("decode", [&](afs_error* e) {
            return table_.decode(plugin_->self(), ids, n_ids, flags, &data, &n, e);
        }));
        bytes.assign(data ? data : "", data ? n : 0);
        return {};
    }
    Status token(int32_t id, TokenPiece& piece) override {
        const char* data = nullptr;
        uint64_t n = 0;
        AFS_TRY(plugin_->call("token", [&](afs_error* e) {
            return table_.token(plugin_->self(), id, &piece.kind, &data, &n, e);
        }));
        piece.bytes.assign(data ? data : "", data ? n : 0);
        return {};
    }

private:
    std::shared_ptr<PluginInstance> plugin_;
    afs_tokenizer table_;
};

}  // namespace

Result<std::shared_ptr<Tokenizer>> open_tokenizer(std::shared_ptr<const PluginFile> file,
                                                  const OpenRequest& request) {
    AFS_ASSIGN(auto plugin, PluginInstance::open(std::move(file), request));
    return std::shared_ptr<Tokenizer>(std::make_shared<TokenizerProxy>(std::move(plugin)));
}

}  // namespace afs
