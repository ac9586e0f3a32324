// Models in several files: NAME-00001-of-00003.gguf, which of them this is in split.no (from 0).
#include <algorithm>
#include <cstdio>
#include <map>

#include "afs/weights/gguf.hpp"

namespace afs {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kMaxParts = 99999;

// "-00002-of-00003.gguf"
std::string suffix(int64_t number, int64_t count) {
    char text[64];
    std::snprintf(text, sizeof text, "-%05lld-of-%05lld.gguf", static_cast<long long>(number + 1),
                  static_cast<long long>(count));
    return text;
}

struct PartName {
    std::string model;  // what stands before the suffix
    int64_t number, count;
};

std::optional<PartName> part_name(const std::string& file) {
    constexpr size_t kLength = sizeof "-00001-of-00003.gguf" - 1;
    if (file.size() <= kLength) return {};
    const std::string tail = file.substr(file.size() - kLength);
    const auto number = [&tail](size_t at) -> int64_t {
        int64_t n = 0;
        for (size_t i = at; i < at + 5; ++i) {
            if (tail[i] < '0' || tail[i] > '9') return -1;
            n = n * 10 + (tail[i] - '0');
        }
        return n;
    };
    PartName name{file.substr(0, file.size() - kLength), number(1) - 1, number(10)};
    if (name.number < 0 || name.count < 1 || tail != suffix(name.number, name.count)) return {};
    return name;
}

// The key's value; `otherwise` where the file lacks it.
Result<int64_t> number_of(const GgufFile& file, std::string_view key, int64_t otherwise) {
    const GgufValue* value = file.find(key);
    if (!value) return otherwise;
    if (const auto found = value->integer()) return *found;
    return invalid("cannot read '" + file.file()->path().string() + "': " + std::string(key) +
                   " must be an integer, found " + name_of(value->type));
}

std::string_view architecture(const GgufFile& file) {
    const GgufValue* value = file.find("general.architecture");
    return value ? value->text().value_or("") : "";
}

class Parts {
public:
    explicit Parts(const fs::path& path) : path_(path) {}

    Result<std::vector<GgufFile>> open() {
        AFS_ASSIGN(GgufFile given, GgufFile::open(path_));
        AFS_ASSIGN(count_, number_of(given, "split.count", 1));
        std::vector<GgufFile> parts;
        if (count_ == 0 || count_ == 1) {
            parts.push_back(std::move(given));
            return parts;
        }
        AFS_ASSIGN(const int64_t number, number_of(given, "split.no", -1));
        const auto name = part_name(path_.filename().string());
        if (count_ < 0 || count_ > kMaxParts || number < 0 || number >= count_)
            return bad("it says it is part " + std::to_string(number) + " (split.no) of " +
                       std::to_string(count_) + " (split.count)");
        if (!name || name->number != number || name->count != count_)
            return bad("it is one of " + std::to_string(count_) +
                       " parts; expected a name that ends in " + suffix(number, count_));
        AFS_TRY(check_present(*name));
        for (int64_t i = 0; i < count_; ++i) {
            if (i == number) {
                parts.push_back(std::move(given));
                continue;
            }
            AFS_ASSIGN(GgufFile part, GgufFile::open(file(*name, i)));
            parts.push_back(std::move(part));
        }
        for (int64_t i = 0; i < count_; ++i) AFS_TRY(check_part(parts, static_cast<size_t>(i)));
        AFS_TRY(check_total(parts));
        return parts;
    }

private:
    Status bad(const std::string& what) const {
        return invalid("cannot load model '" + path_.string() + "': " + what);
    }
    fs::path file(const PartName& name, int64_t i) const {
        return path_.parent_path() / (name.model + suffix(i, count_));
    }
    Status check_present(const PartName& name) const {
        std::string absent;
        int64_t n_absent = 0;
        std::error_code ignored;
        for (int64_t i = 0; i < count_; ++i) {
            if (fs::is_regular_file(file(name, i), ignored)) continue;
            if (++n_absent <= 5)
                absent += (absent.empty() ? "" : ", ") + file(name, i).filename().string();
        }
        if (n_absent == 0) return {};
        return not_found("cannot load model '" + path_.string() + "': " + std::to_string(n_absent) +
                         " of " + std::to_string(count_) + " parts are absent: " + absent +
                         (n_absent > 5 ? " and " + std::to_string(n_absent - 5) + " more" : ""));
    }
    // The part says the same of the whole as the first one does.
    Status check_part(const std::vector<GgufFile>& parts, size_t i) const {
        const GgufFile &part = parts[i], &first = parts[0];
        const std::string subject =
            "part '" + part.file()->path().filename().string() + "' belongs to another model: ";
        const auto expect = [&](std::string_view key, int64_t expected) -> Status {
            AFS_ASSIGN(const int64_t found, number_of(part, key, -1));
            if (found == expected) return {};
            return bad(subject + std::string(key) + " is " +
                       (found < 0 ? std::string("absent") : std::to_string(found)) + ", expected " +
                       std::to_string(expected));
        };
        AFS_TRY(expect("split.no", static_cast<int64_t>(i)));
        AFS_TRY(expect("split.count", count_));
        AFS_ASSIGN(const int64_t total, number_of(first, "split.tensors.count", -1));
        AFS_TRY(expect("split.tensors.count", total));
        const std::string_view expected = architecture(first), found = architecture(part);
        if (!found.empty() && found != expected)
            return bad(subject + "general.architecture is '" + std::string(found) +
                       "', expected '" + std::string(expected) + "'");
        return {};
    }
    Status check_total(const std::vector<GgufFile>& parts) const {
        size_t found = 0;
        for (const GgufFile& part : parts) found += part.tensors().size();
        AFS_ASSIGN(const int64_t total, number_of(parts[0], "split.tensors.count", -1));
        if (total == static_cast<int64_t>(found)) return {};
        return bad("split.tensors.count is " + std::to_string(total) + ", its " +
                   std::to_string(count_) + " parts hold " + std::to_string(found) + " tensors");
    }

    fs::path path_;
    int64_t count_ = 1;
};

}  // namespace

Result<std::vector<GgufFile>> open_gguf_parts(const fs::path& path) {
    return Parts(path).open();
}

std::vector<fs::path> gguf_models_in(const fs::path& folder) {
    std::vector<fs::path> files, models;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
        std::error_code ignored;
        if (it->path().extension() == ".gguf" && it->is_regular_file(ignored))
            files.push_back(it->path());
    }
    std::sort(files.begin(), files.end());  // the first part of a split model before the others
    std::string last;
    for (const fs::path& file : files) {
        const auto part = part_name(file.filename().string());
        const std::string whole = part ? part->model + suffix(0, part->count) : std::string();
        if (whole.empty() || whole != last) models.push_back(file);
        last = whole;
    }
    return models;
}

}  // namespace afs
