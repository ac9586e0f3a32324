// Llama 3's chat templates. A turn is a header, the trimmed content and <|eot_id|>. From 3.1 on
// there is always a system turn, which begins with two dates: the day of the last training data,
// and today's, which 3.1 fixes unless it is told another and 3.2 asks the clock for.
#include "afs/plugin/chat.hpp"

#include "afs/white_space.hpp"
#include "model.hpp"

namespace llama3 {

namespace {

void open_turn(std::string_view role, afs::ChatWriter& out) {
    out.marker("<|start_header_id|>").text(role).marker("<|end_header_id|>").text("\n\n");
}

void write_turns(const afs::ChatInput& in, size_t first, afs::ChatWriter& out) {
    for (size_t i = first; i < in.messages.size(); ++i) {
        open_turn(in.messages[i].role, out);
        out.content(afs::trimmed(in.messages[i].content)).marker("<|eot_id|>");
    }
    if (in.add_generation_prompt) open_turn("assistant", out);
}

void write_3_0(const afs::ChatInput& in, afs::ChatWriter& out) {
    out.marker(in.bos);
    write_turns(in, 0, out);
}

void write_dated(const afs::ChatInput& in, const std::string& date, afs::ChatWriter& out) {
    const bool has_system = in.messages[0].role == "system";
    out.marker(in.bos);
    open_turn("system", out);
    out.text("Cutting Knowledge Date: December 2023\nToday Date: " + date + "\n\n");
    if (has_system) out.content(afs::trimmed(in.messages[0].content));
    out.marker("<|eot_id|>");
    write_turns(in, has_system ? 1 : 0, out);
}

void write_3_1(const afs::ChatInput& in, afs::ChatWriter& out) {
    write_dated(in, in.date.empty() ? "26 Jul 2024" : in.date, out);
}

void write_3_2(const afs::ChatInput& in, afs::ChatWriter& out) {
    write_dated(in, in.date, out);
}

}  // namespace

afs::ChatTemplates* chat() {
    constexpr uint32_t kBos = AFS_CHAT_OPENS_WITH_BOS | AFS_CHAT_BOS_IS_FREE;
    // 3.1 and later end a turn that calls a tool with <|eom_id|>.
    static afs::ChatTemplateSet set({
        {{"llama3", kBos, {"<|eot_id|>"}}, write_3_0},
        {{"llama3.1", kBos, {"<|eot_id|>", "<|eom_id|>"}}, write_3_1},
        {{"llama3.2", kBos | AFS_CHAT_NEEDS_DATE, {"<|eot_id|>", "<|eom_id|>"}}, write_3_2},
        afs::chatml(),
    });
    return &set;
}

}  // namespace llama3
