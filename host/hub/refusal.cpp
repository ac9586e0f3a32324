#include "hub/refusal.hpp"

#include "hub/http/url.hpp"

namespace afs::hub {
namespace {

std::string token_words(const Settings& settings) {
    return settings.token.empty() ? "no token was sent; set HF_TOKEN to one of " +
                                        settings.endpoint + "/settings/tokens"
                                  : "the token of " + settings.token_origin + " was sent";
}

Status gated(const Asked& asked, long status) {
    const Settings& settings = *asked.settings;
    return Status(Code::unsupported,
                  "'" + asked.repository + "' is gated (status " + std::to_string(status) +
                      "): ask for access at " + settings.endpoint + "/" + asked.repository +
                      ", then use a token of that account; " + token_words(settings));
}

}  // namespace

std::string shown(const std::string& text, size_t most) {
    std::string out;
    for (const char c : text.substr(0, most)) {
        const bool blank = c == '\n' || c == '\r' || c == '\t';
        out += blank ? ' ' : c >= 0x20 && c < 0x7f ? c : '?';
    }
    return out + (text.size() > most ? "..." : "");
}

bool may_pass(long status) {
    return status == 408 || status == 425 || status == 429 ||
           (status >= 500 && status < 600 && status != 501);
}

Status refusal(const HttpResponse& response, const Asked& asked) {
    const Settings& settings = *asked.settings;
    const std::string& code = response.hub_header("x-error-code");
    const std::string what = asked.file.empty() ? "'" + asked.repository + "'"
                                                : "'" + asked.file + "' of " + asked.repository;
    const std::string status = "status " + std::to_string(response.status);
    if (response.at_hub && code == "GatedRepo") return gated(asked, response.status);
    if (response.at_hub && response.status == 401)
        return not_found("the hub shows no " + what + " (" + status +
                         "): it does not exist, or it is private or gated; " +
                         token_words(settings));
    if (response.at_hub && response.status == 403) return gated(asked, response.status);
    if (code == "RevisionNotFound")
        return not_found("'" + asked.repository + "' has no revision '" + asked.revision +
                         "'; its branches and tags are at " + settings.endpoint + "/" +
                         asked.repository + "/tree/main");
    if (response.status == 404)
        return not_found("the hub has no " + what + " at revision '" + asked.revision +
                         "' (status 404); check the name at " + settings.endpoint);
    if (response.status == 429)
        return Status(Code::io,
                      "the hub has too many requests from here (status 429)" +
                          (response.retry_after >= 0
                               ? " and asks to wait " + std::to_string(response.retry_after) + " s"
                               : std::string()) +
                          "; try again later" +
                          (settings.token.empty() ? ", or with a token in HF_TOKEN" : ""));
    const std::string& message = response.hub_header("x-error-message");
    const std::string text = shown(message.empty() ? response.error_text : message);
    return Status(Code::io, "'" + without_credentials(response.url) + "' answers with " + status +
                                (text.empty() ? "" : ": " + text));
}

}  // namespace afs::hub
