#include "hub/http/http_client.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>

#include "afs/version.hpp"
#include "hub/http/url.hpp"

namespace afs::hub {
namespace {

constexpr int kMaxRedirects = 10;
constexpr long kConnectSeconds = 20;
constexpr size_t kMaxErrorText = 4096, kMaxHeaders = 256;

// libcurl's codes for what the next try may not meet again.
bool may_pass(CURLcode code) {
    switch (code) {
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
        case CURLE_COULDNT_CONNECT:
        case CURLE_PARTIAL_FILE:
        case CURLE_OPERATION_TIMEDOUT:
        case CURLE_GOT_NOTHING:
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_WEIRD_SERVER_REPLY:
        case CURLE_HTTP2:
        case CURLE_HTTP2_STREAM:
        case CURLE_AGAIN: return true;
        default: return false;
    }
}

// What a user can do about it; "": only wait.
std::string remedy(CURLcode code) {
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
        return "; CURL_CA_BUNDLE names the file of certificates to trust";
    if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT)
        return "; check the network, HF_ENDPOINT and https_proxy";
    return {};
}

std::string trimmed(std::string_view text) {
    const char* blank = " \t\r\n";
    const size_t first = text.find_first_not_of(blank);
    if (first == std::string_view::npos) return {};
    return std::string(text.substr(first, text.find_last_not_of(blank) - first + 1));
}

// What `"api";r=0;t=55` of a RateLimit header says until more is allowed; -1: nothing.
long seconds_to_reset(const std::string& limit) {
    const size_t at = limit.find(";t=");
    long seconds = -1;
    if (at != std::string::npos)
        std::from_chars(limit.data() + at + 3, limit.data() + limit.size(), seconds);
    return seconds;
}

const std::string& find(const std::map<std::string, std::string>& headers,
                        const std::string& name) {
    static const std::string none;
    const auto it = headers.find(name);
    return it == headers.end() ? none : it->second;
}

void set_up_once() {
    static const CURLcode done = curl_global_init(CURL_GLOBAL_DEFAULT);
    static_cast<void>(done);
}

using HeaderList = std::unique_ptr<curl_slist, void (*)(curl_slist*)>;

void add(HeaderList& list, const std::string& line) {
    curl_slist* longer = curl_slist_append(list.get(), line.c_str());
    if (!longer) return;
    static_cast<void>(list.release());
    list.reset(longer);
}

}  // namespace

const std::string& HttpResponse::header(const std::string& name) const {
    return find(headers, name);
}
const std::string& HttpResponse::hub_header(const std::string& name) const {
    return find(hub_headers, name);
}

struct HttpClient::Impl {
    Settings settings;
    std::string hub_origin;
    std::function<bool()> cancelled;
    CURL* easy = nullptr;
    char message[CURL_ERROR_SIZE] = {};

    // Of the transfer that runs.
    HttpResponse response;
    const BodySink* sink = nullptr;
    Status sink_status;

