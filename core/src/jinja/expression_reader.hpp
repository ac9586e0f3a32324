// Reads expressions off a row of tokens, by recursive descent; the precedence of operators is
// Jinja's. The reader of statements builds on it.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "lexer.hpp"
#include "syntax.hpp"

namespace afs::jinja {

constexpr uint32_t kDeepest = 100;  // nested tags, brackets and operators: the stack is finite

class ExpressionReader {
public:
    explicit ExpressionReader(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

    Result<Node> expression();   // value if condition else value
    Result<Node> disjunction();  // without such a condition

protected:
    const Token& now() const { return tokens_[at_]; }
    bool at_end() const { return now().kind == Token::Kind::end; }
    bool is(Token::Kind kind, std::string_view text) const {
        return now().kind == kind && now().text == text;
    }
    bool is_symbol(std::string_view text) const { return is(Token::Kind::symbol, text); }
    bool is_word(std::string_view text) const { return is(Token::Kind::name, text); }
    bool take_symbol(std::string_view text) { return is_symbol(text) && ++at_; }
    bool take_word(std::string_view text) { return is_word(text) && ++at_; }

    Status unexpected(const std::string& expected) const {
        return invalid("line " + std::to_string(now().line) + ": expected " + expected +
                       ", found " + (at_end() ? "the end" : "'" + now().text + "'"));
    }
    Status expect_symbol(std::string_view text) {
        return take_symbol(text) ? Status() : unexpected("'" + std::string(text) + "'");
    }
    Status expect_word(std::string_view text) {
        return take_word(text) ? Status() : unexpected("'" + std::string(text) + "'");
    }
    Status expect_close() {
        if (now().kind != Token::Kind::close) return unexpected("the tag's end");
        ++at_;
        return {};
    }
    Result<std::string> expect_name() {
        if (now().kind != Token::Kind::name) return unexpected("a name");
        return tokens_[at_++].text;
    }
    Node make(Node::Kind kind, std::string name = {}) const {
        Node node;
        node.kind = kind;
        node.line = now().line;
        node.name = std::move(name);
        return node;
    }
    static Node with(Node node, Node kid) {
        node.depth = std::max(node.depth, kid.depth + 1);
        node.kids.push_back(std::move(kid));
        return node;
    }
    // A chain of operators is a tree as deep as it is long.
    Result<Node> grown(Node node) const {
        if (node.depth > kDeepest) return too_deep();
        return node;
    }
    Node constant(Value value) const {
        Node node = make(Node::Kind::constant);
        node.value = std::move(value);
        return node;
    }

    struct Depth {
        uint32_t& depth;
        explicit Depth(uint32_t& d) : depth(++d) {}
        ~Depth() { --depth; }
    };
    Status deep() const { return depth_ <= kDeepest ? Status() : too_deep(); }
    Status too_deep() const {
        return unsupported("line " + std::to_string(now().line) + ": nested deeper than " +
                           std::to_string(kDeepest) + " levels");
    }

    std::vector<Token> tokens_;
    size_t at_ = 0;
    uint32_t depth_ = 0;

private:
    Result<Node> join(std::string op, Node left, Node right) const;
    Result<Node> conjunction();
    Result<Node> negation();
    std::string take_comparison();
    Result<Node> comparison();
    Result<Node> sum();
    Result<Node> concatenation();
    Result<Node> product();
    Result<Node> unary();
    Result<Node> primary();
    Result<Node> integer();
    Result<Node> items(Node::Kind kind, std::string_view end);
    Result<Node> postfix(Node value);
    Result<Node> subscript(Node object);
    Status arguments(Node& call);
    bool is_bare_argument() const;
    Result<Node> filtered(Node value);
};

}  // namespace afs::jinja
