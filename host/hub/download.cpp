#include "hub/download.hpp"

#include <algorithm>
#include <charconv>

#include "hub/http/url.hpp"
#include "hub/refusal.hpp"

namespace afs::hub {
namespace fs = std::filesystem;
namespace {

constexpr int kMaxWrong = 2;  // contents with a wrong hash until it is an error

// "bytes 100-199/200" of a Content-Range header.
struct ContentRange {
    uint64_t first = 0, total = 0;
    bool good = false;
};

ContentRange parse_range(std::string_view text) {
    ContentRange range;
    const size_t dash = text.find('-'), slash = text.find('/');
    if (!text.starts_with("bytes ") || dash == text.npos || slash == text.npos || dash > slash)
        return range;
    const auto number = [](std::string_view digits, uint64_t& to) {
        const auto [stop, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), to);
        return error == std::errc() && stop == digits.data() + digits.size();
    };
    range.good = number(text.substr(6, dash - 6), range.first) &&
                 number(text.substr(slash + 1), range.total);
    return range;
}

// The ETag with the host that said it; empty where it is none that a range can be bound to.
std::string bound_etag(const HttpResponse& head) {
    const std::string& etag = head.header("etag");
    const auto parts = parse_url(head.url);
    return etag.empty() || etag.starts_with("W/") || !parts ? "" : parts->origin + " " + etag;
}

// A server that answers wrongly may answer rightly at the next try.
Status odd(const std::string& what) {
    return Status(Code::io, what);
}

}  // namespace

std::string part_name(const RemoteFile& file) {
    constexpr size_t kTail = 120;  // names may have 255 bytes
    const std::string path = escape(file.path);
    return file.digest.hex + "-" + path.substr(path.size() - std::min(path.size(), kTail));
}

Download::Download(HttpClient& client, const Settings& settings, const Listing& listing,
                   const RemoteFile& file, const DownloadPlace& place, const RetryPolicy& policy,
                   Pace& pace, FileProgress& progress)
    : client_(client),
      settings_(settings),
      listing_(listing),
      file_(file),
      place_(place),
      retry_(policy, pace),
      pace_(pace),
      progress_(progress),
      hasher_(file.bytes, file.digest.kind) {}

void Download::show(uint64_t done) {
    // A file that begins again keeps what it showed until it has more.
    if (done > progress_.done) progress_.done = done;
}

Result<bool> Download::is_there() {
    const fs::path file = place_.folder / file_.path;
    std::error_code error;
    if (!fs::is_regular_file(file, error) || fs::file_size(file, error) != file_.bytes)
        return false;
    Hasher hasher(file_.bytes, file_.digest.kind);
    uint64_t read = 0;
    AFS_TRY(hash_prefix(file, file_.bytes, hasher, [&](uint64_t n) {
        show(read += n);
        return !pace_.cancelled();
    }));
    AFS_ASSIGN(const Hasher::Sums sums, hasher.finish());
    out_.sha256 = sums.sha256;
    return sums.of(file_.digest.kind) == file_.digest.hex;
}

Status Download::rehash(const PartFile& part) {
    hasher_ = Hasher(file_.bytes, file_.digest.kind);
    uint64_t read = 0;
    return hash_prefix(part.path(), part.size(), hasher_, [&](uint64_t n) {
        show(read += n);
        return !pace_.cancelled();
    });
}

Status Download::wrong_bytes(const std::string& found) const {
    return Status(Code::io, std::string("its content has ") + name_of(file_.digest.kind) + " " +
                                found + ", the hub states " + file_.digest.hex +
                                "; nothing was kept of it");
}

Result<Downloaded> Download::run() {
    AFS_ASSIGN(out_.was_there, is_there());
    if (out_.was_there) {
        show(file_.bytes);
        progress_.finished = true;
        return out_;
    }
    AFS_ASSIGN(PartFile part, PartFile::open(place_.parts, part_name(file_)));
    if (part.size() > file_.bytes) AFS_TRY(part.restart());
    AFS_TRY(rehash(part));
    for (int wrong = 0;;) {
        AFS_TRY(transfer(part));
        AFS_ASSIGN(const Hasher::Sums sums, hasher_.finish());
        if (sums.of(file_.digest.kind) == file_.digest.hex) {
            AFS_TRY(part.move_to(place_.folder / file_.path));
            out_.sha256 = sums.sha256;
            show(file_.bytes);
            progress_.finished = true;
            return out_;
        }
        // Which byte is wrong no hash tells: this is the one case in which a file begins again.
        const Status why = wrong_bytes(sums.of(file_.digest.kind));
        AFS_TRY(part.restart());
        AFS_TRY(rehash(part));
        if (++wrong == kMaxWrong) {
            part.remove();
            return why;
        }
        AFS_TRY(retry_.again(why, -1, false));
    }
}