    static size_t on_header(char* text, size_t, size_t n, void* self) {
        return static_cast<Impl*>(self)->take_header({text, n}) ? n : 0;
    }
    static size_t on_body(char* bytes, size_t, size_t n, void* self) {
        return static_cast<Impl*>(self)->take_body({bytes, n}) ? n : 0;
    }
    static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
        return static_cast<Impl*>(self)->cancelled() ? 1 : 0;
    }

    bool take_header(std::string_view line) {
        if (line.starts_with("HTTP/")) {  // of an informational answer, or of the final one
            response.headers.clear();
            return true;
        }
        const size_t colon = line.find(':');
        if (colon == std::string_view::npos) return true;
        if (response.headers.size() >= kMaxHeaders) return false;
        std::string name(line.substr(0, colon));
        std::transform(name.begin(), name.end(), name.begin(),
                       [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
        response.headers[name] = trimmed(line.substr(colon + 1));
        return true;
    }

    bool take_body(std::span<const char> bytes) {
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &response.status);
        if (response.status >= 300) {
            const size_t room = kMaxErrorText - response.error_text.size();
            response.error_text.append(bytes.data(), std::min(bytes.size(), room));
            return true;
        }
        if (!sink || !*sink) return true;
        sink_status = (*sink)(response, bytes);
        return sink_status.ok();
    }

    HeaderList headers(const HttpRequest& request, const std::string& origin) const {
        HeaderList list(nullptr, curl_slist_free_all);
        if (origin == hub_origin && !settings.token.empty())
            add(list, "Authorization: Bearer " + settings.token);
        if (request.from > 0 && !request.if_range.empty() && origin == request.if_range_origin)
            add(list, "If-Range: " + request.if_range);
        return list;
    }

    Status perform(const HttpRequest& request, const std::string& url) {
        const auto parts = parse_url(url);
        if (!parts)
            return invalid("cannot open '" + without_credentials(url) + "': no web address");
        response.url = url;
        response.at_hub = parts->origin == hub_origin;
        response.headers.clear();
        response.error_text.clear();
        response.status = 0;
        const HeaderList list = headers(request, parts->origin);
        const std::string range = std::to_string(request.from) + "-";
        curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
        curl_easy_setopt(easy, CURLOPT_NOBODY, request.head ? 1L : 0L);
        if (!request.head) curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
        curl_easy_setopt(easy, CURLOPT_RANGE, request.from > 0 ? range.c_str() : nullptr);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list.get());
        message[0] = 0;
        const CURLcode code = curl_easy_perform(easy);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, nullptr);
        if (!sink_status.ok()) return sink_status;
        if (cancelled()) return Status(Code::cancelled, "interrupted");
        if (code != CURLE_OK)
            return Status(Code::io,
                          "no answer from '" + without_credentials(url) + "': " +
                              (message[0] ? message : curl_easy_strerror(code)) + remedy(code),
                          {}, code);
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &response.status);
        curl_off_t wait = 0;
        const bool stated = !response.header("retry-after").empty();
        if (stated && curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &wait) == CURLE_OK)
            response.retry_after = static_cast<long>(wait);
        if (!stated && response.status == 429)
            response.retry_after = seconds_to_reset(response.header("ratelimit"));
        if (response.at_hub)
            for (const auto& [name, value] : response.headers) response.hub_headers[name] = value;
        return {};
    }
};

HttpClient::HttpClient(const Settings& settings, std::function<bool()> cancelled)
    : impl_(std::make_unique<Impl>()) {
    set_up_once();
    impl_->settings = settings;
    impl_->cancelled = std::move(cancelled);
    if (const auto parts = parse_url(settings.endpoint)) impl_->hub_origin = parts->origin;
    CURL* easy = impl_->easy = curl_easy_init();
    if (!easy) return;
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, impl_->message);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, (std::string("afs-host/") + version()).c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);  // bytes a second
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, settings.stall_seconds);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 256L << 10);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, Impl::on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, impl_.get());
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, Impl::on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, impl_.get());
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, Impl::on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, impl_.get());
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    if (!settings.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, settings.ca_file.c_str());
}

HttpClient::~HttpClient() {
    curl_easy_cleanup(impl_->easy);
}

Result<HttpResponse> HttpClient::send(const HttpRequest& request, const BodySink& sink) {
    if (!impl_->easy) return Status(Code::no_memory, "cannot set up libcurl");
    impl_->response = {};
    impl_->sink = &sink;
    impl_->sink_status = {};
    std::string url = request.url;
    for (int hop = 0; hop <= kMaxRedirects; ++hop) {
        AFS_TRY(impl_->perform(request, url));
        HttpResponse& response = impl_->response;
        const bool redirect = response.status >= 301 && response.status <= 308 &&
                              response.status != 304 && !response.header("location").empty();
        if (!redirect) return std::move(response);
        const auto next = resolve_location(url, response.header("location"));
        if (!next)
            return invalid("'" + without_credentials(url) +
                           "' redirects to what is no web address");
        if (url.starts_with("https:") && next->starts_with("http:"))
            return invalid("'" + without_credentials(url) +
                           "' redirects to an address without encryption, '" +
                           without_credentials(*next) + "': refused");
        if (const auto to = parse_url(*next); request.stay && to && to->origin != impl_->hub_origin)
            return std::move(response);
        url = *next;
    }
    return invalid("'" + without_credentials(request.url) + "' redirects more than " +
                   std::to_string(kMaxRedirects) + " times");
}

Result<HttpResponse> HttpClient::get_text(const std::string& url, uint64_t max_bytes,
                                          std::string& text) {
    text.clear();
    HttpRequest request;
    request.url = url;
    return send(request, [&](const HttpResponse&, std::span<const char> bytes) -> Status {
        if (text.size() + bytes.size() > max_bytes)
            return Status(Code::io, "'" + without_credentials(url) + "' answers with more than " +
                                        std::to_string(max_bytes) + " bytes");
        text.append(bytes.data(), bytes.size());
        return {};
    });
}

bool is_transient(const Status& status) {
    return status.code() == Code::io && status.native_code() != 0 &&
           may_pass(static_cast<CURLcode>(status.native_code()));
}

}  // namespace afs::hub
