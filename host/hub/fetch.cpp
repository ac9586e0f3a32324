#include "hub/fetch.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <set>
#include <thread>

#include "afs/weights/mapped_file.hpp"  // read_text_file
#include "hub/download.hpp"
#include "hub/files/folder_lock.hpp"
#include "report/report.hpp"  // time_text

namespace afs::hub {
namespace fs = std::filesystem;
namespace {

using namespace std::chrono_literals;

constexpr const char* kPartsFolder = ".fetch";
constexpr const char* kOwner = "repository";  // in it: whose files the folder holds
constexpr uint64_t kSpareBytes = 16 << 20;    // for file systems' own needs

// Several downloads at once. The caller's thread watches, the others work; the first failure that
// does not pass stops all.
class Queue {
public:
    Queue(const Settings& settings, const FetchRequest& request, const Listing& listing,
          const std::vector<RemoteFile>& files, const DownloadPlace& place,
          const std::function<bool()>& cancelled)
        : settings_(settings),
          request_(request),
          listing_(listing),
          files_(files),
          place_(place),
          cancelled_(cancelled),
          pace_([this] { return stopped_ || cancelled_(); }),
          progress_(files.size()),
          results_(files.size()) {
        for (size_t i = 0; i < files.size(); ++i) waiting_.push_back(i);
        // Small ones first: what is wrong shows early. Then the largest, so that none is left
        // alone.
        const auto weight = [&files](size_t i) {
            const uint64_t bytes = files[i].bytes;
            return bytes < (1u << 20) ? 0 : ~bytes;
        };
        std::stable_sort(waiting_.begin(), waiting_.end(),
                         [&](size_t a, size_t b) { return weight(a) < weight(b); });
    }

    Status run(const FetchWatch& watch) {
        const size_t n = std::min<size_t>(std::max(1u, request_.jobs), files_.size());
        std::vector<std::thread> workers;
        working_ = n;
        workers.reserve(n);
        try {
            while (workers.size() < n) workers.emplace_back([this] { work(); });
        } catch (const std::exception& error) {  // the others do its share
            const std::lock_guard lock(mutex_);
            working_ -= n - workers.size();
            if (workers.empty())
                return Status(Code::no_memory,
                              std::string("cannot start a thread: ") + error.what());
        }
        for (std::unique_lock lock(mutex_); working_ > 0;) {
            idle_.wait_for(lock, 100ms, [this] { return working_ == 0; });
            lock.unlock();
            watch(snapshot());
            lock.lock();
        }
        for (std::thread& worker : workers) worker.join();
        if (cancelled_()) return Status(Code::cancelled, "interrupted");
        return failure_;
    }

    FetchSnapshot snapshot() const {
        FetchSnapshot now;
        now.files = files_.size();
        for (size_t i = 0; i < files_.size(); ++i) {
            now.total += files_[i].bytes;
            now.done += progress_[i].done;
            now.received += progress_[i].received;
            now.files_done += progress_[i].finished;
        }
        now.pause_seconds = pace_.seconds_left();
        return now;
    }
    const std::vector<Downloaded>& results() const { return results_; }

private:
    void work() noexcept {
        try {
            fetch_files();
        } catch (const std::exception& error) {
            fail(Status(Code::internal, error.what()), "a file");
        }
        const std::lock_guard lock(mutex_);
        --working_;
        idle_.notify_all();
    }

    void fetch_files() {
        HttpClient client(settings_, [this] { return pace_.cancelled(); });
        for (size_t i; next(i);) {
            auto result = Download(client, settings_, listing_, files_[i], place_, request_.retry,
                                   pace_, progress_[i])
                              .run();
            if (result)
                results_[i] = *result;
            else
                fail(result.status(), files_[i].path);
        }
    }

    bool next(size_t& i) {
        const std::lock_guard lock(mutex_);
        if (waiting_.empty() || stopped_ || cancelled_()) return false;
        i = waiting_.front();
        waiting_.pop_front();
        return true;
    }

