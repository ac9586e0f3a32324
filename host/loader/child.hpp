// Part of this program in a child process, so that foreign code that crashes or hangs costs only
// itself. The child tells what it finds through a channel, record by record; what it had said when
// it ended is kept.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "afs/json.hpp"
#include "afs/status.hpp"

namespace afs {

struct ChildRequest {
    std::string program = "/proc/self/exe";  // one whose main knows the verb in args[0]
    std::vector<std::string> args;
    std::string input;            // its standard input
    double timeout_seconds = 10;  // for each stage; a record "stage" starts one
};

struct ChildEnd {
    bool in_time = true;  // false: killed, with all that it started
    int wait_state = 0;
    std::string stage = "start";
    // "no answer within 10 s, in its probe"; "it crashed in its probe by signal 11 (...)"; "it
    // ended the process in its probe with exit code 7".
    std::string reason(double timeout_seconds) const;
};

// IO: it could not be started.
Result<ChildEnd> run_child(
    const ChildRequest& request,
    const std::function<void(const std::string& key, const std::string& value)>& on_record);

// The child's side.
// Call first: what a plugin starts does not hold the channel, no core file is written, and the
// child does not outlive its parent.
void start_child();
void send_record(const char* key, const std::string& value);
// Ends without static destructors of a plugin: it has answered.
[[noreturn]] void finish_child();
// All of it for one task, in JSON on standard input: sends "error" where it failed.
[[noreturn]] void do_task(const char* stage,
                          const std::function<Status(const json::Value& task)>& run);

}  // namespace afs
