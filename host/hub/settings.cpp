#include "hub/settings.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "afs/weights/mapped_file.hpp"  // read_text_file
#include "hub/http/url.hpp"

namespace afs::hub {
namespace fs = std::filesystem;
namespace {

constexpr const char* kDefaultEndpoint = "https://huggingface.co";
constexpr uint64_t kMaxTokenFile = 64 << 10;

class Reader {
public:
    explicit Reader(const Environment& environment) : environment_(environment) {}

    Result<Settings> read() {
        AFS_TRY(read_endpoint());
        AFS_TRY(read_token());
        out_.offline = is_on("HF_HUB_OFFLINE");
        out_.ca_file = value("CURL_CA_BUNDLE");
        if (out_.ca_file.empty()) out_.ca_file = value("REQUESTS_CA_BUNDLE");
        AFS_TRY(read_timeout());
        return out_;
    }

private:
    std::string value(const char* name) const {
        const char* text = environment_(name);
        return text ? text : "";
    }
    bool is_on(const char* name) const {
        std::string text = value(name);
        std::transform(text.begin(), text.end(), text.begin(),
                       [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
        return text == "1" || text == "true" || text == "yes" || text == "on";
    }

    Status read_endpoint() {
        out_.endpoint = value("HF_ENDPOINT");
        if (out_.endpoint.empty()) out_.endpoint = kDefaultEndpoint;
        while (out_.endpoint.ends_with('/')) out_.endpoint.pop_back();
        const auto parts = parse_url(out_.endpoint);
        if (!parts)
            return invalid("HF_ENDPOINT: expected an address such as " +
                           std::string(kDefaultEndpoint) + ", found '" +
                           without_credentials(out_.endpoint) + "'");
        if (parts->has_credentials)
            return invalid(
                "HF_ENDPOINT: expected an address without name and password; a token "
                "goes into HF_TOKEN");
        return {};
    }

    Status read_token() {
        for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"})
            if (out_.token.empty() && !value(name).empty()) {
                out_.token = value(name);
                out_.token_origin = std::string("environment ") + name;
            }
        if (out_.token.empty() && !is_on("HF_HUB_DISABLE_IMPLICIT_TOKEN"))
            AFS_TRY(read_token_file());
        const char* blank = " \t\r\n";
        const size_t first = out_.token.find_first_not_of(blank);
        out_.token = first == std::string::npos
                         ? ""
                         : out_.token.substr(first, out_.token.find_last_not_of(blank) - first + 1);
        const bool printable = std::all_of(out_.token.begin(), out_.token.end(),
                                           [](char c) { return c > 0x20 && c < 0x7f; });
        if (!printable)
            return invalid("the token of " + out_.token_origin +
                           " has characters that a token cannot have (blanks, control characters, "
                           "or beyond ASCII); write it again");
        return {};
    }

    Status read_token_file() {
        fs::path file = value("HF_TOKEN_PATH");
        if (file.empty() && !value("HF_HOME").empty()) file = fs::path(value("HF_HOME")) / "token";
        if (file.empty() && !value("XDG_CACHE_HOME").empty())
            file = fs::path(value("XDG_CACHE_HOME")) / "huggingface" / "token";
        if (file.empty() && !value("HOME").empty())
            file = fs::path(value("HOME")) / ".cache" / "huggingface" / "token";
        std::error_code ignored;
        if (file.empty() || !fs::is_regular_file(file, ignored)) return {};
        AFS_ASSIGN(out_.token, read_text_file(file, kMaxTokenFile));
        out_.token_origin = file.string();
        return {};
    }

    Status read_timeout() {
        const std::string text = value("HF_HUB_DOWNLOAD_TIMEOUT");
        if (text.empty()) return {};
        const char* end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data(), end, out_.stall_seconds);
        if (error == std::errc() && stop == end && out_.stall_seconds >= 1 &&
            out_.stall_seconds <= 86400)
            return {};
        return invalid("HF_HUB_DOWNLOAD_TIMEOUT: expected seconds from 1 to 86400, found '" + text +
                       "'");
    }

    const Environment& environment_;
    Settings out_;
};

}  // namespace

Result<Settings> read_settings(const Environment& environment) {
    return Reader(environment).read();
}

}  // namespace afs::hub
