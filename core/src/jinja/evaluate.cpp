// Runs the tree of a template.
#include <algorithm>

#include "afs/jinja/template.hpp"
#include "builtins.hpp"
#include "syntax.hpp"

namespace afs::jinja {
namespace {

using Kind = Node::Kind;

constexpr uint64_t kMostSteps = 2'000'000;
constexpr size_t kMostText = size_t{1} << 20;  // of the template, of what it writes, of any value

class Evaluator {
public:
    Evaluator(const Dict& variables, const std::string& today) : today_(today), scopes_(1) {
        for (const auto& [name, value] : variables) set(name, value);
    }

    Status run(const Node& node, std::string& out) {
        AFS_TRY(step(node));
        switch (node.kind) {
            case Kind::sequence:
                for (const Node& kid : node.kids) AFS_TRY(run(kid, out));
                return {};
            case Kind::text: return print(node.value, out);
            case Kind::output: {
                AFS_ASSIGN(const Value value, eval(node.kids[0]));
                return print(value, out);
            }
            case Kind::branch: return branch(node, out);
            case Kind::loop: return loop(node, out);
            case Kind::assign: return assign(node);
            case Kind::capture: {
                std::string text;
                AFS_TRY(run(node.kids[0], text));
                set(node.names[0], Value::of(std::move(text)));
                return {};
            }
            default: return {};
        }
    }

private:
    using Scope = std::vector<std::pair<std::string, Value>>;

    Status step(const Node& node) {
        if (++steps_ <= kMostSteps) return {};
        return unsupported(at(node) + "the template takes too many steps");
    }
    static std::string at(const Node& node) { return "line " + std::to_string(node.line) + ": "; }

    static Status print(const Value& value, std::string& out) {
        AFS_ASSIGN(const std::string text, to_text(value));
        if (out.size() + text.size() > kMostText)
            return unsupported("the template writes too much text");
        out += text;
        return {};
    }

    Value* find(const std::string& name) {
        for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope)
            for (auto& [known, value] : *scope)
                if (known == name) return &value;
        return nullptr;
    }
    // In the innermost scope: what a loop's body sets is gone after the turn.
    void set(const std::string& name, Value value) {
        for (auto& [known, old] : scopes_.back())
            if (known == name) {
                old = std::move(value);
                return;
            }
        scopes_.back().emplace_back(name, std::move(value));
    }

    Status branch(const Node& node, std::string& out) {
        for (size_t i = 0; i + 1 < node.kids.size(); i += 2) {
            AFS_ASSIGN(const Value test, eval(node.kids[i]));
            if (test.truthy()) return run(node.kids[i + 1], out);
        }
        return node.kids.size() % 2 ? run(node.kids.back(), out) : Status();
    }

    Status assign(const Node& node) {
        AFS_ASSIGN(Value value, eval(node.kids[0]));
        if (node.names.size() == 1) {
            set(node.names[0], std::move(value));
            return {};
        }
        Value* space = find(node.names[0]);  // a namespace: changed where it lives
        if (!space || !space->is(Value::Kind::dict))
            return invalid(at(node) + "'" + node.names[0] + "' is no namespace");
        Dict members = *space->dict;
        const auto known = std::find_if(members.begin(), members.end(), [&](const auto& member) {
            return member.first == node.names[1];
        });
        if (known != members.end())
            known->second = std::move(value);
        else
            members.emplace_back(node.names[1], std::move(value));
        *space = Value::of(std::move(members));
        return {};
    }

    Status bind(const Node& node, const Value& item) {
        if (node.names.size() == 1) {
            set(node.names[0], item);
            return {};
        }
        if (!item.is(Value::Kind::list) || item.list->size() != node.names.size())
            return invalid(at(node) + "a loop over " + std::to_string(node.names.size()) +
                           " names met another number of values");
        for (size_t i = 0; i < node.names.size(); ++i) set(node.names[i], (*item.list)[i]);
        return {};
    }

