// From tokens to the tree: the statements.
#include <algorithm>

#include "expression_reader.hpp"

namespace afs::jinja {
namespace {

using Kind = Node::Kind;

class Parser : private ExpressionReader {
public:
    using ExpressionReader::ExpressionReader;

    Result<Node> run() {
        AFS_ASSIGN(Node root, body({}));
        if (!at_end()) return unexpected("text or a tag");
        return root;
    }

private:
    // Statements up to a tag whose first word is one of `ends`; that tag's opening is taken, its
    // word is not.
    Result<Node> body(const std::vector<std::string_view>& ends) {
        const Depth depth(depth_);
        AFS_TRY(deep());
        Node sequence = make(Kind::sequence);
        while (!at_end()) {
            if (now().kind == Token::Kind::data) {
                Node text = make(Kind::text);
                text.value = Value::of(tokens_[at_++].text);
                sequence.kids.push_back(std::move(text));
                continue;
            }
            const bool prints = now().text == "{{";
            ++at_;
            if (prints) {
                AFS_ASSIGN(Node value, expression());
                AFS_TRY(expect_close());
                sequence.kids.push_back(with(make(Kind::output), std::move(value)));
                continue;
            }
            if (std::find(ends.begin(), ends.end(), now().text) != ends.end()) return sequence;
            AFS_ASSIGN(Node node, statement());
            sequence.kids.push_back(std::move(node));
        }
        if (!ends.empty()) return unexpected("{% " + std::string(ends.back()) + " %}");
        return sequence;
    }
    // The rest of a block: its body and its closing tag.
    Result<Node> block(std::string_view end) {
        AFS_TRY(expect_close());
        AFS_ASSIGN(Node inner, body({end}));
        AFS_TRY(expect_word(end));
        AFS_TRY(expect_close());
        return inner;
    }

    Result<Node> statement() {
        if (take_word("if")) return branch();
        if (take_word("for")) return loop();
        if (take_word("set")) return assign();
        if (take_word("generation")) return block("endgeneration");  // marks text, changes none
        if (take_word("macro")) {
            while (!at_end() && now().kind != Token::Kind::close) ++at_;
            AFS_TRY(block("endmacro").status());
            return make(Kind::nothing);
        }
        return unsupported("line " + std::to_string(now().line) + ": the tag {% " + now().text +
                           " %} is not known here");
    }

    Result<Node> branch() {
        Node node = make(Kind::branch);
        for (;;) {
            AFS_ASSIGN(Node test, expression());
            AFS_TRY(expect_close());
            AFS_ASSIGN(Node taken, body({"elif", "else", "endif"}));
            node.kids.push_back(std::move(test));
            node.kids.push_back(std::move(taken));
            if (take_word("elif")) continue;
            if (take_word("else")) {
                AFS_ASSIGN(Node other, block("endif"));
                node.kids.push_back(std::move(other));
                return node;
            }
            AFS_TRY(expect_word("endif"));
            AFS_TRY(expect_close());
            return node;
        }
    }

    Result<Node> loop() {
        Node node = make(Kind::loop);
        do {
            AFS_ASSIGN(std::string name, expect_name());
            node.names.push_back(std::move(name));
        } while (take_symbol(","));
        AFS_TRY(expect_word("in"));
        AFS_ASSIGN(Node over, disjunction());
        Node filter = constant(Value::of(true));
        if (take_word("if")) {
            AFS_ASSIGN(filter, expression());
        }
        AFS_TRY(expect_close());
        AFS_ASSIGN(Node inner, body({"else", "endfor"}));
        Node otherwise = make(Kind::sequence);
        if (take_word("else")) {
            AFS_ASSIGN(otherwise, block("endfor"));
        } else {
            AFS_TRY(expect_word("endfor"));
            AFS_TRY(expect_close());
        }
        for (Node* kid : {&over, &filter, &inner, &otherwise}) node.kids.push_back(std::move(*kid));
        return node;
    }

    Result<Node> assign() {
        Node node = make(Kind::assign);
        do {
            AFS_ASSIGN(std::string name, expect_name());
            node.names.push_back(std::move(name));
        } while (node.names.size() < 2 && take_symbol("."));
        if (now().kind == Token::Kind::close && node.names.size() == 1) {
            node.kind = Kind::capture;
            AFS_ASSIGN(Node inner, block("endset"));
            return with(std::move(node), std::move(inner));
        }
        AFS_TRY(expect_symbol("="));
        AFS_ASSIGN(Node value, expression());
        AFS_TRY(expect_close());
        return with(std::move(node), std::move(value));
    }
};

}  // namespace

Result<Node> parse_template(std::string_view text) {
    AFS_ASSIGN(std::vector<Token> tokens, tokenise(text));
    return Parser(std::move(tokens)).run();
}

}  // namespace afs::jinja
