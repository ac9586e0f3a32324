// Evaluates the part of Jinja that chat templates use for plain conversations, by the rules that
// Hugging Face's transformers renders them with: trim_blocks, lstrip_blocks, no automatic escapes.
// It is there to ask how a checkpoint's template renders a conversation. What it does not know
// (macros that are called, inheritance, floating point, most filters) is UNSUPPORTED when it is
// met, not when it is read: a branch that is not taken may hold anything that parses.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "afs/jinja/value.hpp"
#include "afs/status.hpp"

namespace afs::jinja {

struct Node;

class Template {
public:
    // INVALID or UNSUPPORTED names the line.
    static Result<Template> parse(std::string_view text);

    // today: what strftime_now("%d %b %Y") gives. Errors: something unknown was met, the
    // template raised an exception, or it takes more steps or text than any chat template does.
    Result<std::string> render(const Dict& variables, const std::string& today) const;

private:
    std::shared_ptr<const Node> root_;
};

}  // namespace afs::jinja
