// OLMo-2's chat template, in the style of Tülu: the role marks are ordinary text, not special
// tokens, contents are not trimmed, and an answer ends with EOS, with a line end behind it unless
// it is the last message.
#include "afs/plugin/chat.hpp"

#include "model.hpp"

namespace olmo2 {

namespace {

void write_olmo2(const afs::ChatInput& in, afs::ChatWriter& out) {
    out.marker(in.bos);
    for (size_t i = 0; i < in.messages.size(); ++i) {
        const afs::ChatMessage& message = in.messages[i];
        out.text("<|").text(message.role).text("|>\n").content(message.content);
        const bool answer = message.role == "assistant", last = i + 1 == in.messages.size();
        if (answer) out.marker(in.eos);
        if (!answer || !last) out.text("\n");
    }
    if (in.add_generation_prompt) out.text("<|assistant|>\n");
}

}  // namespace

afs::ChatTemplates* chat() {
    static afs::ChatTemplateSet set({
        {{"olmo2", AFS_CHAT_OPENS_WITH_BOS, {}}, write_olmo2},
        afs::chatml(),
    });
    return &set;
}

}  // namespace olmo2
