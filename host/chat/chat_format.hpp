// How one model's conversations become ids: its chat template, chosen by name or recognised, its
// tokenizer, and what ends an answer.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "afs/abi/tokenizer.h"
#include "afs/chat.hpp"
#include "chat/conversation.hpp"

namespace afs {

class ModelArchitecture;
class Tokenizer;

struct ChatPrompt {
    std::string text;  // exactly what the template writes
    std::vector<int32_t> ids;
    uint32_t n_bos = 0;  // BOS ids that it begins with: more than one is a mistake
};

// What a family and a checkpoint bring to it.
struct ChatSource {
    std::shared_ptr<ModelArchitecture> family;
    std::string family_name;           // its plugin's, for messages
    std::optional<std::string> jinja;  // the checkpoint's template
    std::shared_ptr<Tokenizer> tokenizer;
    afs_tokenizer_info tokenizer_info{};
};

class ChatFormat {
public:
    // name: of a template; empty: the checkpoint's own is recognised. date: for templates that
    // write one; empty: today's where one is needed.
    // NOT_FOUND: no template of this name; UNSUPPORTED: the checkpoint has none, or another than
    // the family writes. Both name --chat-template and the templates there are.
    static Result<ChatFormat> choose(ChatSource source, const std::string& name,
                                     const std::string& date);

    // The prompt for an answer to the last message. parse_special: special tokens written in
    // messages become their ids.
    Result<ChatPrompt> prompt(const Messages& messages, bool parse_special = false) const;

    const std::string& name() const { return name_; }
    bool recognised() const { return recognised_; }  // else it was named
    const std::optional<std::string>& default_system() const { return default_system_; }
    const std::string& date() const { return date_; }  // empty: the template's own, or none
    // The template's own ends of an answer, beside the model's stop ids: as ids where they are one
    // token, else as text.
    const std::vector<int32_t>& stop_ids() const { return stop_ids_; }
    const std::vector<std::string>& stop_strings() const { return stop_strings_; }

private:
    Status recognise(const std::string& names);
    Status find_stops(const std::vector<std::string>& stops);

    ChatSource source_;
    ChatTemplates* templates_ = nullptr;  // the family's own
    std::string name_, bos_, eos_, date_;
    bool recognised_ = false, opens_with_bos_ = false;
    std::optional<std::string> default_system_;
    std::vector<int32_t> stop_ids_;
    std::vector<std::string> stop_strings_;
};

// How many ids from the first on are bos; 0 where bos is -1.
uint32_t count_bos(const std::vector<int32_t>& ids, int32_t bos);

// "03 Feb 2001": the local date as Python's strftime("%d %b %Y") writes it, in English.
std::string today();

}  // namespace afs
