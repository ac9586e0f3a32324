#include "load/json_reader.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "afs/utf8.hpp"

namespace afs::bpe {
namespace {

using nlohmann::json;
constexpr size_t kMaxDepth = 64, kMaxBytes = 256 << 20;

// The parser's events; builds the document itself so that depth and duplicates are its own rules.
class Builder {
public:
    Builder(json& root, BulkParts* bulk) : root_(root), bulk_(bulk) {}
    Status status;

    bool null() { return value(json()); }
    bool boolean(bool v) { return value(json(v)); }
    bool number_integer(json::number_integer_t v) { return value(json(v)); }
    bool number_unsigned(json::number_unsigned_t v) {
        return mode_ == Mode::vocab ? keep(bulk_->vocab_entry(key_, v)) : value(json(v));
    }
    bool number_float(json::number_float_t v, const std::string&) { return value(json(v)); }
    bool binary(json::binary_t&) { return false; }
    bool string(std::string& v) {
        if (mode_ == Mode::merges) return merge_text(v);
        if (mode_ == Mode::pair) {
            if (n_pair_ < 2) pair_[n_pair_] = v;
            ++n_pair_;
            return true;
        }
        return value(json(std::move(v)));
    }
    bool key(std::string& v) {
        key_ = v;
        if (mode_ == Mode::document && stack_.back()->contains(v))
            return fail("key " + in_quotes(v) + " comes twice");
        return true;
    }
    bool start_object(size_t) {
        if (bulk_ && mode_ == Mode::document && at_vocab()) {
            if (bulk_->whole_file_is_vocab) stack_.push_back(&root_);
            mode_ = Mode::vocab;
            return bulk_->saw_vocab = true;
        }
        return open(json::object());
    }
    bool end_object() {
        if (mode_ == Mode::vocab)
            mode_ = Mode::document;
        else
            stack_.pop_back(), pop_path();
        return true;
    }
    bool start_array(size_t) {
        if (mode_ == Mode::merges) {
            n_pair_ = 0;
            mode_ = Mode::pair;
            return true;
        }
        if (bulk_ && mode_ == Mode::document && in_model() && key_ == "merges" &&
            stack_.back()->is_object()) {
            mode_ = Mode::merges;
            return bulk_->saw_merges = true;
        }
        return open(json::array());
    }
    bool end_array() {
        if (mode_ == Mode::pair) {
            mode_ = Mode::merges;
            if (n_pair_ != 2)
                return fail("merge " + std::to_string(n_merges_) + " has " +
                            std::to_string(n_pair_) + " parts: expected 2");
            ++n_merges_;
            return keep(bulk_->merge(pair_[0], pair_[1]));
        }
        if (mode_ == Mode::merges)
            mode_ = Mode::document;
        else
            stack_.pop_back(), pop_path();
        return true;
    }
    bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception& e) {
        std::string what = e.what();  // "[json.exception.parse_error.101] parse error …: …"
        if (const size_t end = what.find("] "); end != std::string::npos) what.erase(0, end + 2);
        return fail("byte " + std::to_string(position) + ": " + what);
    }

private:
    enum class Mode { document, vocab, merges, pair };

    bool keep(Status from) {
        status = std::move(from);
        return status.ok();
    }
    bool fail(std::string message) { return keep(invalid(std::move(message))); }
    bool in_model() const { return path_.size() == 2 && path_[1] == "model"; }
    bool at_vocab() const {
        return bulk_->whole_file_is_vocab
                   ? stack_.empty()
                   : in_model() && key_ == "vocab" && stack_.back()->is_object();
    }
    void pop_path() { path_.pop_back(); }

