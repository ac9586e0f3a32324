#include "hub/listing.hpp"

#include <algorithm>

#include "afs/json.hpp"
#include "hub/http/url.hpp"
#include "hub/refusal.hpp"

namespace afs::hub {
namespace {

constexpr uint64_t kMaxAnswer = 64 << 20;
constexpr size_t kMaxFiles = 20000;
constexpr int kMaxPages = 200;

// "<https://...&cursor=x>; rel=\"next\"" of a Link header.
std::string next_page(const std::string& link) {
    const size_t next = link.find("rel=\"next\"");
    if (next == std::string::npos) return {};
    const size_t open = link.rfind('<', next), close = link.find('>', open);
    if (open == std::string::npos || close == std::string::npos || close > next) return {};
    return link.substr(open + 1, close - open - 1);
}

std::string listed_text(const json::Value& value, const char* key) {
    const json::Value* found = value.find(key);
    return found && found->is(json::Kind::string) ? found->string : std::string();
}

// An ETag without its quotes and its W/.
std::string bare(std::string etag) {
    if (etag.starts_with("W/")) etag.erase(0, 2);
    if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"')
        etag = etag.substr(1, etag.size() - 2);
    return etag;
}

class Lister {
public:
    Lister(HttpClient& client, const Settings& settings, const std::string& repository,
           const std::string& revision, const Asker& ask)
        : client_(client), settings_(settings), ask_(ask) {
        out_.repository = repository;
        out_.revision = revision;
    }

    Result<Listing> list() {
        AFS_ASSIGN(const json::Value page, read_page());
        AFS_ASSIGN(const bool listed, read_tree());
        if (!listed) AFS_TRY(read_siblings(page));
        if (out_.files.empty()) return not_found("'" + out_.repository + "' holds no files");
        return std::move(out_);
    }

private:
    std::string api() const { return settings_.endpoint + "/api/models/" + out_.repository; }
    Asked asked(const std::string& file = {}) const {
        return {out_.repository, out_.revision, file, &settings_};
    }
    Status odd(const std::string& url, const std::string& what) const {
        return Status(Code::io, "'" + without_credentials(url) + "' answers unlike a hub: " + what +
                                    "; check HF_ENDPOINT (" + settings_.endpoint + ")");
    }
    Result<HttpResponse> get(const std::string& url, std::string& text) const {
        return ask_([&] { return client_.get_text(url, kMaxAnswer, text); });
    }
    Result<json::Value> parse(const std::string& url, const std::string& text) const {
        json::ParseOptions options;
        options.name = "the answer";
        auto value = json::parse(text, options);
        if (!value) return odd(url, shown(value.status().message()));
        return value;
    }

    Result<json::Value> read_page() {
        const std::string url = api() + "/revision/" + escape(out_.revision);
        std::string text;
        AFS_ASSIGN(const HttpResponse response, get(url, text));
        if (response.status != 200) return refusal(response, asked());
        AFS_ASSIGN(json::Value page, parse(url, text));
        out_.commit = listed_text(page, "sha");
        const bool plain = std::all_of(out_.commit.begin(), out_.commit.end(), [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        });
        if (out_.commit.size() < 7 || out_.commit.size() > 64 || !plain)
            return odd(url, "expected the commit in \"sha\", found '" + shown(out_.commit) + "'");
        return page;
    }

    // False: this hub has no tree API.
    Result<bool> read_tree() {
        std::string url = api() + "/tree/" + out_.commit + "?recursive=true", text;
        const auto origin = parse_url(settings_.endpoint);
        for (int page = 0; page < kMaxPages && !url.empty(); ++page) {
            AFS_ASSIGN(const HttpResponse response, get(url, text));
            if (page == 0 &&
                (response.status == 404 || response.status == 405 || response.status == 501))
                return false;
            if (response.status != 200) return refusal(response, asked());
            AFS_ASSIGN(const json::Value entries, parse(url, text));
            if (!entries.is(json::Kind::array)) return odd(url, "expected a list of files");
            for (const json::Value& entry : entries.items) AFS_TRY(add_entry(url, entry));
            const std::string next = next_page(response.header("link"));
            const auto parts = parse_url(next);
            if (!next.empty() && (!parts || !origin || parts->origin != origin->origin))
                return odd(url, "the next page of its list is on another host");
            url = next;
        }
        if (!url.empty()) return odd(url, "its list of files does not end");
        return true;
    }

