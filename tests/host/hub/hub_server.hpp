// Starts hub_server.py, and asks it what requests it saw.
#pragma once
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

#include "afs/json.hpp"
#include "hub/http/http_client.hpp"

namespace afs::test {

class HubServer {
public:
    HubServer() {
        int in[2], out[2];
        if (pipe(in) || pipe(out)) throw std::runtime_error("pipe");
        pid_ = fork();
        if (pid_ == 0) {
            dup2(in[0], 0), dup2(out[1], 1);
            for (const int fd : {in[0], in[1], out[0], out[1]}) close(fd);
            execlp("python3", "python3", AFS_SOURCE_DIR "/tests/host/hub/hub_server.py",
                   AFS_SOURCE_DIR "/weights", static_cast<char*>(nullptr));
            _exit(127);
        }
        close(in[0]), close(out[1]);
        input_ = in[1];
        std::string line;
        for (char c; read(out[0], &c, 1) == 1 && c != '\n';) line += c;
        close(out[0]);
        if (line.find(' ') == std::string::npos)
            throw std::runtime_error("hub_server.py did not start: is python3 there?");
        port_ = line.substr(0, line.find(' '));
    }
    ~HubServer() {
        close(input_);
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    HubServer(const HubServer&) = delete;
    HubServer& operator=(const HubServer&) = delete;

    std::string endpoint() const { return "http://127.0.0.1:" + port_; }
    hub::Settings settings(const std::string& token = {}) const {
        hub::Settings settings;
        settings.endpoint = endpoint();
        settings.token = token;
        settings.token_origin = "the test";
        settings.stall_seconds = 5;
        return settings;
    }
    // The requests for a repository so far, in order.
    json::Value log(const std::string& repository) const {
        auto log = json::parse(get("/_log/" + repository));
        if (!log) throw std::runtime_error(log.status().message());
        return *log;
    }
    // A file of it as it should be.
    std::string content(const std::string& repository, const std::string& path) const {
        return get("/_content/" + repository + "/" + path);
    }

private:
    std::string get(const std::string& path) const {
        hub::HttpClient client(settings(), [] { return false; });
        std::string text;
        const auto answer = client.get_text(endpoint() + path, uint64_t{64} << 20, text);
        if (!answer) throw std::runtime_error(answer.status().message());
        return text;
    }

    pid_t pid_ = -1;
    int input_ = -1;
    std::string port_;
};

// One server for all tests of a program.
inline HubServer& hub_server() {
    static HubServer server;
    return server;
}

}  // namespace afs::test
