#include "doctor/certificates.hpp"

#include <set>

#include "afs/json.hpp"
#include "afs/weights/mapped_file.hpp"

namespace afs {
namespace {

namespace fs = std::filesystem;
using json::Value;

std::string text_in(const Value* object, const char* key) {
    const Value* value = object ? object->find(key) : nullptr;
    return value ? value->string : "";
}

}  // namespace

std::map<std::string, report::Cell> find_certificates(const fs::path& reports) {
    std::map<std::string, report::Cell> out;
    std::set<fs::path> files;  // the last by name counts where two judged one plugin
    std::error_code error;
    for (fs::directory_iterator it(reports, error), end; !error && it != end; it.increment(error))
        if (it->path().extension() == ".json") files.insert(it->path());
    for (const fs::path& file : files) {
        const auto content = read_text_file(file, uint64_t{8} << 20);
        if (!content || content->find("\"certificate\"") == std::string::npos) continue;
        const auto value = json::parse(*content);
        if (!value || text_in(&*value, "certificate") != "afs conformance") continue;
        const Value* conformant = value->find("conformant");
        const bool good = conformant && conformant->boolean;
        const Value* suite = value->find("suite");
        out[text_in(value->find("plugin"), "sha256")] = {
            std::string(good ? "conformant, " : "not conformant, ") + text_in(suite, "level") +
                ", " + text_in(suite, "date"),
            good ? report::Mark::ok : report::Mark::failed};
    }
    return out;
}

}  // namespace afs