    Status add_entry(const std::string& url, const json::Value& entry) {
        const std::string type = listed_text(entry, "type"), path = listed_text(entry, "path");
        if (type == "directory") return {};
        const json::Value *lfs = entry.find("lfs"), *size = entry.find("size");
        const bool large = lfs && lfs->is(json::Kind::object);
        if (large && lfs->find("size")) size = lfs->find("size");
        RemoteFile file;
        file.path = path;
        // A hash of the content for large files; for the others git's, of the content with a head.
        file.digest = large ? Digest{Digest::Kind::sha256, listed_text(*lfs, "oid")}
                            : Digest{Digest::Kind::git_sha1, listed_text(entry, "oid")};
        if (file.digest.hex.starts_with("sha256:")) file.digest.hex.erase(0, 7);
        const auto bytes = size ? size->as_uint64() : std::nullopt;
        if (path.empty() || !bytes) return odd(url, "a file without path or size in its list");
        file.bytes = *bytes;
        if (!file.digest.is_whole()) return add_by_head(path);
        return add(std::move(file));
    }

    Status read_siblings(const json::Value& page) {
        const json::Value* siblings = page.find("siblings");
        if (!siblings || !siblings->is(json::Kind::array))
            return odd(api(), "neither a tree nor \"siblings\"");
        for (const json::Value& sibling : siblings->items)
            AFS_TRY(add_by_head(listed_text(sibling, "rfilename")));
        return {};
    }

    Status add_by_head(const std::string& path) {
        if (!is_safe_path(path)) return {};
        HttpRequest request;
        request.url = file_url(settings_, out_.repository, out_.commit, path);
        request.head = request.stay = true;
        AFS_ASSIGN(const HttpResponse response, ask_([&] { return client_.send(request); }));
        if (response.status >= 400) return refusal(response, asked(path));
        const std::string& commit = response.hub_header("x-repo-commit");
        if (!commit.empty() && commit != out_.commit)
            return odd(request.url,
                       "it is at commit " + shown(commit) + ", expected " + out_.commit);
        const std::string& linked = response.hub_header("x-linked-etag");
        const std::string& linked_size = response.hub_header("x-linked-size");
        RemoteFile file;
        file.path = path;
        file.digest.hex = bare(linked.empty() ? response.hub_header("etag") : linked);
        file.digest.kind =
            file.digest.hex.size() == 64 ? Digest::Kind::sha256 : Digest::Kind::git_sha1;
        const std::string& size =
            linked_size.empty() ? response.header("content-length") : linked_size;
        const bool digits = !size.empty() && size.size() < 19 &&
                            size.find_first_not_of("0123456789") == std::string::npos;
        if (!digits || !file.digest.is_whole())
            return odd(request.url,
                       "expected size and hash (X-Linked-Size, X-Linked-Etag or ETag)");
        file.bytes = std::stoull(size);
        return add(std::move(file));
    }

    Status add(RemoteFile file) {
        if (out_.files.size() >= kMaxFiles)
            return odd(api(), "more than " + std::to_string(kMaxFiles) + " files");
        if (!is_safe_path(file.path)) return {};  // hidden files are nobody's weights
        out_.files.push_back(std::move(file));
        return {};
    }

    HttpClient& client_;
    const Settings& settings_;
    const Asker& ask_;
    Listing out_;
};

}  // namespace

Result<Listing> list_repository(HttpClient& client, const Settings& settings,
                                const std::string& repository, const std::string& revision,
                                const Asker& ask) {
    return Lister(client, settings, repository, revision, ask).list();
}

std::string file_url(const Settings& settings, const std::string& repository,
                     const std::string& commit, const std::string& path) {
    return settings.endpoint + "/" + repository + "/resolve/" + commit + "/" + escape_path(path);
}

bool is_safe_path(const std::string& path) {
    if (path.empty() || path.size() > 1024) return false;
    size_t start = 0;
    for (size_t i = 0; i <= path.size(); ++i) {
        if (i < path.size() && path[i] != '/') {
            const auto c = static_cast<unsigned char>(path[i]);
            if (c < 0x20 || c == 0x7f || c == '\\') return false;
            continue;
        }
        if (i == start || path[start] == '.') return false;  // empty, hidden, ".", ".."
        start = i + 1;
    }
    return true;
}

}  // namespace afs::hub
