#include "report/report.hpp"

#include <ctime>

namespace afs::report {

// Out of line: g++ 12 takes a variant's other members for uninitialised where it sees the move.
void Section::add(Block block) {
    blocks.push_back(std::move(block));
}

const char* mark_word(Mark mark) {
    switch (mark) {
        case Mark::none: return "";
        case Mark::ok: return "ok";
        case Mark::info: return "info";
        case Mark::warning: return "warning";
        case Mark::failed: return "failed";
    }
    return "";
}

std::string time_text() {
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    gmtime_r(&now, &utc);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return text;
}

}  // namespace afs::report
