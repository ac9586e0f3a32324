// Fetches in the test's own process, with waits of milliseconds, and what can be said of any run.
#pragma once
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <map>

#include "host/hub/hub_server.hpp"
#include "hub/fetch.hpp"
#include "support/temp_folder.hpp"

namespace afs::test {

inline std::string read_bytes(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

struct FetchRun {
    hub::Settings settings = hub_server().settings();
    hub::FetchRequest request;
    std::vector<hub::FetchSnapshot> seen;

    FetchRun(const std::string& repository, const TempFolder& folder) {
        request.repository = repository;
        request.folder = folder.path() / "model";
        request.manifest = folder.path() / "reports" / "weights-model.json";
        request.retry.first_wait = std::chrono::milliseconds(1);
        request.retry.longest_wait = std::chrono::milliseconds(4);
    }

    Result<hub::Fetched> run(const std::function<bool()>& cancelled = [] { return false; }) {
        return hub::fetch(settings, request, cancelled,
                          [this](const hub::FetchSnapshot& now) { seen.push_back(now); });
    }

    // The bar of one run: never back, never beyond the end.
    bool never_went_back() const {
        uint64_t last = 0;
        for (const hub::FetchSnapshot& now : seen) {
            if (now.files == 0) continue;
            if (now.done < last || now.done > now.total) return false;
            last = now.done;
        }
        return true;
    }

    // The files under their final names, each with the bytes that the hub has; "": all are right.
    std::string wrong_file() const {
        std::error_code absent;
        for (const auto& entry :
             std::filesystem::recursive_directory_iterator(request.folder, absent)) {
            const std::string path =
                std::filesystem::relative(entry.path(), request.folder).string();
            if (!entry.is_regular_file() || path.starts_with(".fetch/")) continue;
            if (read_bytes(entry.path()) != hub_server().content(request.repository, path))
                return path;
        }
        return {};
    }
    size_t n_files() const {
        size_t n = 0;
        for (const auto& entry : std::filesystem::directory_iterator(request.folder))
            n += entry.is_regular_file();
        return n;
    }
};

// Replays what a server saw and sent: every request for a file's bytes must begin where the bytes
// before it ended. Only a content that was sent whole with a wrong byte in it may be asked for
// again from its start. "": it is so.
inline std::string restarted(const json::Value& log) {
    std::map<std::string, uint64_t> have;
    std::map<std::string, bool> flipped;
    for (const json::Value& request : log.items) {
        const json::Value *file = request.find("file"), *start = request.find("start");
        if (!file) continue;
        uint64_t& at = have[file->string];
        const std::string range = request.find("range")->string;
        const uint64_t asked = range.empty() ? 0 : std::stoull(range.substr(6));
        if (asked != at)
            return file->string + ": asked from byte " + std::to_string(asked) + ", had " +
                   std::to_string(at);
        if (!start) continue;  // it was not answered with content
        const uint64_t begin = *start->as_uint64(), sent = *request.find("sent")->as_uint64();
        const bool new_bytes = begin + sent > at;
        flipped[file->string] |= new_bytes && request.find("flipped")->boolean;
        at = std::max(at, begin + sent);
        if (at < *request.find("size")->as_uint64()) continue;
        if (flipped[file->string]) at = 0;
        flipped[file->string] = false;
    }
    return {};
}

}  // namespace afs::test
