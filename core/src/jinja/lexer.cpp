#include "lexer.hpp"

#include <algorithm>
#include <cctype>

namespace afs::jinja {
namespace {

constexpr std::string_view kBlank = " \t\n\r\f\v";

bool is_name_start(char c) {
    return std::isalpha(static_cast<unsigned char>(c)) || c == '_';
}
bool is_name(char c) {
    return is_name_start(c) || std::isdigit(static_cast<unsigned char>(c));
}

// Line ends as Jinja normalises them; one at the very end is dropped.
std::string normalise(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\r')
            out += text[i];
        else if (i + 1 == text.size() || text[i + 1] != '\n')
            out += '\n';
    }
    if (!out.empty() && out.back() == '\n') out.pop_back();
    return out;
}

void append_utf8(uint32_t c, std::string& out) {
    const auto put = [&out](uint32_t byte) { out += static_cast<char>(byte); };
    if (c < 0x80) return put(c);
    if (c < 0x800) {
        put(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            put(0xe0 | c >> 12);
        } else {
            put(0xf0 | c >> 18);
            put(0x80 | (c >> 12 & 0x3f));
        }
        put(0x80 | (c >> 6 & 0x3f));
    }
    put(0x80 | (c & 0x3f));
}

class Lexer {
public:
    explicit Lexer(std::string text) : text_(std::move(text)) {}

    Result<std::vector<Token>> run() {
        while (at_ < text_.size()) AFS_TRY(next_stretch());
        put(Token::Kind::end, "");
        return std::move(tokens_);
    }

private:
    Status fail(const std::string& what) const {
        return invalid("line " + std::to_string(line_) + ": " + what);
    }
    void put(Token::Kind kind, std::string text) {
        tokens_.push_back({kind, std::move(text), line_});
    }
    bool starts(std::string_view with) const { return text_.compare(at_, with.size(), with) == 0; }
    void advance(size_t to) {
        line_ +=
            static_cast<uint32_t>(std::count(text_.begin() + static_cast<ptrdiff_t>(at_),
                                             text_.begin() + static_cast<ptrdiff_t>(to), '\n'));
        at_ = to;
    }

    // Text up to the next tag, then the tag.
    Status next_stretch() {
        size_t tag = at_;
        for (; tag < text_.size(); ++tag)
            if (text_[tag] == '{' && tag + 1 < text_.size() &&
                (text_[tag + 1] == '%' || text_[tag + 1] == '{' || text_[tag + 1] == '#'))
                break;
        std::string data = text_.substr(at_, tag - at_);
        const char kind = tag < text_.size() ? text_[tag + 1] : '\0';
        const char sign = tag + 2 < text_.size() ? text_[tag + 2] : '\0';
        if (kind != '\0') strip_before(kind, sign, data);
        if (!data.empty()) put(Token::Kind::data, data);
        advance(tag);
        if (kind == '\0') return {};
        const size_t opening = sign == '-' || sign == '+' ? 3 : 2;
        if (kind == '#') return skip_comment(opening);
        put(Token::Kind::open, std::string("{") + kind);
        advance(at_ + opening);
        return inside(kind);
    }

    // What "{%-" and lstrip_blocks take off the text before a tag.
    void strip_before(char kind, char sign, std::string& data) const {
        if (sign == '-') {
            data.erase(data.find_last_not_of(kBlank) + 1);
        } else if (sign != '+' && kind != '{') {
            const size_t start = data.rfind('\n') + 1;  // of the last line
            if ((start > 0 || line_starting_) &&
                data.find_first_not_of(kBlank, start) == std::string::npos)
                data.erase(start);
        }
    }

    // At the closing mark: what it and trim_blocks take off the text behind it. False: it is none.
    bool close(char kind) {
        const std::string mark = std::string(1, kind == '{' ? '}' : kind) + "}";
        const bool minus = starts("-" + mark), plus = kind != '{' && starts("+" + mark);
        if (!minus && !plus && !starts(mark)) return false;
        size_t end = at_ + mark.size() + (minus || plus ? 1 : 0);
        if (minus)
            end = std::min(text_.find_first_not_of(kBlank, end), text_.size());
        else if (!plus && kind != '{' && end < text_.size() && text_[end] == '\n')
            ++end;
        line_starting_ = text_[end - 1] == '\n';
        advance(end);
        return true;
    }

