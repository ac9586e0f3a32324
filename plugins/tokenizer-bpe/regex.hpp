// One compiled expression. Expressions come in Oniguruma's syntax and run on PCRE2.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "afs/status.hpp"

namespace afs::bpe {

// The same expression for PCRE2; UNSUPPORTED names what the two engines read differently.
Result<std::string> to_pcre2(std::string_view oniguruma);

struct Span {
    size_t begin = 0, end = 0;
    size_t size() const { return end - begin; }
};

class Regex {
public:
    static Result<Regex> compile(std::string_view oniguruma);
    Regex(Regex&&) noexcept;
    Regex& operator=(Regex&&) noexcept;
    ~Regex();

    // The first match at or after `from`; text is valid UTF-8, look-ahead sees all of it.
    // found is false where there is none.
    Status search(std::string_view text, size_t from, Span& match, bool& found) const;

private:
    struct Compiled;
    explicit Regex(std::unique_ptr<Compiled> compiled);
    std::unique_ptr<Compiled> compiled_;
};

}  // namespace afs::bpe
