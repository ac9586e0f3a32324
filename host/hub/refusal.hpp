// What a hub's answer that is no success means, in words that say what to do.
#pragma once
#include <string>

#include "afs/status.hpp"
#include "hub/http/http_client.hpp"

namespace afs::hub {

struct Asked {
    std::string repository;  // "ORG/NAME"
    std::string revision;
    std::string file;  // empty: the repository itself
    const Settings* settings = nullptr;
};

// The failure for a status that is neither 2xx nor a redirect.
Status refusal(const HttpResponse& response, const Asked& asked);

// Whether the same question may be answered at the next try: 408, 425, 429 and 500 to 599 but 501.
bool may_pass(long http_status);

// Text of a server for a message: one line of printable characters, at most `most`.
std::string shown(const std::string& text, size_t most = 200);

}  // namespace afs::hub
