#include "hub/http/url.hpp"

namespace afs::hub {
namespace {

std::string escape_but(std::string_view text, std::string_view kept) {
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || kept.find(c) != std::string_view::npos;
        if (plain) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += "0123456789ABCDEF"[byte >> 4];
        out += "0123456789ABCDEF"[byte & 15];
    }
    return out;
}

}  // namespace

std::string escape(std::string_view text) {
    return escape_but(text, "-._~");
}

std::string escape_path(std::string_view path) {
    return escape_but(path, "-._~/");
}

std::string without_credentials(const std::string& url) {
    std::string out = url.substr(0, url.find_first_of("?#"));
    const size_t scheme = out.find("://");
    const size_t start = scheme == std::string::npos ? 0 : scheme + 3;
    const size_t at = out.rfind('@', out.find('/', start));
    if (at != std::string::npos && at >= start) out.erase(start, at + 1 - start);
    return out;
}

}  // namespace afs::hub
