// Web addresses: which host one goes to, where a redirect leads, what must be escaped.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace afs::hub {

struct UrlParts {
    std::string origin;  // "https://huggingface.co:443": scheme, host and port, lower case
    std::string scheme;  // "https" or "http"
    bool has_credentials = false;
};

// nullopt: not a whole http or https address.
std::optional<UrlParts> parse_url(const std::string& url);

// What a Location header means when `base` answered with it; nullopt: not an http or https address.
std::optional<std::string> resolve_location(const std::string& base, const std::string& location);

// One part of a path or a value of a query: all but letters, digits and "-._~" as %XX.
std::string escape(std::string_view text);
// The same with the slashes of a path left as they are.
std::string escape_path(std::string_view path);

// For messages: user and password and the query (a signature, often) are left out.
std::string without_credentials(const std::string& url);

}  // namespace afs::hub