    // The items of a loop that pass its filter.
    Result<List> loop_items(const Node& node) {
        AFS_ASSIGN(const Value over, eval(node.kids[0]));
        List items;
        if (over.is(Value::Kind::dict))
            for (const auto& [key, value] : *over.dict) items.push_back(Value::of(key));
        else if (over.is(Value::Kind::list))
            items = *over.list;
        else if (!over.is(Value::Kind::undefined))
            return unsupported(at(node) + "a loop over a value of kind " + over.kind_name() +
                               " is not known here");
        List kept;
        for (Value& item : items) {
            scopes_.emplace_back();
            AFS_TRY(bind(node, item));
            AFS_ASSIGN(const Value passes, eval(node.kids[1]));
            scopes_.pop_back();
            if (passes.truthy()) kept.push_back(std::move(item));
        }
        return kept;
    }

    Status loop(const Node& node, std::string& out) {
        AFS_ASSIGN(const List items, loop_items(node));
        if (items.empty()) return run(node.kids[3], out);
        const auto n = static_cast<int64_t>(items.size());
        for (int64_t i = 0; i < n; ++i) {
            scopes_.emplace_back();
            const auto near = [&](int64_t j) {
                return j < 0 || j >= n ? Value() : items[static_cast<size_t>(j)];
            };
            set("loop", Value::of(Dict{{"index0", Value::of(i)},
                                       {"index", Value::of(i + 1)},
                                       {"revindex0", Value::of(n - i - 1)},
                                       {"revindex", Value::of(n - i)},
                                       {"first", Value::of(i == 0)},
                                       {"last", Value::of(i + 1 == n)},
                                       {"length", Value::of(n)},
                                       {"previtem", near(i - 1)},
                                       {"nextitem", near(i + 1)}}));
            AFS_TRY(bind(node, items[static_cast<size_t>(i)]));
            AFS_TRY(run(node.kids[2], out));
            scopes_.pop_back();
        }
        return {};
    }

    Result<Value> eval(const Node& node) {
        AFS_TRY(step(node));
        Result<Value> result = compute(node);
        if (result.ok() && (result->string.size() > kMostText ||
                            (result->list && result->list->size() > kMostText)))
            return unsupported(at(node) + "the template makes too large a value");
        return result;
    }
    Result<Value> compute(const Node& node) {
        switch (node.kind) {
            case Kind::constant: return node.value;
            case Kind::name: {
                if (const Value* found = find(node.name)) return *found;
                return is_function(node.name) ? Value::of(node.name) : Value();
            }
            case Kind::list: {
                List items;
                for (const Node& kid : node.kids) {
                    AFS_ASSIGN(Value item, eval(kid));
                    items.push_back(std::move(item));
                }
                return Value::of(std::move(items));
            }
            case Kind::dict: return dict(node);
            case Kind::member: return member(node);
            case Kind::item: return item(node);
            case Kind::slice: return slice(node);
            case Kind::call: return call(node);
            case Kind::filter: {
                AFS_ASSIGN(const Value operand, eval(node.kids[0]));
                AFS_ASSIGN(const Arguments with, arguments(node));
                return located(node, apply_filter(node.name, operand, with));
            }
            case Kind::test: {
                AFS_ASSIGN(const Value operand, eval(node.kids[0]));
                AFS_ASSIGN(const Arguments with, arguments(node));
                const auto passed = apply_test(node.name, operand, with);
                if (!passed) return passed.status().context("line " + std::to_string(node.line));
                return Value::of(*passed);
            }
            case Kind::unary: return unary(node);
            case Kind::binary: return binary(node);
            case Kind::condition: {
                AFS_ASSIGN(const Value test, eval(node.kids[1]));
                return eval(node.kids[test.truthy() ? 0 : 2]);
            }
            default: return Status(Code::internal, at(node) + "a statement has no value");
        }
    }

    static bool is_function(const std::string& name) {
        return name == "raise_exception" || name == "strftime_now" || name == "namespace";
    }

    static Result<Value> located(const Node& node, Result<Value> result) {
        if (result.ok()) return result;
        return result.status().context("line " + std::to_string(node.line));
    }