    json* attach(json&& v) {
        if (stack_.empty()) return &(root_ = std::move(v));
        json& parent = *stack_.back();
        if (parent.is_object()) return &(parent[key_] = std::move(v));
        parent.push_back(std::move(v));
        return &parent.back();
    }
    bool open(json&& v) {
        if (mode_ == Mode::vocab) return fail(not_an_id(v));
        if (mode_ != Mode::document) return fail(not_a_merge(v));
        if (stack_.size() >= kMaxDepth)
            return fail("nested deeper than " + std::to_string(kMaxDepth) + " levels");
        stack_.push_back(attach(std::move(v)));
        path_.push_back(stack_.size() == 1 ? std::string() : key_);
        return true;
    }
    bool value(json&& v) {
        if (mode_ == Mode::vocab) return fail(not_an_id(v));
        if (mode_ != Mode::document) return fail(not_a_merge(v));
        attach(std::move(v));
        return true;
    }
    std::string not_an_id(const json& v) const {
        const bool number = v.is_number();
        return "token " + in_quotes(key_) + " has " + (number ? v.dump() : kind_of(v)) +
               " as its id: expected a number from 0";
    }
    std::string not_a_merge(const json& v) const {
        return "merge " + std::to_string(n_merges_) + " holds " + kind_of(v) +
               ": expected \"left right\" or [\"left\", \"right\"]";
    }
    bool merge_text(const std::string& text) {
        const size_t space = text.find(' ');
        if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos)
            return fail("merge " + std::to_string(n_merges_) + " is " + in_quotes(text) +
                        ": expected two parts with one space between them");
        ++n_merges_;
        return keep(bulk_->merge(text.substr(0, space), text.substr(space + 1)));
    }

    json& root_;
    BulkParts* bulk_;
    std::vector<json*> stack_;       // open containers of the document
    std::vector<std::string> path_;  // the key of each, "" for the root
    std::string key_, pair_[2];
    size_t n_pair_ = 0, n_merges_ = 0;
    Mode mode_ = Mode::document;
};

}  // namespace

bool file_exists(const std::string& path) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(path, ignored);
}

Result<std::string> read_file(const std::string& path) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                               &std::fclose);
    const auto failed = [&](int code) {
        return Status(Code::io, "cannot read '" + path + "': " + std::strerror(code), {}, code);
    };
    if (!file) return failed(errno);
    std::string text;
    char buffer[1 << 16];
    while (const size_t n = std::fread(buffer, 1, sizeof buffer, file.get())) {
        // No text holds one, and a file of gigabytes without blocks on the disk holds nothing else.
        if (std::memchr(buffer, 0, n))
            return invalid("cannot read '" + path + "': holds a NUL byte");
        if (text.size() > kMaxBytes)
            return invalid("cannot read '" + path + "': larger than " + std::to_string(kMaxBytes) +
                           " bytes, no tokenizer");
        text.append(buffer, n);
    }
    if (std::ferror(file.get())) return failed(errno);
    return text;
}

Result<json> read_json(const std::string& path, BulkParts* bulk) {
    AFS_ASSIGN(const std::string text, read_file(path));
    json root;
    Builder builder(root, bulk);
    if (!json::sax_parse(text.data(), text.data() + text.size(), &builder))
        return (builder.status.ok() ? invalid("not JSON") : builder.status)
            .context("cannot parse '" + path + "'");
    return root;
}

std::string kind_of(const json& value) {
    switch (value.type()) {
        case json::value_t::null: return "null";
        case json::value_t::object: return "an object";
        case json::value_t::array: return "an array";
        case json::value_t::string: return "text";
        case json::value_t::boolean: return "true or false";
        default: return "a number";
    }
}

Result<bool> bool_member(const json& object, const char* key, bool otherwise,
                         const std::string& where) {
    const auto it = object.find(key);
    if (it == object.end() || it->is_null()) return otherwise;
    if (!it->is_boolean())
        return invalid(where + "." + key + " is " + kind_of(*it) + ": expected true or false");
    return it->get<bool>();
}

Result<std::string> string_member(const json& object, const char* key, const std::string& where) {
    const auto it = object.find(key);
    if (it == object.end()) return invalid(where + " has no '" + key + "': expected text");
    if (!it->is_string())
        return invalid(where + "." + key + " is " + kind_of(*it) + ": expected text");
    return it->get<std::string>();
}

Status expect_keys(const json& object, std::initializer_list<const char*> known,
                   const std::string& where) {
    for (const auto& [key, value] : object.items()) {
        bool found = false;
        std::string list;
        for (const char* name : known) {
            found = found || key == name;
            list += (list.empty() ? "" : ", ") + std::string(name);
        }
        if (!found)
            return unsupported(where + " has unknown key " + in_quotes(key) + ": expected one of " +
                               list);
    }
    return {};
}

}  // namespace afs::bpe
