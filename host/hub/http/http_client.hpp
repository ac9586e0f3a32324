// One connection to a hub, for one thread. Redirects are followed here and not by libcurl: the
// token goes to the hub's own scheme, host and port alone, what the hub says about a file on the
// way to another host is kept, and https never becomes http.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "afs/status.hpp"
#include "hub/settings.hpp"

namespace afs::hub {

struct HttpRequest {
    std::string url;
    bool head = false;
    bool stay = false;  // a redirect to another host is the answer
    uint64_t from = 0;  // first byte that is wanted; 0: no Range header
    // The ETag under which the range is wanted, and the origin that gave it; empty: any.
    std::string if_range, if_range_origin;
};

struct HttpResponse {
    long status = 0;
    std::string url;                                 // the last one
    bool at_hub = false;                             // whether the last one was the hub's own
    std::map<std::string, std::string> headers;      // names in lower case, of the last answer
    std::map<std::string, std::string> hub_headers;  // of the hub's own answers, the last wins
    std::string error_text;                          // start of the body of a status from 400
    long retry_after = -1;                           // seconds; -1: nothing was said

    // The header's value; empty: there is none.
    const std::string& header(const std::string& name) const;
    const std::string& hub_header(const std::string& name) const;
};

// Takes the body of an answer with a status from 200 to 299; a failure ends the transfer.
using BodySink = std::function<Status(const HttpResponse& head, std::span<const char> bytes)>;

class HttpClient {
public:
    // cancelled: asked often; true ends a transfer with CANCELLED.
    HttpClient(const Settings& settings, std::function<bool()> cancelled);
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    // A status from 300 is no failure here. IO: the connection; is_transient() tells which failures
    // may pass. What the sink returned comes back as it is.
    Result<HttpResponse> send(const HttpRequest& request, const BodySink& sink = {});

    // The whole body of a small answer; IO beyond max_bytes.
    Result<HttpResponse> get_text(const std::string& url, uint64_t max_bytes, std::string& text);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Whether a failure of send() may be gone at the next try: a cut, a dead or refused connection.
bool is_transient(const Status& status);

}  // namespace afs::hub