    Result<Arguments> arguments(const Node& node) {
        Arguments with;
        for (size_t i = 1; i < node.kids.size(); ++i) {
            const Node& kid = node.kids[i];
            const bool named = kid.kind == Kind::keyword;
            AFS_ASSIGN(Value value, eval(named ? kid.kids[0] : kid));
            if (named)
                with.named[kid.name] = std::move(value);
            else
                with.values.push_back(std::move(value));
        }
        return with;
    }

    Result<Value> dict(const Node& node) {
        Dict members;
        for (size_t i = 0; i + 1 < node.kids.size(); i += 2) {
            AFS_ASSIGN(const Value key, eval(node.kids[i]));
            AFS_ASSIGN(Value value, eval(node.kids[i + 1]));
            if (!key.is(Value::Kind::string))
                return unsupported(at(node) + "a dict's key that is no text is not known here");
            members.emplace_back(key.string, std::move(value));
        }
        return Value::of(std::move(members));
    }

    Status no_member(const Node& node, const std::string& name) const {
        return invalid(at(node) + "'" + name + "' of an undefined value");
    }
    Result<Value> member(const Node& node) {
        AFS_ASSIGN(const Value object, eval(node.kids[0]));
        if (object.is(Value::Kind::undefined)) return no_member(node, node.name);
        const Value* found = object.find(node.name);
        return found ? *found : Value();
    }
    Result<Value> item(const Node& node) {
        AFS_ASSIGN(const Value object, eval(node.kids[0]));
        AFS_ASSIGN(const Value index, eval(node.kids[1]));
        if (object.is(Value::Kind::undefined)) return no_member(node, index.string);
        if (index.is(Value::Kind::string)) {
            const Value* found = object.find(index.string);
            return found ? *found : Value();
        }
        if (!object.is(Value::Kind::list) || !index.is(Value::Kind::integer))
            return unsupported(at(node) + "an index of kind " + index.kind_name() +
                               " into a value of kind " + object.kind_name() +
                               " is not known here");
        const auto n = static_cast<int64_t>(object.list->size());
        const int64_t i = index.integer < 0 ? index.integer + n : index.integer;
        return i < 0 || i >= n ? Value() : (*object.list)[static_cast<size_t>(i)];
    }

    Result<Value> slice(const Node& node) {
        AFS_ASSIGN(const Value object, eval(node.kids[0]));
        AFS_ASSIGN(const Value start, eval(node.kids[1]));
        AFS_ASSIGN(const Value stop, eval(node.kids[2]));
        AFS_ASSIGN(const Value step, eval(node.kids[3]));
        const auto is_bound = [](const Value& v) {
            return v.is(Value::Kind::none) || v.is(Value::Kind::integer);
        };
        if (!object.is(Value::Kind::list) || !is_bound(start) || !is_bound(stop) ||
            !(step == Value::of(int64_t{1})))
            return unsupported(at(node) + "such a slice of a value of kind " + object.kind_name() +
                               " is not known here");
        const auto n = static_cast<int64_t>(object.list->size());
        const auto bound = [n](const Value& v, int64_t otherwise) {
            const int64_t i = v.is(Value::Kind::none) ? otherwise : v.integer;
            return std::clamp(i < 0 ? i + n : i, int64_t{0}, n);
        };
        const int64_t from = bound(start, 0), to = std::max(from, bound(stop, n));
        const List& all = *object.list;
        return Value::of(List(all.begin() + from, all.begin() + to));
    }

    Result<Value> call(const Node& node) {
        const Node& callee = node.kids[0];
        AFS_ASSIGN(const Arguments with, arguments(node));
        if (callee.kind == Kind::member) {
            AFS_ASSIGN(const Value object, eval(callee.kids[0]));
            if (object.is(Value::Kind::undefined)) return no_member(node, callee.name);
            return located(node, call_method(object, callee.name, with));
        }
        if (callee.kind == Kind::name && callee.name == "raise_exception") {
            const std::string text = with.values.empty() ? "" : with.values[0].string;
            return invalid(at(node) + "the template raises: " + text);
        }
        if (callee.kind == Kind::name && callee.name == "strftime_now") {
            if (with.values.empty() || !(with.values[0] == Value::of("%d %b %Y")))
                return unsupported(at(node) +
                                   "a date in another form than %d %b %Y is not known here");
            return Value::of(today_);
        }
        if (callee.kind == Kind::name && callee.name == "namespace")
            return Value::of(Dict(with.named.begin(), with.named.end()));
        return unsupported(at(node) + "the function '" + callee.name + "' is not known here");
    }

