#include <nlohmann/json.hpp>
#include <set>

#include "afs/json.hpp"

namespace afs::json {
namespace {

// Counts lines while the lexer reads. A number ends one byte after itself, so the line of the last
// byte that is no blank is the token's even when that byte is a line feed.
struct Position {
    uint32_t line = 1, token_line = 1;
};

class LineCounter {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    LineCounter(const char* at, Position* position) : at_(at), position_(position) {}
    const char& operator*() const { return *at_; }
    LineCounter& operator++() {
        if (*at_ == '\n')
            ++position_->line;
        else if (*at_ != ' ' && *at_ != '\t' && *at_ != '\r')
            position_->token_line = position_->line;
        ++at_;
        return *this;
    }
    bool operator==(const LineCounter& other) const { return at_ == other.at_; }
    bool operator!=(const LineCounter& other) const { return at_ != other.at_; }

private:
    const char* at_;
    Position* position_;
};

// Receives nlohmann's events. They come without recursion, so depth costs no stack here.
class Builder : public nlohmann::json_sax<nlohmann::json> {
public:
    Builder(const ParseOptions& options, const Position& position)
        : options_(options), position_(position) {}

    bool null() override { return put(Value()); }
    bool boolean(bool flag) override { return put(Value::of(flag)); }
    bool number_integer(number_integer_t number) override { return put(Value::of(number)); }
    bool number_unsigned(number_unsigned_t number) override { return put(Value::of(number)); }
    bool number_float(number_float_t number, const string_t&) override {
        return put(Value::of(number));
    }
    bool string(string_t& text) override { return put(Value::of(std::move(text))); }
    bool binary(binary_t&) override { return false; }
    bool start_object(std::size_t) override { return open(Value::object()); }
    bool start_array(std::size_t) override { return open(Value::array()); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }

    bool key(string_t& text) override {
        Frame& top = frames_.back();
        if (!top.keys.insert(text).second)
            return fail("key '" + text + "' appears twice in one object");
        top.key = std::move(text);
        top.key_line = position_.token_line;
        return true;
    }

    bool parse_error(std::size_t, const std::string& last,
                     const nlohmann::detail::exception& thrown) override {
        // "[json.exception...] parse error at line 3, column 5: syntax error while parsing ..."
        std::string text = thrown.what();
        if (const size_t at = text.find(": "); at != std::string::npos) text.erase(0, at + 2);
        (void)last;
        return fail(text, position_.line);
    }

    Value take() { return std::move(root_); }
    const Status& status() const { return status_; }

private:
    struct Frame {
        Value value;
        std::string key;
        uint32_t key_line = 0;
        std::set<std::string> keys;  // of an object, to find duplicates
    };

    bool fail(const std::string& what, uint32_t line = 0) {
        if (status_.ok())
            status_ = invalid(options_.name + ":" +
                              std::to_string(line ? line : position_.token_line) + ": " + what);
        return false;
    }

    bool count() {
        if (++n_values_ > options_.max_values)
            return fail("more than " + std::to_string(options_.max_values) + " values");
        return true;
    }

    bool put(Value value) {
        value.line = position_.token_line;
        return count() && attach(std::move(value));
    }

    bool open(Value value) {
        value.line = position_.token_line;
        if (frames_.size() >= options_.max_depth)
            return fail("nested deeper than " + std::to_string(options_.max_depth) + " levels");
        frames_.push_back(Frame{std::move(value), {}, 0, {}});
        return count();
    }

    bool close() {
        Value done = std::move(frames_.back().value);
        frames_.pop_back();
        return attach(std::move(done));
    }

    bool attach(Value value) {
        if (frames_.empty()) {
            root_ = std::move(value);
            return true;
        }
        Frame& top = frames_.back();
        if (top.value.is(Kind::array))
            top.value.items.push_back(std::move(value));
        else
            top.value.members.push_back({std::move(top.key), std::move(value), top.key_line});
        return true;
    }

    const ParseOptions& options_;
    const Position& position_;
    std::vector<Frame> frames_;
    Value root_;
    Status status_;
    size_t n_values_ = 0;
};

}  // namespace

Result<Value> parse(std::string_view text, const ParseOptions& options) {
    try {
        if (text.find('\0') != std::string_view::npos)  // the lexer would take it for the end
            return invalid(options.name + ": holds a NUL byte");
        Position position;
        Builder builder(options, position);
        const bool whole = nlohmann::json::sax_parse(
            LineCounter(text.data(), &position), LineCounter(text.data() + text.size(), &position),
            &builder, nlohmann::json::input_format_t::json, true, options.comments);
        if (!builder.status().ok()) return builder.status();
        if (!whole) return invalid(options.name + ": not a JSON text");
        return builder.take();
    } catch (const std::bad_alloc&) {
        return Status(Code::no_memory, "cannot read " + options.name + ": out of host memory");
    } catch (const std::exception& thrown) {
        return invalid(options.name + ": " + thrown.what());
    }
}

}  // namespace afs::json
