// .env files that count, the variables they and the process set, and who may read them. Values are
// not shown: a token may be among them.
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <sstream>

#include "checks.hpp"

extern char** environ;

namespace env_model {
namespace {

namespace fs = std::filesystem;

// The names that a line sets: "export AFS_MODEL = x" -> "AFS_MODEL".
std::string name_in(std::string line) {
    line.erase(0, line.find_first_not_of(" \t"));
    if (line.rfind("export ", 0) == 0) line.erase(0, 7);
    line.erase(0, line.find_first_not_of(" \t"));
    if (line.empty() || line[0] == '#') return "";
    line.resize(std::min(line.size(), line.find('=')));
    line.erase(line.find_last_not_of(" \t") + 1);
    return line;
}

void list(std::string& out, const std::string& name) {
    out += (out.empty() ? "" : ", ") + name;
}

void check_file(const fs::path& file, Findings& out) {
    struct stat facts {};
    if (stat(file.c_str(), &facts) != 0) return;
    const auto text = read_text(file, uint64_t{1} << 20);
    if (!text) {
        out.push_back({AFS_CHECK_WARN, "dotenv", file.string() + " cannot be read", "",
                       "chmod u+r '" + file.string() + "'"});
        return;
    }
    std::string ours;
    bool secret = false;
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);) {
        const std::string name = name_in(line);
        if (name.rfind("AFS_", 0) == 0) list(ours, name);
        secret = secret || name.find("TOKEN") != std::string::npos ||
                 name.find("SECRET") != std::string::npos;
    }
    afs::Finding finding{AFS_CHECK_OK, "dotenv",
                         file.string() + ": " + (ours.empty() ? "no AFS_ variable" : ours), "", ""};
    if (secret && (facts.st_mode & 077) != 0) {
        finding.status = AFS_CHECK_WARN;
        finding.found += "; it holds a token and others may read it";
        finding.remedy = "chmod 600 '" + file.string() + "'";
    }
    out.push_back(finding);
}

}  // namespace

Findings check_dotenv(const Look& look) {
    Findings out;
    std::error_code ignored;
    const fs::path here = fs::current_path(ignored);
    check_file(here / ".env", out);
    const fs::path beside = fs::path(look.view.config_file).parent_path();
    if (!beside.empty() && beside != here) check_file(beside / ".env", out);
    if (out.empty()) out.push_back({AFS_CHECK_OK, "dotenv", "none", "", ""});
    std::string set;
    for (char** entry = environ; entry && *entry; ++entry)
        if (std::strncmp(*entry, "AFS_", 4) == 0) list(set, name_in(*entry));
    out.push_back(
        {AFS_CHECK_INFO, "environment", set.empty() ? "no AFS_ variable is set" : set, "", ""});
    return out;
}

}  // namespace env_model
