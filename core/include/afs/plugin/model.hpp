// Exports a ModelArchitecture as a model plugin:
//   class Mine final : public afs::ModelArchitecture {
//     public: static afs::Result<std::unique_ptr<afs::ModelArchitecture>> create(const
//     afs::OpenArgs&);
//   ...};
//   AFS_MODEL_PLUGIN(Mine, "mine", "0.1", "Apache-2.0")
// A class that overrides chat() also offers afs.chat/1.
#pragma once
#include <type_traits>

#include "afs/chat.hpp"
#include "afs/model.hpp"
#include "afs/plugin/export.hpp"

namespace afs {
namespace plugin {

// A family and the buffers behind what its chat table hands out.
struct ModelInstance {
    std::unique_ptr<ModelArchitecture> model;
    std::vector<ChatTemplateInfo> templates;
    std::vector<std::vector<const char*>> stops;  // of each template, NULL-terminated
    std::vector<afs_chat_template> entries;
    std::vector<ChatPart> parts;
    std::vector<afs_chat_part> views;
};
inline ModelInstance& model(afs_instance* i) {
    return *reinterpret_cast<ModelInstance*>(i);
}

// Whether Class overrides chat(): then the plugin provides the table.
template <class Class>
constexpr bool writes_chats() {
    return !std::is_same<decltype(&Class::chat), ChatTemplates* (ModelArchitecture::*)()>::value;
}

template <class Class>
afs_status model_open(const afs_open_args* args, afs_instance** out, afs_error* e) noexcept {
    return guard(e, "open", [&]() -> Status {
        auto made = std::make_unique<ModelInstance>();
        AFS_ASSIGN(made->model, Class::create(OpenArgs(read<afs_open_args>(args))));
        if (ChatTemplates* chat = made->model->chat()) made->templates = chat->list();
        for (const ChatTemplateInfo& info : made->templates) {
            std::vector<const char*> stops;
            for (const std::string& stop : info.stops) stops.push_back(stop.c_str());
            stops.push_back(nullptr);
            made->stops.push_back(std::move(stops));
            afs_chat_template entry = make<afs_chat_template>();
            entry.flags = info.flags;
            entry.name = info.name.c_str();
            entry.stops = made->stops.back().data();
            made->entries.push_back(entry);
        }
        *out = reinterpret_cast<afs_instance*>(made.release());
        return {};
    });
}

inline afs_status model_score(afs_instance* i, const afs_model_source* source, int32_t* out,
                              afs_error* e) {
    return guard(e, "score", [&]() -> Status {
        *out = model(i).model->score(read<afs_model_source>(source));
        return {};
    });
}
inline afs_status model_build(afs_instance* i, const afs_model_source* source,
                              const afs_graph** out, afs_model_info* info, afs_error* e) {
    return guard(e, "build", [&]() -> Status {
        afs_model_info filled = make<afs_model_info>();
        AFS_ASSIGN(*out, model(i).model->build(read<afs_model_source>(source), filled));
        if (info) write(info, filled);
        return {};
    });
}
inline constexpr afs_model kModel = {sizeof(afs_model), 0, model_score, model_build};

inline const afs_chat_template* chat_at(afs_instance* i, uint32_t index) {
    const auto& entries = model(i).entries;
    return index < entries.size() ? &entries[index] : nullptr;
}

inline std::string_view view(const afs_text& text) {
    return {text.data, static_cast<size_t>(text.size)};
}

inline ChatInput chat_input(const afs_conversation& from) {
    ChatInput input;
    for (uint32_t m = 0; m < from.n_messages; ++m) {
        const afs_message message = read<afs_message>(from.messages[m]);
        input.messages.push_back({view(message.role), view(message.content)});
    }
    if (from.bos) input.bos = from.bos;
    if (from.eos) input.eos = from.eos;
    if (from.date) input.date = from.date;
    input.add_generation_prompt = from.add_generation_prompt != 0;
    return input;
}

inline afs_status chat_write(afs_instance* i, const char* name,
                             const afs_conversation* conversation, const afs_chat_part** parts,
                             uint64_t* n_parts, afs_error* e) {
    return guard(e, "write", [&]() -> Status {
        ModelInstance& self = model(i);
        const ChatInput input = chat_input(read<afs_conversation>(conversation));
        ChatTemplates* chat = self.model->chat();
        if (!chat) return unsupported("this family has no chat templates");
        AFS_TRY(chat->write(name, input, self.parts));
        self.views.clear();
        for (const ChatPart& part : self.parts)
            self.views.push_back({{part.text.data(), part.text.size()}, part.kind, 0});
        *parts = self.views.data();
        *n_parts = self.views.size();
        return {};
    });
}
inline constexpr afs_chat kChat = {sizeof(afs_chat), 0, chat_at, chat_write};

inline const void* model_table(const char* const* provides, const char* id) {
    if (!listed(provides, id)) return nullptr;
    return std::strcmp(id, "afs.chat/1") == 0 ? static_cast<const void*>(&kChat) : &kModel;
}

}  // namespace plugin
}  // namespace afs

#define AFS_MODEL_PLUGIN(Class, name, version, licence)                                            \
    static const char* const afs_provides[] = {                                                    \
        "afs.model/1", afs::plugin::writes_chats<Class>() ? "afs.chat/1" : nullptr, nullptr};      \
    static const void* afs_table(const char* id) {                                                 \
        return afs::plugin::model_table(afs_provides, id);                                         \
    }                                                                                              \
    AFS_DESCRIPTOR("model", name, version, licence, nullptr, nullptr,                              \
                   afs::plugin::model_open<Class>, afs_table,                                      \
                   afs::plugin::close_as<afs::plugin::ModelInstance>)
