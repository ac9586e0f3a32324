#include "doctor/build_info.hpp"

#include <filesystem>

#include "afs/json.hpp"
#include "afs/weights/mapped_file.hpp"

namespace afs {

namespace fs = std::filesystem;

std::vector<std::pair<std::string, std::string>> build_info() {
    std::vector<std::pair<std::string, std::string>> out;
    std::error_code ignored;
    const fs::path bin = fs::read_symlink("/proc/self/exe", ignored).parent_path();
    for (const char* place : {"../build-info.json", "../share/afs/build-info.json"}) {
        const auto text = read_text_file(bin / place, uint64_t{1} << 20);
        if (!text) continue;
        const auto value = json::parse(*text);
        if (!value) continue;
        for (const json::Member& member : value->members)
            out.emplace_back(member.key, member.value.string);
        break;
    }
    return out;
}

}  // namespace afs
