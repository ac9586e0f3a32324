// A model from a hub into a folder: lists the repository at a commit, chooses its files, checks the
// disk, downloads several at once, and writes the manifest. Run again, it goes on where it was.
#pragma once
#include <filesystem>
#include <functional>
#include <string>

#include "hub/manifest.hpp"
#include "hub/retry.hpp"
#include "hub/selection.hpp"
#include "hub/settings.hpp"

namespace afs::hub {

// Which files of which repository.
struct Source {
    std::string repository, revision = "main";
    Selection selection;
};

struct FetchRequest : Source {
    std::filesystem::path folder;
    std::filesystem::path manifest;  // where it is written
    unsigned jobs = 4;               // files at once
    RetryPolicy retry;
};

struct FetchSnapshot {
    uint64_t done = 0, total = 0;      // bytes that are there, of all
    uint64_t received = 0;             // over the network, this run
    size_t files_done = 0, files = 0;  // 0 files: the repository is being listed
    long pause_seconds = 0;            // what the hub asked to wait, left
    std::string trouble;               // why the listing is tried again; empty: it is not
};

// Called by the thread that called, several times a second.
using FetchWatch = std::function<void(const FetchSnapshot&)>;

struct Fetched {
    Manifest manifest;
    uint64_t bytes = 0, received = 0;
    size_t were_there = 0;  // files that were whole and right already
};

// INVALID, NOT_FOUND, UNSUPPORTED: the hub's refusal or a wrong request; NO_MEMORY: the disk is too
// small; CANCELLED: `cancelled` said so. What was fetched stays for the next run.
Result<Fetched> fetch(const Settings& settings, const FetchRequest& request,
                      const std::function<bool()>& cancelled, const FetchWatch& watch);

// The files that a fetch would get and their hashes, without sha256 where the hub states git's
// hash.
Result<Manifest> expected_files(const Settings& settings, const Source& source,
                                const std::function<bool()>& cancelled);

// "1.2 GB": decimal, as disks and hubs count.
std::string bytes_text(uint64_t bytes);

}  // namespace afs::hub
