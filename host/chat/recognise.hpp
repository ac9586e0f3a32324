// Which of a family's chat templates a checkpoint's own is: the one that writes the same text for
// every probe. Texts are compared, not template sources, so a template may be worded in any way.
#pragma once
#include <optional>
#include <string>

#include "afs/chat.hpp"

namespace afs {

struct RecognisedTemplate {
    std::string name;
    bool opens_with_bos = false;
    // What the checkpoint says where a conversation begins without a system message.
    std::optional<std::string> default_system;
};

// jinja: the checkpoint's template. bos, eos: the texts of the tokenizer's tokens, empty: none.
// UNSUPPORTED says which template came nearest and where it parts, or what could not be evaluated.
Result<RecognisedTemplate> recognise_template(ChatTemplates& known, const std::string& jinja,
                                              const std::string& bos, const std::string& eos);

}  // namespace afs
