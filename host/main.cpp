// afs-host: finds the verb, parses its options, runs it.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "afs/config/schema.hpp"  // nearest
#include "afs/version.hpp"
#include "afs/weights/mapped_file.hpp"  // exit_on_lost_pages
#include "commands/command.hpp"
#include "conformance/worker/worker_main.hpp"
#include "doctor/child_verbs.hpp"
#include "loader/crash_notice.hpp"
#include "runtime/stack_limit.hpp"

namespace {

// Those that begin so; all for "".
void print_commands(const std::string& beginning) {
    for (const afs::Command& command : afs::commands())
        if (command.name.starts_with(beginning))
            std::printf("  %-16s %s\n", command.name.c_str(), command.summary.c_str());
}

void print_overview() {
    std::printf(
        "afs-host %s: runs open-weight language models from plugins\n\n"
        "usage: afs-host [VERB] [options]      without a verb: generate\n\n",
        afs::version());
    print_commands("");
    std::printf(
        "\nafs-host VERB --help shows a verb's options and an example.\n"
        "example: echo \"Once upon a time\" | afs-host --model-plugin olmo2 --kernels reference\n");
}

void print_help(const afs::Command& command) {
    std::printf("%s\n\nusage: %s\n\n%s", command.summary.c_str(), command.synopsis.c_str(),
                afs::format_options(command.options).c_str());
    if (command.reads_config)
        std::printf("\nconfiguration, for this run:\n%s",
                    afs::format_options(afs::config_options()).c_str());
    std::printf("\nexample: %s\n", command.example.c_str());
}

const afs::Command* find_command(const std::string& name) {
    for (const afs::Command& command : afs::commands())
        if (command.name == name) return &command;
    return nullptr;
}

// Whether it is "weights" of "weights fetch".
bool is_first_of_two(const std::string& word) {
    return std::any_of(
        afs::commands().begin(), afs::commands().end(),
        [&](const afs::Command& command) { return command.name.starts_with(word + " "); });
}

// Takes the verb from the front of the words: "generate", or two as in "weights fetch".
std::string take_verb(std::vector<std::string>& args) {
    std::string verb = args[0];
    args.erase(args.begin());
    if (!is_first_of_two(verb) || args.empty() || args[0].starts_with('-')) return verb;
    verb += " " + args[0];
    args.erase(args.begin());
    return verb;
}

int unknown_verb(const std::string& verb) {
    std::vector<std::string> known;
    const std::string first = verb.substr(0, verb.find(' ')) + " ";
    for (const afs::Command& command : afs::commands())
        if (command.name.starts_with(first)) known.push_back(command.name);
    if (known.empty())
        for (const afs::Command& command : afs::commands()) known.push_back(command.name);
    std::string list;
    for (const std::string& name : known) list += (list.empty() ? "" : ", ") + name;
    if (is_first_of_two(verb))
        return afs::report_failure(afs::invalid("'" + verb + "' needs a second word: " + list),
                                   afs::kUsage);
    return afs::report_failure(afs::invalid("unknown verb '" + verb + "'" +
                                            afs::nearest(verb, known) + "; the verbs are " + list),
                               afs::kUsage);
}

int run(std::vector<std::string> args) {
    if (const auto code = afs::child_main(args)) return *code;
    if (args.size() == 1 && args[0] == afs::conformance::kWorkerVerb)
        return afs::conformance::worker_main();
    afs::announce_crashes();
    afs::catch_what_nobody_can();
    if (!args.empty() && (args[0] == "--help" || args[0] == "-h" || args[0] == "help")) {
        print_overview();
        return afs::kDone;
    }
    if (!args.empty() && args[0] == "--version") {
        std::printf("afs-host %s\n", afs::version());
        return afs::kDone;
    }
    std::string verb = "generate";
    if (!args.empty() && !args[0].empty() && args[0][0] != '-') verb = take_verb(args);
    const bool help = std::any_of(args.begin(), args.end(), [](const std::string& arg) {
        return arg == "--help" || arg == "-h";
    });
    if (help && is_first_of_two(verb)) {
        print_commands(verb + " ");
        std::printf("\nafs-host %s VERB --help shows its options and an example.\n", verb.c_str());
        return afs::kDone;
    }
    const afs::Command* command = find_command(verb);
    if (!command) return unknown_verb(verb);
    if (help) {
        print_help(*command);
        return afs::kDone;
    }
    std::vector<afs::Option> options = command->options;
    if (command->reads_config) {
        const auto shared = afs::config_options();
        options.insert(options.end(), shared.begin(), shared.end());
    }
    auto parsed = afs::parse_options(verb, options, args, command->max_positional);
    if (!parsed) return afs::report_failure(parsed.status(), afs::kUsage);
    const afs::Status rules = afs::check_rules(command->rules, *parsed);
    if (!rules.ok())
        return afs::report_failure(rules,
                                   rules.code() == afs::Code::io ? afs::kFailed : afs::kUsage);
    return command->run(*command, *parsed);
}

// Standard input, output and error that came closed are opened, so that no file of ours gets their
// numbers: messages would be written into it. The wrong way, so that their use is still an error.
void hold_standard_descriptors() {
    for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (fcntl(number, F_GETFD) < 0)
            static_cast<void>(open("/dev/null", number == STDIN_FILENO ? O_WRONLY : O_RDONLY));
}

// What was printed and lies still in a buffer may meet a full disk or a closed pipe only now.
int finish(int code) {
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
    const std::string reason = std::strerror(errno);
    return afs::report_failure(
        afs::Status(afs::Code::io, "cannot write to standard output: " + reason), afs::kFailed);
}

}  // namespace

int main(int argc, char** argv) {
    hold_standard_descriptors();
    afs::exit_on_lost_pages(afs::kFailed);
    try {
        if (const afs::Status enough = afs::check_stack_limit(); !enough)
            return afs::report_failure(enough, afs::kFailed);
        return finish(run(std::vector<std::string>(argv + 1, argv + argc)));
    } catch (const std::bad_alloc&) {
        return afs::report_out_of_memory();
    } catch (const std::exception& thrown) {
        std::fprintf(stderr, "afs-host: internal error: %s\n", thrown.what());
        return afs::kFailed;
    }
}