    void fail(const Status& status, const std::string& path) {
        const std::lock_guard lock(mutex_);
        if (stopped_) return;  // the first one is the reason, the others stopped for it
        failure_ = status.context("cannot fetch '" + path + "' of " + listing_.repository);
        stopped_ = true;
    }

    const Settings& settings_;
    const FetchRequest& request_;
    const Listing& listing_;
    const std::vector<RemoteFile>& files_;
    const DownloadPlace& place_;
    const std::function<bool()>& cancelled_;
    std::atomic<bool> stopped_{false};
    Pace pace_;
    std::deque<FileProgress> progress_;
    std::vector<Downloaded> results_;
    std::mutex mutex_;
    std::condition_variable idle_;
    std::deque<size_t> waiting_;
    size_t working_ = 0;
    Status failure_;
};

// What is still to come, by the sizes of what is there.
uint64_t bytes_to_come(const std::vector<RemoteFile>& files, const DownloadPlace& place) {
    uint64_t needed = 0;
    for (const RemoteFile& file : files) {
        std::error_code absent;
        const uint64_t whole = fs::file_size(place.folder / file.path, absent);
        if (!absent && whole == file.bytes) continue;
        const uint64_t part = fs::file_size(place.parts / (part_name(file) + ".part"), absent);
        needed += file.bytes - (absent ? 0 : std::min(part, file.bytes));
    }
    return needed;
}

Status check_disk(const std::vector<RemoteFile>& files, const DownloadPlace& place) {
    const uint64_t needed = bytes_to_come(files, place);
    AFS_ASSIGN(const uint64_t available, free_bytes(place.folder));
    if (needed == 0 || needed + kSpareBytes <= available) return {};
    return Status(Code::no_memory, "not enough room at '" + place.folder.string() +
                                       "': " + bytes_text(needed) + " are to come, " +
                                       bytes_text(available) +
                                       " are free; make room, or choose another disk with --to");
}

Status make_folder(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (!error && fs::is_directory(folder, error)) return {};
    return Status(Code::io,
                  "cannot make the folder '" + folder.string() +
                      "': " + (error ? error.message() : "a file is in its place") +
                      "; choose one that you may write to with --to",
                  {}, error.value());
}

// Whether a file under a final name has the content that is wanted.
Result<bool> is_same(const fs::path& there, const RemoteFile& file,
                     const std::function<bool()>& cancelled) {
    std::error_code error;
    if (fs::file_size(there, error) != file.bytes || error) return false;
    Hasher hasher(file.bytes, file.digest.kind);
    AFS_TRY(hash_prefix(there, file.bytes, hasher, [&](uint64_t) { return !cancelled(); }));
    AFS_ASSIGN(const Hasher::Sums sums, hasher.finish());
    return sums.of(file.digest.kind) == file.digest.hex;
}

// A folder belongs to the repository that was first fetched into it: files of anything else are not
// written over.
Status claim_folder(const std::vector<RemoteFile>& files, const DownloadPlace& place,
                    const std::string& repository, const std::function<bool()>& cancelled) {
    const fs::path mark = place.parts / kOwner;
    std::error_code ignored;
    std::string owner;
    if (fs::exists(mark, ignored)) {
        AFS_ASSIGN(owner, read_text_file(mark, 4096));
    }
    if (owner == repository) return {};
    for (const RemoteFile& file : files) {
        const fs::path there = place.folder / file.path;
        if (!fs::exists(there, ignored)) continue;
        AFS_ASSIGN(const bool same, is_same(there, file, cancelled));
        if (!same)
            return invalid("'" + place.folder.string() + "' holds another '" + file.path + "'" +
                           (owner.empty() ? "" : ", of " + owner) +
                           ": it is not written over; choose another folder with --to");
    }
    return write_whole(mark, repository);
}

// Parts of contents that this commit does not have. Those of its other files stay: they may be on
// their way to a later fetch.
void clear_parts(const fs::path& parts, const Listing& listing) {
    std::set<std::string> known = {"lock", kOwner};
    for (const RemoteFile& file : listing.files)
        for (const char* end : {".part", ".etag"}) known.insert(part_name(file) + end);
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(parts, ignored))
        if (!known.count(entry.path().filename().string())) fs::remove(entry.path(), ignored);
}

Manifest manifest_of(const Settings& settings, const Source& source, const Listing& listing) {
    Manifest manifest;
    manifest.repository = listing.repository;
    manifest.revision = listing.revision;
    manifest.commit = listing.commit;
    manifest.endpoint = settings.endpoint;
    manifest.selection = source.selection.gguf;
    return manifest;
}

}  // namespace

