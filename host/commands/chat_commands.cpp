#include "commands/chat_commands.hpp"

#include "afs/config/schema.hpp"  // nearest
#include "afs/json.hpp"
#include "afs/white_space.hpp"
#include "runtime/write_file.hpp"

namespace afs {
namespace {

struct Invocation {
    ChatSession& session;
    const ChatRecord& record;
    const std::string& argument;  // what stands behind the command's name, trimmed
};

Result<CommandResult> say_help(Invocation&);

Result<CommandResult> quit(Invocation&) {
    return CommandResult{"", true};
}

Result<CommandResult> reset(Invocation& in) {
    in.session.reset();
    return CommandResult{"the conversation starts anew", false};
}

Result<CommandResult> system(Invocation& in) {
    if (in.argument.empty())
        return CommandResult{in.session.system().empty() ? "no system message of your own"
                                                         : "system message: " + in.session.system(),
                             false};
    in.session.set_system(in.argument);
    return CommandResult{"system message set", false};
}

Result<CommandResult> save(Invocation& in) {
    if (in.argument.empty()) return invalid("/save needs a file: /save chat.json");
    json::Value root = json::Value::object();
    root.add("model", json::Value::of(in.record.model));
    root.add("chat_template", json::Value::of(in.record.chat_template));
    if (!in.record.date.empty()) root.add("date_string", json::Value::of(in.record.date));
    root.add("messages", to_json(in.session.messages()));
    AFS_TRY(write_file(in.argument, json::dump(root, 2) + "\n"));
    return CommandResult{
        std::to_string(in.session.messages().size()) + " messages saved in " + in.argument, false};
}

Result<CommandResult> load(Invocation& in) {
    if (in.argument.empty()) return invalid("/load needs a file: /load chat.json");
    AFS_ASSIGN(Messages messages, read_messages(in.argument));
    const size_t n = messages.size();
    in.session.replace(std::move(messages));
    return CommandResult{std::to_string(n) + " messages loaded from " + in.argument, false};
}

struct Known {
    const char* name;
    const char* argument;
    const char* help;
    Result<CommandResult> (*run)(Invocation&);
};

constexpr Known kCommands[] = {
    {"/help", "", "this list", say_help},
    {"/reset", "", "forget all but the system message", reset},
    {"/system", " TEXT", "set the system message; without TEXT: show it", system},
    {"/save", " FILE", "write the conversation as JSON, over what is there", save},
    {"/load", " FILE", "go on with a saved conversation, or any list of {role, content}", load},
    {"/quit", "", "leave; so does the end of the input (Ctrl-D)", quit},
};

Result<CommandResult> say_help(Invocation&) {
    std::string text;
    for (const Known& known : kCommands) {
        std::string line = std::string("  ") + known.name + known.argument;
        line.resize(18, ' ');
        text += line + known.help + "\n";
    }
    return CommandResult{text +
                             "  //TEXT          a message that begins with /\n"
                             "  \"\"\"             begins and ends a message of several lines\n"
                             "  Ctrl-C stops an answer, a second one leaves",
                         false};
}

}  // namespace

Result<CommandResult> run_chat_command(ChatSession& session, const ChatRecord& record,
                                       const std::string& line) {
    const size_t space = std::min(line.find_first_of(" \t"), line.size());
    const std::string name = line.substr(0, space);
    const std::string argument(trimmed(std::string_view(line).substr(space)));
    Invocation invocation{session, record, argument};
    std::vector<std::string> names;
    for (const Known& known : kCommands) {
        if (known.name == name) return known.run(invocation);
        names.emplace_back(known.name);
    }
    return invalid("unknown command '" + name + "'" + nearest(name, names) +
                   "; /help lists them, // sends a message that begins with /");
}

}  // namespace afs
