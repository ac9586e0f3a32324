#include "machine.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace env_system {

namespace fs = std::filesystem;

bool Machine::has(const std::string& path) const {
    std::error_code ignored;
    return fs::exists(prefix_ + path, ignored);
}

std::optional<std::string> Machine::text(const std::string& path) const {
    std::ifstream file(prefix_ + path, std::ios::binary);
    if (!file) return {};
    std::string out(size_t{1} << 20, '\0');
    file.read(out.data(), static_cast<std::streamsize>(out.size()));
    if (file.bad()) return {};
    out.resize(static_cast<size_t>(file.gcount()));
    return out;
}

std::optional<std::string> Machine::line(const std::string& path) const {
    auto out = text(path);
    if (out) out->resize(std::min(out->size(), out->find('\n')));
    return out;
}

std::optional<uint64_t> Machine::number(const std::string& path) const {
    const auto found = line(path);
    if (!found || found->empty() || found->find_first_not_of("0123456789") != std::string::npos)
        return {};
    return std::strtoull(found->c_str(), nullptr, 10);
}

std::optional<std::string> Machine::field(const std::string& path, const std::string& key) const {
    const auto all = text(path);
    if (!all) return {};
    std::istringstream lines(*all);
    for (std::string one; std::getline(lines, one);) {
        const size_t colon = one.find_first_of(":=");
        if (colon == std::string::npos) continue;
        std::string name = one.substr(0, colon), value = one.substr(colon + 1);
        name.erase(name.find_last_not_of(" \t") + 1);
        value.erase(0, value.find_first_not_of(" \t"));
        if (name == key) return value;
    }
    return {};
}

std::vector<std::string> Machine::names(const std::string& folder) const {
    std::vector<std::string> out;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(prefix_ + folder, ignored))
        out.push_back(entry.path().filename().string());
    std::sort(out.begin(), out.end());
    return out;
}

std::string gib(uint64_t bytes) {
    char out[32];
    std::snprintf(out, sizeof out, "%.1f GiB", static_cast<double>(bytes) / 1073741824.0);
    return out;
}

}  // namespace env_system