std::string bytes_text(uint64_t bytes) {
    constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    auto value = static_cast<double>(bytes);
    size_t unit = 0;
    for (; value >= 999.95 && unit + 1 < std::size(kUnits); ++unit) value /= 1000;
    char text[32];
    std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
    return text;
}

Result<Fetched> fetch(const Settings& settings, const FetchRequest& request,
                      const std::function<bool()>& cancelled, const FetchWatch& watch) {
    const DownloadPlace place{request.folder, request.folder / kPartsFolder};
    std::function<bool()> watched;  // the listing runs in this thread, which has to watch
    Pace pace([&watched] { return watched(); });
    watched = [&] {
        FetchSnapshot now;
        now.pause_seconds = pace.seconds_left();
        now.trouble = pace.trouble();
        watch(now);
        return cancelled();
    };
    HttpClient client(settings, watched);
    const Asker ask = [&](const auto& send) { return Retry(request.retry, pace).ask(send); };
    AFS_ASSIGN(const Listing listing,
               list_repository(client, settings, request.repository, request.revision, ask));
    AFS_ASSIGN(const std::vector<RemoteFile> files, select_files(listing, request.selection));
    AFS_TRY(make_folder(place.parts));
    AFS_ASSIGN(const FolderLock lock, FolderLock::take(place.parts / "lock"));
    const Status claimed = claim_folder(files, place, listing.repository, cancelled);
    if (!claimed.ok()) {
        std::error_code kept;  // another model's folder is left as it was
        if (!fs::exists(place.parts / kOwner, kept)) fs::remove(place.parts / "lock", kept);
        fs::remove(place.parts, kept);  // where nothing else is in it
        return claimed;
    }
    AFS_TRY(check_disk(files, place));
    Queue queue(settings, request, listing, files, place, cancelled);
    AFS_TRY(queue.run(watch));
    watch(queue.snapshot());
    Fetched fetched;
    fetched.manifest = manifest_of(settings, request, listing);
    fetched.manifest.folder = fs::absolute(request.folder).lexically_normal().string();
    fetched.manifest.fetched_at = report::time_text();
    for (size_t i = 0; i < files.size(); ++i)
        fetched.manifest.files.push_back({files[i], queue.results()[i].sha256});
    fetched.bytes = queue.snapshot().total;
    fetched.received = queue.snapshot().received;
    for (const Downloaded& result : queue.results()) fetched.were_there += result.was_there;
    AFS_TRY(write_manifest(fetched.manifest, request.manifest));
    clear_parts(place.parts, listing);
    return fetched;
}

Result<Manifest> expected_files(const Settings& settings, const Source& source,
                                const std::function<bool()>& cancelled) {
    const RetryPolicy policy;
    Pace pace(cancelled);
    HttpClient client(settings, cancelled);
    const Asker ask = [&](const auto& send) { return Retry(policy, pace).ask(send); };
    AFS_ASSIGN(const Listing listing,
               list_repository(client, settings, source.repository, source.revision, ask));
    AFS_ASSIGN(const std::vector<RemoteFile> files, select_files(listing, source.selection));
    Manifest manifest = manifest_of(settings, source, listing);
    for (const RemoteFile& file : files) {
        const bool large = file.digest.kind == Digest::Kind::sha256;
        manifest.files.push_back({file, large ? file.digest.hex : ""});
    }
    return manifest;
}

}  // namespace afs::hub
