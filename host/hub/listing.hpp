// What a repository holds at a revision, pinned to a commit.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "hub/files/digest.hpp"
#include "hub/http/http_client.hpp"

namespace afs::hub {

struct RemoteFile {
    std::string path;  // relative, with '/'
    uint64_t bytes = 0;
    Digest digest;
};

struct Listing {
    std::string repository, revision, commit;
    std::vector<RemoteFile> files;
};

// Runs one question until it is answered: tries again what may pass, waits as the hub asks.
using Asker = std::function<Result<HttpResponse>(const std::function<Result<HttpResponse>()>&)>;

// Of a hub without a tree API the files come from the model's page and from a HEAD of each.
Result<Listing> list_repository(HttpClient& client, const Settings& settings,
                                const std::string& repository, const std::string& revision,
                                const Asker& ask);

// The address of a file at a commit.
std::string file_url(const Settings& settings, const std::string& repository,
                     const std::string& commit, const std::string& path);

// Whether a path from a hub may be written below a folder: relative, no "..", no hidden part, no
// backslash or control character.
bool is_safe_path(const std::string& path);

}  // namespace afs::hub
