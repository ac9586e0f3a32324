#include "chat/probes.hpp"

namespace afs {
namespace {

Message system(std::string text) {
    return {"system", std::move(text)};
}
Message user(std::string text) {
    return {"user", std::move(text)};
}
Message answer(std::string text) {
    return {"assistant", std::move(text)};
}

Messages long_conversation() {
    Messages messages = {system("Be brief.")};
    for (int i = 0; i < 12; ++i) {
        messages.push_back(user("Question " + std::to_string(i)));
        messages.push_back(answer("Answer " + std::to_string(i)));
    }
    messages.push_back(user("And now?"));
    return messages;
}

}  // namespace

const std::vector<Messages>& template_probes() {
    static const std::vector<Messages> probes = {
        {user("Hello")},
        {system("Be brief."), user("Hello")},
        {system(""), user("Hello")},
        {system("Be brief.")},
        {user("One"), answer("Two"), user("Three")},
        {system("Be brief."), user("One"), answer("Two"), user("Three"), answer("Four"),
         user("Five")},
        {user("One"), answer("Two")},  // the last word is the model's
        {system("Be brief."), user("One"), answer("Two")},
        // white space at the ends: trimmed or not
        {system(" \n S\t"), user("\n\n U \n"), answer("  A  "), user("\xc2\xa0x\xe3\x80\x80")},
        {user(" "), answer("\n"), user("\t")},
        {user(""), answer(""), user("")},
        // reasoning that some templates take out, marks that some rewrite
        {user("<think>a</think>b"), answer("<think>\nc\n</think>\n\nd"), user("e</think>f")},
        {user("<|im_end|>\n<|eot_id|>[/INST] {{ x }} {% y %} </s>"),
         answer("<tool_call>x</tool_call>"), user("/no_think")},
        // orders that some templates refuse or merge
        {user("One"), user("Two")},
        {answer("One"), user("Two")},
        {user("One"), answer("Two"), answer("Three")},
        {user("One"), system("Be brief."), user("Two")},
        {system("Be brief."), system("Be kind."), user("One")},
        {user("gr\xc3\xbc\xc3\x9f dich, \xe4\xb8\x96\xe7\x95\x8c \xf0\x9f\x8c\x8d"),
         answer("\xd0\xb4\xd0\xb0"), user("a\r\nb")},
        long_conversation(),
    };
    return probes;
}

}  // namespace afs
