// The resolved configuration as JSON text: dotted keys become nested objects again.
#include "afs/config/config.hpp"
#include "afs/config/schema.hpp"

namespace afs {
namespace {

struct Tree {
    std::string name;
    const Setting* leaf = nullptr;
    std::vector<Tree> children;

    Tree& child(const std::string& part) {
        for (Tree& tree : children)
            if (tree.name == part) return tree;
        children.push_back(Tree{part, nullptr, {}});
        return children.back();
    }
};

// Below `pin` a name keeps its dots.
Tree grow(const std::map<std::string, Setting>& settings) {
    Tree root;
    for (const auto& [key, setting] : settings) {
        Tree* at = &root;
        for (size_t start = 0; start <= key.size();) {
            const bool whole = key.rfind("pin.", 0) == 0 && start > 0;
            const size_t end = whole ? key.size() : std::min(key.find('.', start), key.size());
            at = &at->child(key.substr(start, end - start));
            start = end + 1;
        }
        at->leaf = &setting;
    }
    return root;
}

void print(const Tree& tree, size_t level, bool origins, std::string& out) {
    for (size_t i = 0; i < tree.children.size(); ++i) {
        const Tree& child = tree.children[i];
        const char* comma = i + 1 < tree.children.size() ? "," : "";
        out.append(2 * level, ' ').append(json::quote(child.name)) += ": ";
        if (child.leaf) {
            out += json::dump(child.leaf->value) + comma;
            if (origins) out += "  // " + child.leaf->origin;
            out += '\n';
        } else {
            out += "{\n";
            print(child, level + 1, origins, out);
            out.append(2 * level, ' ').append("}").append(comma) += '\n';
        }
    }
}

}  // namespace

std::string Config::render(bool with_origins) const {
    std::string out = "{\n";
    print(grow(settings_), 1, with_origins, out);
    return out + "}\n";
}

}  // namespace afs
