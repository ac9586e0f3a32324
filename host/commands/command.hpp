// A verb of afs-host: its name, its options, and what it does.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "afs/status.hpp"
#include "commands/config_options.hpp"
#include "commands/options.hpp"

namespace afs {

// The process's exit codes; an interrupt ends with 128 + the signal's number.
enum ExitCode : int { kDone = 0, kFailed = 1, kUsage = 2, kNotLoaded = 3 };

struct Command {
    std::string name;             // one word, or two: "weights fetch"
    std::string summary;          // one line
    std::string synopsis;         // "afs-host generate [options]"
    std::string example;          // a line that works as it stands after ./setup.sh
    std::vector<Option> options;  // the verb's own
    bool reads_config = true;     // also takes config_options()
    size_t max_positional = 0;
    int (*run)(const Command&, const ParsedOptions&);
    std::vector<OptionRule> rules = {};  // broken: wrong use, and run is not called
};

// Prints "afs-host: <message>" on standard error and gives the exit code for it.
int report_failure(const Status& status, ExitCode code);
// The same for a runtime that could not be opened: out of memory failed, all else is not loaded.
int report_not_opened(const Status& status);
// For std::bad_alloc, at one place (main): what is in use, what is left, which setting to lower.
int report_out_of_memory();
// The same where no exception may pass; others end by SIGABRT with their text.
void catch_what_nobody_can();
// The same for a file that the command line names, a configuration among them, but no plugin or
// model: one that is not there is wrong use, one that cannot be read has failed.
int report_bad_input(const Status& status, ExitCode otherwise = kUsage);

const std::vector<Command>& commands();

const Command& bench_command();
const Command& chat_command();
const Command& compare_command();
const Command& config_command();
const Command& conformance_command();
const Command& doctor_command();
const Command& explain_command();
const Command& generate_command();
const Command& plugins_command();
const Command& report_command();
const Command& tokenize_command();
const Command& trace_command();
const Command& weights_convert_command();
const Command& weights_fetch_command();
const Command& weights_inspect_command();
const Command& weights_verify_command();

}  // namespace afs
