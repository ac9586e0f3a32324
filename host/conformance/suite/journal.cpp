#include "conformance/suite/journal.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "conformance/report/case_json.hpp"

namespace afs::conformance {

Result<Journal> Journal::open(const std::string& path, const std::string& identity) {
    Journal journal;
    if (path.empty()) return journal;
    std::error_code none;
    if (std::filesystem::exists(path, none) && !std::filesystem::is_regular_file(path, none))
        return Status(Code::io, "cannot keep results in '" + path + "': expected a regular file");
    std::ifstream before(path);
    std::string line;
    if (before && std::getline(before, line)) {
        const auto head = nlohmann::json::parse(line, nullptr, false);
        const bool named =
            head.is_object() && head.contains("journal_of") && head["journal_of"].is_string();
        const std::string found = named ? head["journal_of"].get<std::string>() : "";
        if (found != identity)
            return Status(Code::io, "cannot resume from '" + path + "': it is of " +
                                        (found.empty() ? "something else" : found) + ", expected " +
                                        identity + "; name another file");
        while (std::getline(before, line)) {  // a last line that was cut off is run again
            const auto json = nlohmann::json::parse(line, nullptr, false);
            if (!json.is_object() || !json.contains("ending")) continue;
            CaseResult r = result_from(json);
            if (r.ending != Ending::skipped) journal.known_[r.id] = std::move(r);
        }
    }
    const bool fresh = !before.is_open() || journal.known_.empty();
    journal.file_.open(path, fresh ? std::ios::trunc : std::ios::app);
    if (!journal.file_) return Status(Code::io, "cannot write '" + path + "'");
    if (fresh)
        journal.file_ << nlohmann::json{{"journal_of", identity}}.dump() << std::endl;
    else
        journal.file_ << std::endl;  // behind a line that was cut off
    return journal;
}

void Journal::add(const CaseResult& result) {
    if (file_.is_open())
        file_ << as_json(result).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
              << std::endl;
}

}  // namespace afs::conformance
