// Oniguruma (Ruby syntax), in which HF tokenizers writes expressions, to PCRE2. What both read
// alike passes; what they read differently is rewritten or refused by name.
#include <cctype>
#include <cstring>

#include "afs/utf8.hpp"
#include "regex.hpp"
#include "unicode_additions.hpp"

namespace afs::bpe {
namespace {

// White_Space. PCRE2's \s also takes U+180E, which left that property in Unicode 6.3.
constexpr const char* kSpace =
    "\\x09-\\x0d\\x20\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}"
    "\\x{205f}\\x{3000}";
constexpr const char* kNotSpace =
    "\\x00-\\x08\\x0e-\\x1f\\x21-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}"
    "\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}"
    "\\x{3001}-\\x{10ffff}";

bool is_category(std::string_view name) {
    static constexpr const char* kMajor = "CLMNPSZ";
    static constexpr std::string_view kMinor[] = {"cfnos",   "lmotu", "cen", "dlo",
                                                  "cdefios", "ckmo",  "lps"};
    if (name.empty() || name.size() > 2) return false;
    const char* major = std::strchr(kMajor, name[0]);
    if (!major) return false;
    return name.size() == 1 || kMinor[major - kMajor].find(name[1]) != std::string_view::npos;
}

// Class members for one general category: what PCRE2 knows and what came later.
std::string category(std::string_view name) {
    std::string members = "\\p{" + std::string(name) + "}";
    for (const CategoryAdditions& more : kCategoryAdditions)
        if (name == std::string_view(more.category).substr(0, name.size())) members += more.members;
    return members;
}

class Translator {
public:
    explicit Translator(std::string_view from) : from_(from) {}
    Result<std::string> run() {
        while (at_ < from_.size()) AFS_TRY(step());
        if (in_class_) return refuse("unclosed '['");
        return std::move(to_);
    }

private:
    Status refuse(const std::string& what) const {
        return unsupported("expression " + in_quotes(from_) + " of the pre-tokenizer: " + what +
                           " at byte " + std::to_string(at_) + " is not supported");
    }
    char peek(size_t ahead = 0) const {
        return at_ + ahead < from_.size() ? from_[at_ + ahead] : '\0';
    }
    void pass(size_t n = 1) {
        to_.append(from_.substr(at_, n));
        at_ += n;
    }
    void emit_set(const std::string& members, bool negated = false) {
        to_ += in_class_ ? members : std::string(negated ? "[^" : "[") + members + "]";
    }

    Status step() {
        const char c = peek();
        if (c == '\\') return escape();
        if (in_class_) return inside_class();
        if (c == '[') return open_class();
        if (c == '(') return group();
        if (c == '{') return interval();
        if (c == '^' || c == '$') return refuse(std::string("anchor '") + c + "'");
        pass();
        return {};
    }

    Status inside_class() {
        const char c = peek();
        if (c == '[') return refuse("'[' inside a class");
        if (c == '&' && peek(1) == '&') return refuse("'&&' inside a class");
        if (c == ']') in_class_ = false;
        pass();
        return {};
    }

    Status open_class() {
        const size_t skip = peek(1) == '^' ? 2 : 1;
        if (peek(skip) == ']') return refuse("an empty class");
        pass(skip);
        in_class_ = true;
        return {};
    }

    Status group() {
        if (peek(1) != '?') {
            pass();
            return {};
        }
        if (peek(2) == 'i') AFS_TRY(check_folding());
        for (const std::string_view known : {"(?:", "(?i:", "(?=", "(?!", "(?<=", "(?<!", "(?>"})
            if (from_.substr(at_, known.size()) == known) {
                pass(known.size());
                return {};
            }
        return refuse("group " + in_quotes(from_.substr(at_, 4)));
    }

