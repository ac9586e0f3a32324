// A loaded model plugin as an afs::ModelArchitecture.
#include <spdlog/spdlog.h>

#include "afs/chat.hpp"
#include "loader/open.hpp"
#include "loader/plugin_instance.hpp"

namespace afs {
namespace {

constexpr uint32_t kMostTemplates = 1024;  // a plugin whose list never ends is cut here

afs_text text_of(std::string_view text) {
    return {text.data(), text.size()};
}

class ChatProxy final : public ChatTemplates {
public:
    explicit ChatProxy(std::shared_ptr<PluginInstance> plugin)
        : plugin_(std::move(plugin)), table_(plugin_->table<afs_chat>("afs.chat/1")) {}

    std::vector<ChatTemplateInfo> list() override {
        std::vector<ChatTemplateInfo> infos;
        plugin_->quietly("at", [&] {
            for (uint32_t i = 0; i < kMostTemplates; ++i) {
                const afs_chat_template* found = table_.at(plugin_->self(), i);
                if (!found) break;
                const auto entry = read<afs_chat_template>(found);
                if (!entry.name) continue;
                ChatTemplateInfo info{entry.name, entry.flags, {}};
                for (const char* const* stop = entry.stops; stop && *stop; ++stop)
                    info.stops.emplace_back(*stop);
                infos.push_back(std::move(info));
            }
        });
        return infos;
    }

    Status write(const std::string& name, const ChatInput& input,
                 std::vector<ChatPart>& parts) override {
        std::vector<afs_message> messages;
        std::vector<const afs_message*> pointers;
        for (const ChatMessage& message : input.messages)
            messages.push_back(
                {sizeof(afs_message), 0, text_of(message.role), text_of(message.content)});
        pointers.reserve(messages.size());
        for (const afs_message& message : messages) pointers.push_back(&message);
        afs_conversation conversation = make<afs_conversation>();
        conversation.n_messages = static_cast<uint32_t>(messages.size());
        conversation.messages = pointers.data();
        conversation.bos = input.bos.empty() ? nullptr : input.bos.c_str();
        conversation.eos = input.eos.empty() ? nullptr : input.eos.c_str();
        conversation.date = input.date.empty() ? nullptr : input.date.c_str();
        conversation.add_generation_prompt = input.add_generation_prompt ? 1 : 0;
        const afs_chat_part* views = nullptr;
        uint64_t n = 0;
        AFS_TRY(plugin_->call("write", [&](afs_error* e) {
            return table_.write(plugin_->self(), name.c_str(), &conversation, &views, &n, e);
        }));
        parts.clear();
        for (uint64_t i = 0; views && i < n; ++i)
            parts.push_back({views[i].kind, std::string(views[i].text.data, views[i].text.size)});
        return {};
    }

private:
    std::shared_ptr<PluginInstance> plugin_;
    afs_chat table_;
};

class ModelProxy final : public ModelArchitecture {
public:
    explicit ModelProxy(std::shared_ptr<PluginInstance> plugin)
        : plugin_(std::move(plugin)), table_(plugin_->table<afs_model>("afs.model/1")) {
        if (plugin_->file().lists("afs.chat/1")) chat_ = std::make_unique<ChatProxy>(plugin_);
    }

    int score(const afs_model_source& source) override {
        int32_t score = 0;
        const Status status = plugin_->call("score", [&](afs_error* e) {
            return table_.score(plugin_->self(), &source, &score, e);
        });
        if (!status.ok()) spdlog::warn("{}", status.message());  // whose no is no answer
        return status.ok() ? score : 0;
    }
    Result<const afs_graph*> build(const afs_model_source& source, afs_model_info& info) override {
        const afs_graph* graph = nullptr;
        info = make<afs_model_info>();
        AFS_TRY(plugin_->call("build", [&](afs_error* e) {
            return table_.build(plugin_->self(), &source, &graph, &info, e);
        }));
        if (!graph) return Status(Code::internal, "build said yes but gave no graph");
        info.struct_size = sizeof info;
        info.summary[sizeof info.summary - 1] = '\0';
        return graph;
    }
    ChatTemplates* chat() override { return chat_.get(); }

private:
    std::shared_ptr<PluginInstance> plugin_;
    afs_model table_;
    std::unique_ptr<ChatProxy> chat_;
};

}  // namespace

Result<std::shared_ptr<ModelArchitecture>> open_model(std::shared_ptr<const PluginFile> file,
                                                      const OpenRequest& request) {
    AFS_ASSIGN(auto plugin, PluginInstance::open(std::move(file), request));
    return std::shared_ptr<ModelArchitecture>(std::make_shared<ModelProxy>(std::move(plugin)));
}

}  // namespace afs
