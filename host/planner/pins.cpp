#include <string>

#include "planner/context.hpp"

namespace afs {
namespace {

// Greedy match of one pattern, where '*' takes any text without a dot.
bool matches(const char* pattern, const char* text) {
    for (; *pattern; ++pattern, ++text) {
        if (*pattern == '*') {
            for (;; ++text) {
                if (matches(pattern + 1, text)) return true;
                if (!*text || *text == '.') return false;
            }
        }
        if (*pattern != *text) return false;
    }
    return !*text;
}

// 3: the whole tag, 2: a pattern, 1: an op id, 0: not this node.
int strength(const std::string& pattern, const NodeFacts& node) {
    if (pattern.find('/') != std::string::npos) return pattern == node.op ? 1 : 0;
    if (pattern == node.tag) return 3;
    return tag_matches(pattern, node.tag) ? 2 : 0;
}

std::string names_of(const PlanContext& context) {
    std::string text;
    for (const Backend& b : context.backends) text += (text.empty() ? "'" : ", '") + b.name + "'";
    return text;
}

// What a pin could have meant: ops of the graph for an op id, else some tags.
std::string nearby(const PlanContext& context, const std::string& pattern) {
    const bool wants_op = pattern.find('/') != std::string::npos;
    std::string text;
    int n = 0;
    for (const NodeFacts& node : context.nodes) {
        const std::string& name = wants_op ? node.op : node.tag;
        if (text.find("'" + name + "'") != std::string::npos) continue;
        if (++n > 12) return text + " ..";
        text += (text.empty() ? "'" : ", '") + name + "'";
    }
    return text;
}

}  // namespace

bool tag_matches(const std::string& pattern, const std::string& tag) {
    return matches(pattern.c_str(), tag.c_str());
}

Status resolve_pins(PlanContext& context) {
    std::vector<int> strongest(context.nodes.size(), 0);
    for (const Pin& pin : context.request->pins) {
        uint32_t backend = kNobody;
        for (uint32_t b = 0; b < context.backends.size(); ++b)
            if (context.backends[b].name == pin.backend) backend = b;
        if (backend == kNobody)
            return invalid("cannot pin '" + pin.pattern + "' to '" + pin.backend +
                           "': no such backend is listed; there are " + names_of(context));
        bool hit = false;
        for (size_t n = 0; n < context.nodes.size(); ++n) {
            NodeFacts& node = context.nodes[n];
            const int how = strength(pin.pattern, node);
            hit |= how > 0;
            if (how == 0 || how < strongest[n]) continue;
            if (how == strongest[n] && node.pin != backend)
                return invalid("cannot pin '" + node.tag + "': '" + node.pinned_by +
                               "' pins it to '" + context.backends[node.pin].name + "' and '" +
                               pin.pattern + "' to '" + pin.backend +
                               "'; give the whole tag to decide");
            strongest[n] = how;
            node.pin = backend;
            node.pinned_by = pin.pattern;
        }
        if (!hit)
            return not_found("cannot pin '" + pin.pattern + "' to '" + pin.backend +
                             "': it hits no node of the graph, which has " +
                             nearby(context, pin.pattern));
    }
    return {};
}

}  // namespace afs
