// One file from the hub to its final name: goes on where it was left, tries again what may pass,
// and takes nothing but the content whose hash the hub stated.
#pragma once
#include <atomic>
#include <filesystem>

#include "hub/files/part_file.hpp"
#include "hub/listing.hpp"
#include "hub/retry.hpp"

namespace afs::hub {

// How far one file is; read by the thread that draws.
struct FileProgress {
    std::atomic<uint64_t> done{0};      // right or not yet judged; never goes down
    std::atomic<uint64_t> received{0};  // over the network
    std::atomic<bool> finished{false};
};

struct DownloadPlace {
    std::filesystem::path folder;  // where the file goes
    std::filesystem::path parts;   // where it grows; on the same disk
};

// The name under which a file grows: by content, and by path, since two files may hold the same.
std::string part_name(const RemoteFile& file);

struct Downloaded {
    std::string sha256;
    bool was_there = false;  // under its final name, whole and right
};

class Download {
public:
    Download(HttpClient& client, const Settings& settings, const Listing& listing,
             const RemoteFile& file, const DownloadPlace& place, const RetryPolicy& policy,
             Pace& pace, FileProgress& progress);

    Result<Downloaded> run();

private:
    Result<bool> is_there();
    Status transfer(PartFile& part);
    Status check_head(const HttpResponse& head, PartFile& part);
    Status check_hub_words(const HttpResponse& head) const;
    Status take(const HttpResponse& head, std::span<const char> bytes, PartFile& part);
    Status rehash(const PartFile& part);
    Status wrong_bytes(const std::string& found) const;
    void show(uint64_t done);

    HttpClient& client_;
    const Settings& settings_;
    const Listing& listing_;
    const RemoteFile& file_;
    const DownloadPlace& place_;
    Retry retry_;
    Pace& pace_;
    FileProgress& progress_;
    Hasher hasher_;
    Downloaded out_;
    // Of the request that runs.
    bool head_checked_ = false;
    uint64_t skip_ = 0;  // bytes that come again, and are there already
};

}  // namespace afs::hub
