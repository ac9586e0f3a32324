#include "expression_reader.hpp"

#include <algorithm>
#include <charconv>

namespace afs::jinja {

using Kind = Node::Kind;

// value if condition else value
Result<Node> ExpressionReader::expression() {
    const Depth depth(depth_);
    AFS_TRY(deep());
    AFS_ASSIGN(Node value, disjunction());
    while (take_word("if")) {
        Node node = make(Kind::condition);
        AFS_ASSIGN(Node test, disjunction());
        Node otherwise = constant(Value());
        if (take_word("else")) {
            AFS_ASSIGN(otherwise, expression());
        }
        for (Node* kid : {&value, &test, &otherwise}) node = with(std::move(node), std::move(*kid));
        AFS_ASSIGN(value, grown(std::move(node)));
    }
    return value;
}

Result<Node> ExpressionReader::join(std::string op, Node left, Node right) const {
    return grown(with(with(make(Kind::binary, std::move(op)), std::move(left)), std::move(right)));
}
Result<Node> ExpressionReader::disjunction() {
    AFS_ASSIGN(Node left, conjunction());
    while (take_word("or")) {
        AFS_ASSIGN(Node right, conjunction());
        AFS_ASSIGN(left, join("or", std::move(left), std::move(right)));
    }
    return left;
}
Result<Node> ExpressionReader::conjunction() {
    AFS_ASSIGN(Node left, negation());
    while (take_word("and")) {
        AFS_ASSIGN(Node right, negation());
        AFS_ASSIGN(left, join("and", std::move(left), std::move(right)));
    }
    return left;
}
Result<Node> ExpressionReader::negation() {
    if (!take_word("not")) return comparison();
    const Depth depth(depth_);
    AFS_TRY(deep());
    AFS_ASSIGN(Node operand, negation());
    return with(make(Kind::unary, "not"), std::move(operand));
}

// The comparison at hand, taken; empty: none.
std::string ExpressionReader::take_comparison() {
    for (const char* op : {"==", "!=", "<", "<=", ">", ">="})
        if (take_symbol(op)) return op;
    if (take_word("in")) return "in";
    if (is_word("not") && tokens_[at_ + 1].kind == Token::Kind::name &&
        tokens_[at_ + 1].text == "in") {
        at_ += 2;
        return "not in";
    }
    return {};
}
Result<Node> ExpressionReader::comparison() {
    AFS_ASSIGN(Node left, sum());
    const std::string op = take_comparison();
    if (op.empty()) return left;
    AFS_ASSIGN(Node right, sum());
    if (!take_comparison().empty())
        return unsupported("line " + std::to_string(now().line) +
                           ": chained comparisons are not known here");
    return join(op, std::move(left), std::move(right));
}

Result<Node> ExpressionReader::sum() {
    AFS_ASSIGN(Node left, concatenation());
    while (is_symbol("+") || is_symbol("-")) {
        const std::string op = tokens_[at_++].text;
        AFS_ASSIGN(Node right, concatenation());
        AFS_ASSIGN(left, join(op, std::move(left), std::move(right)));
    }
    return left;
}
Result<Node> ExpressionReader::concatenation() {
    AFS_ASSIGN(Node left, product());
    while (take_symbol("~")) {
        AFS_ASSIGN(Node right, product());
        AFS_ASSIGN(left, join("~", std::move(left), std::move(right)));
    }
    return left;
}
Result<Node> ExpressionReader::product() {
    AFS_ASSIGN(Node left, unary());
    while (is_symbol("*") || is_symbol("/") || is_symbol("//") || is_symbol("%")) {
        const std::string op = tokens_[at_++].text;
        AFS_ASSIGN(Node right, unary());
        AFS_ASSIGN(left, join(op, std::move(left), std::move(right)));
    }
    return left;
}

Result<Node> ExpressionReader::unary() {
    const Depth depth(depth_);
    AFS_TRY(deep());
    if (is_symbol("-") || is_symbol("+")) {
        const std::string op = tokens_[at_++].text;
        AFS_ASSIGN(Node operand, unary());
        return with(make(Kind::unary, op), std::move(operand));
    }
    AFS_ASSIGN(Node value, primary());
    AFS_ASSIGN(value, postfix(std::move(value)));
    return filtered(std::move(value));
}

Result<Node> ExpressionReader::primary() {
    const Token token = now();
    if (token.kind == Token::Kind::string) {
        std::string text;  // "a" "b" is one string
        while (now().kind == Token::Kind::string) text += tokens_[at_++].text;
        return constant(Value::of(std::move(text)));
    }
    if (token.kind == Token::Kind::integer) return integer();
    if (token.kind == Token::Kind::name) {
        ++at_;
        if (token.text == "true" || token.text == "True") return constant(Value::of(true));
        if (token.text == "false" || token.text == "False") return constant(Value::of(false));
        if (token.text == "none" || token.text == "None") return constant(Value::none());
        return make(Kind::name, token.text);
    }
    if (take_symbol("(")) {
        AFS_ASSIGN(Node inner, expression());
        if (take_symbol(","))
            return unsupported("line " + std::to_string(now().line) +
                               ": tuples are not known here");
        AFS_TRY(expect_symbol(")"));
        return inner;
    }
    if (take_symbol("[")) return items(Kind::list, "]");
    if (take_symbol("{")) return items(Kind::dict, "}");
    return unexpected("an expression");
}

Result<Node> ExpressionReader::integer() {
    const std::string& digits = now().text;
    int64_t value = 0;
    const char* end = digits.data() + digits.size();
    if (std::from_chars(digits.data(), end, value).ec != std::errc() ||
        (tokens_[at_ + 1].text == "." && tokens_[at_ + 2].kind == Token::Kind::integer))
        return unsupported("line " + std::to_string(now().line) + ": the number '" + digits +
                           "..' is not known here");
    ++at_;
    return constant(Value::of(value));
}

// The rest of a list or dict.
Result<Node> ExpressionReader::items(Kind kind, std::string_view end) {
    Node node = make(kind);
    while (!is_symbol(end)) {
        AFS_ASSIGN(Node item, expression());
        node = with(std::move(node), std::move(item));
        if (kind == Kind::dict) {
            AFS_TRY(expect_symbol(":"));
            AFS_ASSIGN(Node value, expression());
            node = with(std::move(node), std::move(value));
        }
        if (!take_symbol(",")) break;
    }
    AFS_TRY(expect_symbol(end));
    return node;
}

Result<Node> ExpressionReader::postfix(Node value) {
    for (;;) {
        if (take_symbol(".")) {
            AFS_ASSIGN(std::string name, expect_name());
            AFS_ASSIGN(value, grown(with(make(Kind::member, std::move(name)), std::move(value))));
        } else if (take_symbol("[")) {
            AFS_ASSIGN(Node part, subscript(std::move(value)));
            AFS_ASSIGN(value, grown(std::move(part)));
        } else if (take_symbol("(")) {
            Node call = with(make(Kind::call), std::move(value));
            AFS_TRY(arguments(call));
            AFS_ASSIGN(value, grown(std::move(call)));
        } else {
            return value;
        }
    }
}

// Behind "[": an index, or a slice without a step.
Result<Node> ExpressionReader::subscript(Node object) {
    Node start = constant(Value::none()), stop = constant(Value::none());
    if (!is_symbol(":")) {
        AFS_ASSIGN(start, expression());
    }
    if (take_symbol("]")) return with(with(make(Kind::item), std::move(object)), std::move(start));
    AFS_TRY(expect_symbol(":"));
    if (!is_symbol("]") && !is_symbol(":")) {
        AFS_ASSIGN(stop, expression());
    }
    Node step = constant(Value::of(int64_t{1}));
    if (take_symbol(":")) {
        AFS_ASSIGN(step, expression());
    }
    AFS_TRY(expect_symbol("]"));
    Node node = make(Kind::slice);
    for (Node* kid : {&object, &start, &stop, &step}) node = with(std::move(node), std::move(*kid));
    return node;
}

// Behind "(": values, then names with values.
Status ExpressionReader::arguments(Node& call) {
    while (!is_symbol(")")) {
        if (now().kind == Token::Kind::name && tokens_[at_ + 1].kind == Token::Kind::symbol &&
            tokens_[at_ + 1].text == "=") {
            Node named = make(Kind::keyword, now().text);
            at_ += 2;
            AFS_ASSIGN(Node value, expression());
            call = with(std::move(call), with(std::move(named), std::move(value)));
        } else {
            AFS_ASSIGN(Node value, expression());
            call = with(std::move(call), std::move(value));
        }
        if (!take_symbol(",")) break;
    }
    return expect_symbol(")");
}

// Of a test: "x is equalto 3".
bool ExpressionReader::is_bare_argument() const {
    if (now().kind == Token::Kind::name) {
        static constexpr std::string_view kGoesOn[] = {"and",  "or", "not", "if",
                                                       "else", "in", "is"};
        return std::find(std::begin(kGoesOn), std::end(kGoesOn), now().text) == std::end(kGoesOn);
    }
    return now().kind == Token::Kind::string || now().kind == Token::Kind::integer ||
           is_symbol("[") || is_symbol("{");
}

// value|filter(..) is test ..
Result<Node> ExpressionReader::filtered(Node value) {
    for (;;) {
        if (take_symbol("|")) {
            AFS_ASSIGN(std::string name, expect_name());
            Node node = with(make(Kind::filter, std::move(name)), std::move(value));
            if (take_symbol("(")) AFS_TRY(arguments(node));
            AFS_ASSIGN(value, grown(std::move(node)));
        } else if (take_word("is")) {
            const bool negated = take_word("not");
            AFS_ASSIGN(std::string name, expect_name());
            Node node = with(make(Kind::test, std::move(name)), std::move(value));
            if (take_symbol("(")) {
                AFS_TRY(arguments(node));
            } else if (is_bare_argument()) {
                AFS_ASSIGN(Node argument, primary());
                node = with(std::move(node), std::move(argument));
            }
            if (negated) node = with(make(Kind::unary, "not"), std::move(node));
            AFS_ASSIGN(value, grown(std::move(node)));
        } else {
            return value;
        }
    }
}

}  // namespace afs::jinja
