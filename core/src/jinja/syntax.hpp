// The tree of a template.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "afs/jinja/value.hpp"
#include "afs/status.hpp"

namespace afs::jinja {

struct Node {
    enum class Kind {
        // statements
        sequence,  // kids in order
        text,      // value
        output,    // kids: expression
        branch,    // kids: condition, body, condition, body, .. and maybe the else body
        loop,      // names: the targets; kids: iterable, filter (constant true: none), body, else
        assign,    // names: the target, or namespace and member; kids: expression
        capture,   // names: the target; kids: body
        nothing,   // a macro's definition: calling it is what is unknown
        // expressions
        constant,   // value
        name,       // name
        list,       // kids
        dict,       // kids: key, value, key, value, ..
        member,     // name; kids: object
        item,       // kids: object, index
        slice,      // kids: object, start, stop, step (constant none: open)
        call,       // kids: callee, arguments
        keyword,    // name; kids: value of an argument
        filter,     // name; kids: operand, arguments
        test,       // name; kids: operand, arguments
        unary,      // name: "not", "-", "+"; kids: operand
        binary,     // name: the operator; kids: left, right
        condition,  // kids: value if true, condition, value if false
    };
    Kind kind = Kind::nothing;
    uint32_t line = 0;
    uint32_t depth = 1;  // of the tree below and with this node
    std::string name;
    std::vector<std::string> names;
    Value value;
    std::vector<Node> kids;
};

Result<Node> parse_template(std::string_view text);

}  // namespace afs::jinja
