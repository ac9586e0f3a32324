// Addresses as libcurl reads them, so that what is decided here is what it connects to.
#include "hub/http/url.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

namespace afs::hub {
namespace {

using Url = std::unique_ptr<CURLU, void (*)(CURLU*)>;

Url make_url() {
    return {curl_url(), curl_url_cleanup};
}

std::optional<std::string> part_of(CURLU* url, CURLUPart part, unsigned flags = 0) {
    char* text = nullptr;
    if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
    std::string out = text;
    curl_free(text);
    return out;
}

bool is_web(const std::string& scheme) {
    return scheme == "http" || scheme == "https";
}

}  // namespace

std::optional<UrlParts> parse_url(const std::string& text) {
    const Url url = make_url();
    if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return {};
    const auto scheme = part_of(url.get(), CURLUPART_SCHEME),
               host = part_of(url.get(), CURLUPART_HOST),
               port = part_of(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
    if (!scheme || !host || !port || host->empty() || !is_web(*scheme)) return {};
    UrlParts parts;
    parts.scheme = *scheme;
    parts.origin = *scheme + "://" + *host + ":" + *port;
    std::transform(parts.origin.begin(), parts.origin.end(), parts.origin.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    parts.has_credentials =
        part_of(url.get(), CURLUPART_USER) || part_of(url.get(), CURLUPART_PASSWORD);
    return parts;
}

std::optional<std::string> resolve_location(const std::string& base, const std::string& location) {
    const Url url = make_url();
    if (!url || curl_url_set(url.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK) return {};
    // Setting an address on top of another resolves it as a browser does.
    if (curl_url_set(url.get(), CURLUPART_URL, location.c_str(), CURLU_URLENCODE) != CURLUE_OK)
        return {};
    const auto scheme = part_of(url.get(), CURLUPART_SCHEME);
    if (!scheme || !is_web(*scheme)) return {};
    return part_of(url.get(), CURLUPART_URL);
}

}  // namespace afs::hub
