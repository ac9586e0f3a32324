#include "regex.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace afs::bpe {
namespace {

std::string message_of(int code) {
    PCRE2_UCHAR text[256];
    pcre2_get_error_message(code, text, sizeof text);
    return reinterpret_cast<const char*>(text);
}

}  // namespace

struct Regex::Compiled {
    pcre2_code* code = nullptr;
    pcre2_match_data* match = nullptr;
    pcre2_match_context* context = nullptr;
    pcre2_jit_stack* stack = nullptr;
    std::string source;
    ~Compiled() {
        pcre2_jit_stack_free(stack);
        pcre2_match_context_free(context);
        pcre2_match_data_free(match);
        pcre2_code_free(code);
    }
};

Regex::Regex(std::unique_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Result<Regex> Regex::compile(std::string_view oniguruma) {
    AFS_ASSIGN(const std::string pattern, to_pcre2(oniguruma));
    auto made = std::make_unique<Compiled>();
    made->source = oniguruma;
    int error = 0;
    size_t offset = 0;
    std::unique_ptr<pcre2_compile_context, decltype(&pcre2_compile_context_free)> options(
        pcre2_compile_context_create(nullptr), &pcre2_compile_context_free);
    if (!options) return Status(Code::no_memory, "out of host memory");
    pcre2_set_newline(options.get(), PCRE2_NEWLINE_LF);
    made->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                               PCRE2_UTF | PCRE2_UCP, &error, &offset, options.get());
    if (!made->code)
        return invalid("cannot compile expression '" + made->source + "': " + message_of(error) +
                       " (at byte " + std::to_string(offset) + " of its PCRE2 form)");
    // Without JIT (a hardened kernel, another processor) pcre2_match interprets: slower, same
    // result.
    (void)pcre2_jit_compile(made->code, PCRE2_JIT_COMPLETE);
    made->match = pcre2_match_data_create(1, nullptr);
    made->context = pcre2_match_context_create(nullptr);
    made->stack = pcre2_jit_stack_create(32 << 10, 8 << 20, nullptr);  // grows as needed
    if (!made->match || !made->context) return Status(Code::no_memory, "out of host memory");
    if (made->stack) pcre2_jit_stack_assign(made->context, nullptr, made->stack);
    return Regex(std::move(made));
}

Status Regex::search(std::string_view text, size_t from, Span& match, bool& found) const {
    const int rc =
        pcre2_match(compiled_->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from,
                    PCRE2_NO_UTF_CHECK, compiled_->match, compiled_->context);
    found = rc >= 0;
    if (found) {
        const size_t* bounds = pcre2_get_ovector_pointer(compiled_->match);
        match = {bounds[0], bounds[1]};
    } else if (rc != PCRE2_ERROR_NOMATCH) {
        return invalid("cannot split the text at byte " + std::to_string(from) +
                       " with expression '" + compiled_->source + "': " + message_of(rc));
    }
    return {};
}

}  // namespace afs::bpe