    Status skip_comment(size_t opening) {
        for (advance(at_ + opening); at_ < text_.size(); advance(at_ + 1))
            if (close('#')) return {};
        return fail("a comment is not closed");
    }

    // The tokens of one tag.
    Status inside(char kind) {
        for (int depth = 0; at_ < text_.size();) {
            const char c = text_[at_];
            if (kBlank.find(c) != std::string_view::npos) {
                advance(at_ + 1);
            } else if (depth == 0 && close(kind)) {
                put(Token::Kind::close, kind == '{' ? "}}" : "%}");
                return {};
            } else if (is_name_start(c)) {
                take(Token::Kind::name, is_name);
            } else if (std::isdigit(static_cast<unsigned char>(c))) {
                take(Token::Kind::integer,
                     [](char d) { return std::isdigit(static_cast<unsigned char>(d)) != 0; });
            } else if (c == '\'' || c == '"') {
                AFS_TRY(take_string(c));
            } else {
                depth += c == '(' || c == '[' || c == '{' ? 1 : 0;
                depth -= c == ')' || c == ']' || c == '}' ? 1 : 0;
                AFS_TRY(take_symbol());
            }
        }
        return fail("a tag is not closed");
    }

    template <class Belongs>
    void take(Token::Kind kind, Belongs&& belongs) {
        size_t end = at_;
        while (end < text_.size() && belongs(text_[end])) ++end;
        put(kind, text_.substr(at_, end - at_));
        advance(end);
    }

    Status take_symbol() {
        for (const char* symbol : {"==", "!=", "<=", ">=", "//", "**"})
            if (starts(symbol)) {
                put(Token::Kind::symbol, symbol);
                advance(at_ + 2);
                return {};
            }
        if (std::string_view("+-*/%~<>=()[]{}.,:|").find(text_[at_]) == std::string_view::npos)
            return fail(std::string("unexpected character '") + text_[at_] + "'");
        put(Token::Kind::symbol, std::string(1, text_[at_]));
        advance(at_ + 1);
        return {};
    }

    // Python's escapes; an unknown one stays as it is written.
    Status take_string(char quote) {
        std::string value;
        size_t at = at_ + 1;
        for (; at < text_.size() && text_[at] != quote; ++at) {
            if (text_[at] != '\\' || at + 1 >= text_.size()) {
                value += text_[at];
                continue;
            }
            static constexpr std::string_view kFrom = "nrtabfv\\'\"", kTo = "\n\r\t\a\b\f\v\\'\"";
            const char escaped = text_[++at];
            if (const size_t known = kFrom.find(escaped); known != std::string_view::npos)
                value += kTo[known];
            else if (escaped == 'x' || escaped == 'u' || escaped == 'U')
                AFS_TRY(take_code_point(escaped == 'x' ? 2 : escaped == 'u' ? 4 : 8, at, value));
            else if (escaped != '\n')
                value += std::string("\\") + escaped;
        }
        if (at >= text_.size()) return fail("a string is not closed");
        put(Token::Kind::string, std::move(value));
        advance(at + 1);
        return {};
    }

    // at: on the letter before n_digits hexadecimal digits; moves to the last of them.
    Status take_code_point(size_t n_digits, size_t& at, std::string& value) const {
        uint32_t c = 0;
        for (size_t i = 0; i < n_digits; ++i) {
            const char digit = ++at < text_.size() ? text_[at] : '\0';
            if (!std::isxdigit(static_cast<unsigned char>(digit)) || c > 0x110000)
                return fail("a string holds an escape without its digits");
            const int low = std::tolower(static_cast<unsigned char>(digit));
            c = c * 16 + static_cast<uint32_t>(low <= '9' ? low - '0' : low - 'a' + 10);
        }
        if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
            return fail("a string holds an escape that is no character");
        append_utf8(c, value);
        return {};
    }

    const std::string text_;
    size_t at_ = 0;
    uint32_t line_ = 1;
    bool line_starting_ = true;  // the tag before ended a line
    std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> tokenise(std::string_view text) {
    return Lexer(normalise(text)).run();
}

}  // namespace afs::jinja