    // Oniguruma also folds one character to several ("ss" takes a sharp s), PCRE2 does not.
    Status check_folding() const {
        std::string body(from_.substr(at_, from_.find(')', at_) - at_));
        for (char& c : body) {
            if (static_cast<uint8_t>(c) >= 0x80) return refuse("(?i: with characters beyond ASCII");
            c = static_cast<char>(std::tolower(c));
        }
        for (const char* several : {"ss", "st", "ff", "fi", "fl"})
            if (body.find(several) != std::string::npos)
                return refuse(std::string("(?i: with '") + several + "'");
        return {};
    }

    // {n}, {n,}, {n,m}; a '+' behind one is possessive in PCRE2 and a repetition in Oniguruma.
    Status interval() {
        size_t end = at_ + 1;
        const auto digits = [&] {
            const size_t start = end;
            while (end < from_.size() && from_[end] >= '0' && from_[end] <= '9') ++end;
            return end > start;
        };
        bool good = digits();
        if (good && end < from_.size() && from_[end] == ',') ++end, (void)digits();
        good = good && end < from_.size() && from_[end] == '}';
        if (!good) return refuse("a '{' that starts no interval");
        if (end + 1 < from_.size() && from_[end + 1] == '+')
            return refuse("'+' behind an interval");
        pass(end + 1 - at_);
        return {};
    }

    Status escape() {
        const char c = peek(1);
        switch (c) {
            case 's': emit_set(kSpace); break;
            case 'S':
                if (in_class_)
                    to_ += kNotSpace;
                else
                    emit_set(kSpace, true);
                break;
            case 'v': to_ += "\\x0b"; break;
            case 'd': emit_set(category("Nd")); break;
            case 'p':
            case 'P': return property();
            case 'u':
            case 'x': return code_point();
            case 'r':
            case 'n':
            case 't':
            case 'f': to_ += std::string("\\") + c; break;
            default:
                if (c == '\0' || !std::strchr("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ ", c))
                    return refuse("escape " + in_quotes(from_.substr(at_, 2)));
                to_ += std::string("\\") + c;
        }
        at_ += 2;
        return {};
    }

    Status property() {
        const size_t close = from_.find('}', at_);
        if (peek(2) != '{' || close == std::string_view::npos)
            return refuse("property " + in_quotes(from_.substr(at_, 4)));
        const std::string_view name = from_.substr(at_ + 3, close - at_ - 3);
        // Unassigned characters (in Cn and C) are other ones in each Unicode version.
        if (!is_category(name) || name == "C" || name == "Cn")
            return refuse("property " + in_quotes(name));
        const bool negated = peek(1) == 'P';
        if (negated && in_class_) return refuse("a negated property inside a class");
        emit_set(category(name), negated);
        at_ = close + 1;
        return {};
    }

    Status code_point() {
        const auto hex = [&](size_t ahead) {
            return peek(ahead) && std::strchr("0123456789abcdefABCDEF", peek(ahead));
        };
        size_t first = 2, n = 0;
        const bool braces = peek(1) == 'x' && peek(2) == '{';
        if (braces) first = 3;
        const size_t most = braces ? 6 : peek(1) == 'u' ? 4 : 2;
        while (n < most && hex(first + n)) ++n;
        if (n == 0 || (!braces && n != most) || (braces && peek(first + n) != '}'))
            return refuse("escape " + in_quotes(from_.substr(at_, 4)));
        // A bare \x80 and above is a byte in Oniguruma, a code point in PCRE2.
        if (peek(1) == 'x' && !braces && peek(2) > '7') return refuse("a raw byte");
        to_ += "\\x{" + std::string(from_.substr(at_ + first, n)) + "}";
        at_ += first + n + (braces ? 1 : 0);
        return {};
    }

    std::string_view from_;
    std::string to_;
    size_t at_ = 0;
    bool in_class_ = false;
};

}  // namespace

Result<std::string> to_pcre2(std::string_view oniguruma) {
    if (utf8_valid_until(oniguruma, 0) != oniguruma.size())
        return invalid("expression " + in_quotes(oniguruma) + " is not UTF-8");
    return Translator(oniguruma).run();
}

}  // namespace afs::bpe
