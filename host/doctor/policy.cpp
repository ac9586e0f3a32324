#include "doctor/policy.hpp"

#include <algorithm>
#include <fstream>
#include <set>

#include "afs/config/schema.hpp"  // nearest
#include "afs/json.hpp"
#include "afs/weights/mapped_file.hpp"

namespace afs {
namespace {

namespace fs = std::filesystem;
using json::Kind;
using json::Value;

// Reads members of objects and remembers the first that is wrong.
class PolicyReader {
public:
    explicit PolicyReader(std::string name) : name_(std::move(name)) {}

    Status status() const { return status_; }
    void known(const Value& object, const std::vector<std::string>& keys) {
        for (const json::Member& member : object.members)
            if (std::find(keys.begin(), keys.end(), member.key) == keys.end())
                complain(member.line,
                         "unknown key '" + member.key + "'" + nearest(member.key, keys));
    }
    std::vector<std::string> texts(const Value& object, const char* key) {
        std::vector<std::string> out;
        const Value* list = object.find(key);
        if (!list) return out;
        if (!list->is(Kind::array)) complain(list->line, expected(key, "a list of texts", *list));
        for (const Value& item : list->items) {
            if (!item.is(Kind::string)) complain(item.line, expected(key, "texts", item));
            out.push_back(item.string);
        }
        return out;
    }
    bool flag(const Value& object, const char* key) {
        const Value* value = object.find(key);
        if (!value) return false;
        if (!value->is(Kind::boolean))
            complain(value->line, expected(key, "true or false", *value));
        return value->boolean;
    }
    uint64_t count(const Value& object, const char* key, uint64_t otherwise) {
        const Value* value = object.find(key);
        if (!value) return otherwise;
        const auto n = value->as_uint64();
        if (!n || *n < 1 || *n > 1000)
            complain(value->line, expected(key, "a whole number from 1 to 1000", *value));
        return n.value_or(otherwise);
    }
    void complain(uint32_t line, const std::string& text) {
        if (status_.ok()) status_ = invalid(name_ + ":" + std::to_string(line) + ": " + text);
    }
    static std::string expected(const std::string& key, const std::string& what,
                                const Value& value) {
        return "'" + key + "' must be " + what + ", found " + json::dump(value).substr(0, 80);
    }

private:
    std::string name_;
    Status status_;
};

PolicyEvent read_event(PolicyReader& reader, const json::Member& member) {
    if (!member.value.is(Kind::object)) {
        reader.complain(member.line, PolicyReader::expected(member.key, "an object", member.value));
        return {};
    }
    reader.known(member.value, {"checks", "sanity"});
    return {reader.texts(member.value, "checks"), reader.flag(member.value, "sanity")};
}

// "2026-01-31T12:00:00Z" -> "20260131T120000Z"
std::string suffix_of(std::string made) {
    std::erase_if(made, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); });
    return made;
}

const char* const kEndings[] = {".json", ".md", ".html"};

// Names without endings of the reports that were moved aside; they sort by time.
std::set<std::string> old_reports(const fs::path& reports) {
    std::set<std::string> out;
    std::error_code error;
    for (fs::directory_iterator it(reports, error), end; !error && it != end; it.increment(error)) {
        const std::string stem = it->path().stem().string();
        if (stem.rfind("auto_verification-", 0) == 0) out.insert(stem);
    }
    return out;
}

}  // namespace

Result<Policy> read_policy(const fs::path& file) {
    AFS_ASSIGN(const std::string text, read_text_file(file, uint64_t{1} << 20));
    json::ParseOptions options;
    options.name = file.string();
    options.comments = true;
    AFS_ASSIGN(const Value root, json::parse(text, options));
    if (!root.is(Kind::object)) return invalid(file.string() + ": expected an object");
    PolicyReader reader(file.string());
    reader.known(root, {"events", "pass", "folders", "ignored", "keep_reports"});
    Policy out;
    if (const Value* events = root.find("events"))
        for (const json::Member& event : events->members)
            out.events[event.key] = read_event(reader, event);
    if (out.events.empty()) reader.complain(root.line, "no event is stated under 'events'");
    if (const Value* pass = root.find("pass")) {
        if (pass->string != "ok" && pass->string != "warning")
            reader.complain(pass->line,
                            PolicyReader::expected("pass", "\"ok\" or \"warning\"", *pass));
        out.warnings_pass = pass->string != "ok";
    }
    out.folders = reader.texts(root, "folders");
    out.ignored = reader.texts(root, "ignored");
    out.keep_reports = reader.count(root, "keep_reports", out.keep_reports);
    AFS_TRY(reader.status());
    return out;
}

Result<PolicyEvent> find_event(const Policy& policy, const std::string& name) {
    if (const auto found = policy.events.find(name); found != policy.events.end())
        return found->second;
    std::vector<std::string> known;
    std::string list;
    for (const auto& [event, content] : policy.events) {
        known.push_back(event);
        list += (list.empty() ? "" : ", ") + event;
    }
    return invalid("the policy has no event '" + name + "'" + nearest(name, known) +
                   "; the events are " + list);
}

std::vector<CheckedFinding> check_tree(const Policy& policy, const fs::path& root) {
    std::vector<CheckedFinding> out;
    std::error_code ignored;
    const auto add = [&out](bool good, const std::string& name, const std::string& found,
                            const std::string& remedy) {
        out.push_back(
            {"policy",
             "tree",
             {good ? AFS_CHECK_OK : AFS_CHECK_FAIL, name, found, "", good ? "" : remedy}});
    };
    for (const std::string& folder : policy.folders) {
        const bool there = fs::is_directory(root / folder, ignored);
        add(there, "folder." + folder, there ? "there" : "not there",
            "restore it: git checkout -- " + folder);
    }
    std::ifstream file(root / ".gitignore");
    std::set<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.insert(line);
    for (const std::string& entry : policy.ignored)
        add(lines.count(entry) != 0, "ignored." + entry,
            lines.count(entry) ? "in .gitignore" : "not in .gitignore",
            "add the line " + entry + " to .gitignore");
    return out;
}

Status write_verification(const report::Report& page, const fs::path& reports, uint64_t keep) {
    const fs::path newest = reports / "auto_verification";
    std::error_code ignored;
    if (fs::exists(newest.string() + ".json", ignored)) {
        // One that does not read has no time: it is the oldest there is.
        std::string made = "00000000";
        if (const auto text = read_text_file(newest.string() + ".json", uint64_t{64} << 20))
            if (const auto old = report::parse(*text, newest.string())) made = old->made;
        for (const char* ending : kEndings)
            fs::rename(newest.string() + ending, newest.string() + "-" + suffix_of(made) + ending,
                       ignored);
    }
    AFS_TRY(report::write_all(newest.string(), page));
    const std::set<std::string> old = old_reports(reports);
    size_t n = old.size() + 1;
    for (auto it = old.begin(); it != old.end() && n > keep; ++it, --n)
        for (const char* ending : kEndings) fs::remove(reports / (*it + ending), ignored);
    return {};
}

}  // namespace afs
