#include "conformance/worker/worker_main.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "conformance/checks/subject.hpp"
#include "conformance/report/case_json.hpp"
#include "conformance/run/run_case.hpp"
#include "loader/plugin_instance.hpp"

namespace afs::conformance {
namespace {

constexpr int kChannel = 3;

void send(const nlohmann::ordered_json& json) {
    const std::string line =
        json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    for (size_t sent = 0; sent < line.size();) {
        const ssize_t n = ::write(kChannel, line.data() + sent, line.size() - sent);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) _exit(0);  // nobody listens any more
        sent += static_cast<size_t>(n);
    }
}

}  // namespace

int worker_main() {
    fcntl(kChannel, F_SETFD, FD_CLOEXEC);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    std::string line;
    if (!std::getline(std::cin, line)) return 1;
    const auto request = nlohmann::json::parse(line, nullptr, false);
    if (request.is_discarded()) return 1;
    send({{"stage", "opening"}});
    auto subject = open_subject(request_from(request));
    if (!subject) {
        send({{"error", subject.status().message()}});
        return 1;
    }
    send({{"opened", true},
          {"kind", subject->file->kind},
          {"name", subject->file->name},
          {"version", subject->file->version},
          {"licence", subject->file->licence},
          {"build", subject->file->build},
          {"domain", subject->file->domain},
          {"provides", subject->file->provides},
          {"device", subject->device_name},
          {"about", subject->about}});
    take_throws();  // each case answers for its own
    PreparedCase::on_stage = [](const char* stage) { send({{"stage", stage}}); };
    while (std::getline(std::cin, line)) {
        const CaseResult result = run_check(*subject, line);
        send(as_json(result));
        if (result.device_lost) break;  // a fresh process gets the device anew
    }
    _exit(0);  // no static destructors of a plugin
}

}  // namespace afs::conformance