// Until the part has all its bytes.
Status Download::transfer(PartFile& part) {
    while (part.size() < file_.bytes) {
        AFS_TRY(pace_.wait(std::chrono::milliseconds(0)));
        HttpRequest request;
        request.url = file_url(settings_, listing_.repository, listing_.commit, file_.path);
        request.from = part.size();
        const std::string etag = part.etag();
        if (const size_t space = etag.find(' '); space != std::string::npos) {
            request.if_range_origin = etag.substr(0, space);
            request.if_range = etag.substr(space + 1);
        }
        head_checked_ = false;
        skip_ = 0;
        const uint64_t before = part.size();
        const auto response =
            client_.send(request, [&](const HttpResponse& head, std::span<const char> bytes) {
                return take(head, bytes, part);
            });
        Status why;
        long retry_after = -1;
        if (!response) {
            why = response.status();
            // Local failures carry where they came from; a wrong answer is the network's.
            const bool odd_answer = why.code() == Code::io && why.native_code() == 0;
            if (!is_transient(why) && !odd_answer) return why;
        } else if (response->status >= 300) {
            why = refusal(*response,
                          {listing_.repository, listing_.revision, file_.path, &settings_});
            retry_after = response->retry_after;
            if (response->status == 416) {  // the server thinks that it has no such byte
                AFS_TRY(part.set_etag(""));
            } else if (!response->at_hub && (response->status == 403 || response->status == 401)) {
                // A signed address has run out; the hub gives a new one.
            } else if (!may_pass(response->status)) {
                return why;
            }
        } else if (part.size() == file_.bytes) {
            break;
        } else {
            why = odd("its transfer ended at byte " + std::to_string(part.size()) + " of " +
                      std::to_string(file_.bytes));
        }
        AFS_TRY(retry_.again(why, retry_after, part.size() > before));
    }
    return {};
}

// What the hub itself says of the file on the way must be what its list said.
Status Download::check_hub_words(const HttpResponse& head) const {
    const auto differs = [&](const char* what, const std::string& found,
                             const std::string& expected) {
        return invalid(std::string("the hub's list and its answer differ in ") + what +
                       ": expected " + expected + ", found " + shown(found) +
                       "; the repository may have changed: run the same command again");
    };
    const std::string& commit = head.hub_header("x-repo-commit");
    if (!commit.empty() && commit != listing_.commit)
        return differs("commit", commit, listing_.commit);
    const std::string& size = head.hub_header("x-linked-size");
    if (!size.empty() && size != std::to_string(file_.bytes))
        return differs("size", size, std::to_string(file_.bytes));
    const std::string& etag = head.hub_header("x-linked-etag");
    if (!etag.empty() && etag.find(file_.digest.hex) == std::string::npos)
        return differs("hash", etag, file_.digest.hex);
    return {};
}

// Decides from the head of an answer whether its body can be used, and from which byte on.
Status Download::check_head(const HttpResponse& head, PartFile& part) {
    AFS_TRY(check_hub_words(head));
    const std::string etag = bound_etag(head);
    if (head.status == 206) {
        const ContentRange range = parse_range(head.header("content-range"));
        if (!range.good || range.first > part.size())
            return odd("it answers another range than that from byte " +
                       std::to_string(part.size()) + ": '" + shown(head.header("content-range")) +
                       "'");
        if (range.total != file_.bytes)
            return odd("it has " + std::to_string(range.total) + " bytes at '" +
                       without_credentials(head.url) + "', the hub states " +
                       std::to_string(file_.bytes));
        skip_ = part.size() - range.first;
    } else {
        const std::string& length = head.header("content-length");
        if (!length.empty() && length != std::to_string(file_.bytes))
            return odd("it has " + shown(length) + " bytes (" + shown(head.header("content-type")) +
                       ") at '" + without_credentials(head.url) + "', the hub states " +
                       std::to_string(file_.bytes));
        const std::string known = part.etag();
        const auto host = [](const std::string& text) { return text.substr(0, text.find(' ')); };
        // The same host has another content under this address now: what is there is not of it.
        const bool changed = part.size() > 0 && !known.empty() && !etag.empty() &&
                             host(known) == host(etag) && known != etag;
        if (changed) {
            AFS_TRY(part.restart());
            AFS_TRY(rehash(part));
        }
        skip_ = part.size();  // a server without ranges sends again what is there
    }
    if (part.etag() != etag) AFS_TRY(part.set_etag(etag));
    head_checked_ = true;
    return {};
}

Status Download::take(const HttpResponse& head, std::span<const char> bytes, PartFile& part) {
    if (!head_checked_) AFS_TRY(check_head(head, part));
    progress_.received += bytes.size();
    const uint64_t skipped = std::min<uint64_t>(skip_, bytes.size());
    skip_ -= skipped;
    bytes = bytes.subspan(skipped);
    if (bytes.size() > file_.bytes - part.size())
        return odd("it sends more than the " + std::to_string(file_.bytes) +
                   " bytes that the hub states");
    const uint64_t before = part.size();
    const Status written = part.append(bytes);
    hasher_.update(bytes.data(), part.size() - before);  // what was written, all or not
    AFS_TRY(written);
    show(part.size());
    return {};
}

}  // namespace afs::hub
