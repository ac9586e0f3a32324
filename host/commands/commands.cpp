// The verbs, in the order in which --help lists them.
#include <cstdio>

#include "commands/command.hpp"
#include "runtime/shown_text.hpp"

namespace afs {

int report_failure(const Status& status, ExitCode code) {
    std::fprintf(stderr, "afs-host: %s\n", shown_text(status.message()).c_str());
    return code;
}

int report_not_opened(const Status& status) {
    return report_failure(status, status.code() == Code::no_memory ? kFailed : kNotLoaded);
}

int report_bad_input(const Status& status, ExitCode otherwise) {
    switch (status.code()) {
        case Code::not_found: return report_failure(status, kUsage);
        case Code::io:
        case Code::no_memory: return report_failure(status, kFailed);
        default: return report_failure(status, otherwise);
    }
}

const std::vector<Command>& commands() {
    static const std::vector<Command> all = {
        generate_command(),       chat_command(),           tokenize_command(),
        bench_command(),          conformance_command(),    compare_command(),
        explain_command(),        trace_command(),          doctor_command(),
        report_command(),         plugins_command(),        config_command(),
        weights_fetch_command(),  weights_verify_command(), weights_inspect_command(),
        weights_convert_command()};
    return all;
}

}  // namespace afs
