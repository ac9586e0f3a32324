// A build that travels (preset device) has no hub: libcurl needs too much of the machine.
#include "hub/http/http_client.hpp"
#include "hub/http/url.hpp"

namespace afs::hub {

struct HttpClient::Impl {};

const std::string& HttpResponse::header(const std::string&) const {
    return url;
}
const std::string& HttpResponse::hub_header(const std::string&) const {
    return url;
}

HttpClient::HttpClient(const Settings&, std::function<bool()>) {}
HttpClient::~HttpClient() = default;

Result<HttpResponse> HttpClient::send(const HttpRequest&, const BodySink&) {
    return unsupported(
        "this build of afs-host has no libcurl and reaches no hub; fetch with another build and "
        "copy the folder");
}
Result<HttpResponse> HttpClient::get_text(const std::string& url, uint64_t, std::string&) {
    HttpRequest request;
    request.url = url;
    return send(request);
}
bool is_transient(const Status&) {
    return false;
}

std::optional<UrlParts> parse_url(const std::string& url) {
    const size_t scheme = url.find("://");
    if (scheme == std::string::npos) return {};
    return UrlParts{url, url.substr(0, scheme)};
}
std::optional<std::string> resolve_location(const std::string&, const std::string&) {
    return {};
}

}  // namespace afs::hub