    Result<Value> unary(const Node& node) {
        AFS_ASSIGN(const Value operand, eval(node.kids[0]));
        if (node.name == "not") return Value::of(!operand.truthy());
        if (!operand.is(Value::Kind::integer))
            return unsupported(at(node) + "'" + node.name + "' of a value of kind " +
                               operand.kind_name() + " is not known here");
        return Value::of(node.name == "-" ? -operand.integer : operand.integer);
    }

    Result<Value> binary(const Node& node) {
        AFS_ASSIGN(Value left, eval(node.kids[0]));
        const std::string& op = node.name;
        if (op == "or" && left.truthy()) return left;
        if (op == "and" && !left.truthy()) return left;
        AFS_ASSIGN(Value right, eval(node.kids[1]));
        if (op == "or" || op == "and") return right;
        if (op == "==") return Value::of(left == right);
        if (op == "!=") return Value::of(!(left == right));
        if (op == "in" || op == "not in") {
            const auto found = contains(right, left);
            if (!found) return found.status().context("line " + std::to_string(node.line));
            return Value::of(*found == (op == "in"));
        }
        if (op == "~") {
            AFS_ASSIGN(const std::string a, to_text(left));
            AFS_ASSIGN(const std::string b, to_text(right));
            return Value::of(a + b);
        }
        if (op == "+" && left.is(Value::Kind::string) && right.is(Value::Kind::string))
            return Value::of(left.string + right.string);
        if (op == "+" && left.is(Value::Kind::list) && right.is(Value::Kind::list)) {
            List both = *left.list;
            both.insert(both.end(), right.list->begin(), right.list->end());
            return Value::of(std::move(both));
        }
        if (left.is_number() && right.is_number())
            return arithmetic(node, left.integer, right.integer);
        return unsupported(at(node) + "'" + op + "' between values of kind " + left.kind_name() +
                           " and " + right.kind_name() + " is not known here");
    }

    // Small numbers only: what counts messages never comes near an overflow.
    static Result<Value> arithmetic(const Node& node, int64_t a, int64_t b) {
        const std::string& op = node.name;
        constexpr int64_t kMost = int64_t{1} << 30;
        if (a < -kMost || a > kMost || b < -kMost || b > kMost)
            return unsupported(at(node) + "numbers so large are not known here");
        if (op == "+") return Value::of(a + b);
        if (op == "-") return Value::of(a - b);
        if (op == "*") return Value::of(a * b);
        if (op == "%" && b > 0) return Value::of(((a % b) + b) % b);  // Python's sign
        if (op == "//" && b > 0) return Value::of((a - (((a % b) + b) % b)) / b);
        if (op == "<") return Value::of(a < b);
        if (op == "<=") return Value::of(a <= b);
        if (op == ">") return Value::of(a > b);
        if (op == ">=") return Value::of(a >= b);
        return unsupported(at(node) + "'" + op + "' of these numbers is not known here");
    }

    const std::string& today_;
    std::vector<Scope> scopes_;
    uint64_t steps_ = 0;
};

}  // namespace

Result<Template> Template::parse(std::string_view text) {
    if (text.size() > kMostText)
        return unsupported("the template has " + std::to_string(text.size()) + " bytes, at most " +
                           std::to_string(kMostText) + " are read");
    AFS_ASSIGN(Node root, parse_template(text));
    Template parsed;
    parsed.root_ = std::make_shared<const Node>(std::move(root));
    return parsed;
}

Result<std::string> Template::render(const Dict& variables, const std::string& today) const {
    std::string out;
    AFS_TRY(Evaluator(variables, today).run(*root_, out));
    return out;
}

}  // namespace afs::jinja
