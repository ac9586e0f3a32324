// The normaliser's rules: a size, a double array (Darts) of that many bytes, and the texts that it
// points into. The library follows every link of the array unchecked, so each is checked here.
#include <algorithm>
#include <cstring>
#include <vector>

#include "model.hpp"

namespace afs::spm {
namespace {

constexpr size_t kMostNested = 32;  // rules that begin alike: as many as the library has room for
constexpr size_t kLongestText = 1024;  // what one rule writes, in bytes

Status broken(const std::string& what) {
    return invalid("the normaliser's rules are broken: " + what);
}

// A unit of the array is a value, or node i with a label, from which byte b leads to link(i) ^ b.
class DoubleArray {
public:
    DoubleArray(std::string_view array, std::string_view texts)
        : units_(array.size() / 4), texts_(texts) {
        std::memcpy(units_.data(), array.data(), units_.size() * 4);
    }

    Status check() {
        for (size_t i = 0; i < units_.size(); ++i) AFS_TRY(check_unit(i));
        return check_nesting();
    }

private:
    bool is_value(size_t i) const { return units_[i] >> 31; }
    bool ends_rule(size_t i) const { return units_[i] >> 8 & 1; }
    size_t link(size_t i) const {
        return i ^ ((units_[i] >> 10) << ((units_[i] & (1u << 9)) >> 6));
    }

    Status check_unit(size_t i) const {
        const std::string name = "unit " + std::to_string(i);
        if (is_value(i)) {
            const size_t text = units_[i] & 0x7fffffffu;
            if (text >= texts_.size()) return broken(name + " names a text beyond the last");
            const size_t most = std::min(texts_.size() - text, kLongestText + 1);
            if (!std::memchr(texts_.data() + text, '\0', most))
                return broken(name + " names a text longer than 1024 bytes");
            return {};
        }
        if ((link(i) | 0xff) >= units_.size()) return broken(name + " leads out of the array");
        if (ends_rule(i) && !is_value(link(i))) return broken(name + " ends a rule without text");
        // A free unit: a NUL in the text leads from it to itself, and nothing ends there.
        if ((units_[i] & 0xff) == 0 && i != 0 && (link(i) != i || ends_rule(i)))
            return broken(name + " has a rule with NUL");
        return {};
    }

    // No more rules end on one way from the root than the library has room for. Nodes with the same
    // link are one node here.
    Status check_nesting() {
        first_.assign(units_.size() + 1, 0);
        for (size_t i = 0; i < units_.size(); ++i)
            if (steps(i)) ++first_[parent(i) + 1];
        for (size_t i = 0; i < units_.size(); ++i) first_[i + 1] += first_[i];
        children_.resize(first_.back());
        std::vector<uint32_t> at(first_.begin(), first_.end() - 1);
        for (size_t i = 0; i < units_.size(); ++i)
            if (steps(i)) children_[at[parent(i)]++] = static_cast<uint32_t>(i);

        struct Visit {
            size_t node;  // by its link
            bool below_done;
        };
        constexpr uint32_t kNew = ~0u, kOpen = ~0u - 1;
        std::vector<uint32_t> nested(units_.size(), kNew);
        std::vector<Visit> way{{link(0), false}};
        while (!way.empty()) {
            const auto [node, below_done] = way.back();
            if (below_done || nested[node] != kNew) way.pop_back();
            if (below_done) {
                nested[node] = most_below(node, nested);
                if (nested[node] > kMostNested) return broken("more than 32 rules begin alike");
            } else if (nested[node] == kNew) {
                nested[node] = kOpen;
                way.back().below_done = true;
                for (uint32_t c = first_[node]; c < first_[node + 1]; ++c) {
                    const size_t below = link(children_[c]);
                    if (nested[below] == kOpen)
                        return broken("unit " + std::to_string(children_[c]) + " leads back");
                    if (nested[below] == kNew) way.push_back({below, false});
                }
            }
        }
        return {};
    }
    uint32_t most_below(size_t node, const std::vector<uint32_t>& nested) const {
        uint32_t most = 0;
        for (uint32_t c = first_[node]; c < first_[node + 1]; ++c)
            most = std::max(most, nested[link(children_[c])] + (ends_rule(children_[c]) ? 1 : 0));
        return most;
    }
    // Whether byte label(i) leads from parent(i) to node i.
    bool steps(size_t i) const { return !is_value(i) && (units_[i] & 0xff) != 0; }
    size_t parent(size_t i) const { return i ^ (units_[i] & 0xff); }

    std::vector<uint32_t> units_;
    std::string_view texts_;
    std::vector<uint32_t> first_, children_;  // children_[first_[p], first_[p + 1]) are of parent p
};

}  // namespace

Status check_charsmap(const std::string& charsmap) {
    if (charsmap.empty()) return {};
    uint32_t size = 0;
    if (charsmap.size() < sizeof size) return broken("shorter than 4 bytes");
    std::memcpy(&size, charsmap.data(), sizeof size);
    const std::string_view rest = std::string_view(charsmap).substr(sizeof size);
    if (size > rest.size())
        return broken("an array of " + std::to_string(size) + " bytes, of which " +
                      std::to_string(rest.size()) + " are there");
    if (size == 0 || size % 1024 != 0)
        return broken("an array of " + std::to_string(size) +
                      " bytes: expected whole blocks of 1024");
    const std::string_view texts = rest.substr(size);
    if (texts.empty() || texts.back() != '\0') return broken("the texts do not end in NUL");
    return DoubleArray(rest.substr(0, size), texts).check();
}

}  // namespace afs::spm
