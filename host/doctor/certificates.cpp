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

bool flag_in(const Value& object, const char* key) {
    const Value* value = object.find(key);
    return value && value->boolean;
}

report::Cell verdict(const Value& certificate) {
    const Value* suite = certificate.find("suite");
    const bool whole = flag_in(certificate, "conformant"), part = flag_in(certificate, "passed");
    std::string text = whole ? "conformant, " : part ? "passed in part, " : "not conformant, ";
    if (const Value* narrowed = suite ? suite->find("narrowed_by") : nullptr)
        for (const Value& one : narrowed->items) text += "only " + one.string + ", ";
    return {text + text_in(suite, "level") + ", " + text_in(suite, "date"),
            whole  ? report::Mark::ok
            : part ? report::Mark::info
                   : report::Mark::failed};
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
        out[text_in(value->find("plugin"), "sha256")] = verdict(*value);
    }
    return out;
}

}  // namespace afs
