#include "bpe.hpp"

#include <algorithm>
#include <limits>

namespace afs::bpe {
namespace {

// Lowest rank first, then leftmost: the order in which HF tokenizers merges.
constexpr auto kLater = [](const auto& a, const auto& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.left > b.left;
};

}  // namespace

Bpe::Bpe(const Definition& definition) : definition_(definition) {}

Status Bpe::encode(std::string_view pretoken, std::vector<int32_t>& ids) {
    if (pretoken.size() == 1) {
        const int32_t id = definition_.vocabulary.byte_id(static_cast<uint8_t>(pretoken[0]));
        if (id >= 0) {
            ids.push_back(id);
            return {};
        }
    }
    if (cache_.append(pretoken, ids)) return {};
    const size_t before = ids.size();
    const int32_t whole = definition_.ignore_merges ? definition_.vocabulary.find(pretoken) : -1;
    if (whole >= 0) {
        ids.push_back(whole);
    } else {
        AFS_TRY(start(pretoken));
        merge_all();
        for (int32_t i = symbols_.empty() ? -1 : 0; i >= 0;
             i = symbols_[static_cast<size_t>(i)].next)
            ids.push_back(symbols_[static_cast<size_t>(i)].id);
    }
    cache_.keep(pretoken, ids.data() + before, ids.size() - before);
    return {};
}

// One symbol a byte, doubly linked.
Status Bpe::start(std::string_view pretoken) {
    if (pretoken.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max()))
        return invalid("a pre-token has " + std::to_string(pretoken.size()) +
                       " bytes: expected at most 2147483647");
    symbols_.clear();
    bool after_unk = false;
    for (const char c : pretoken) {
        int32_t id = definition_.vocabulary.byte_id(static_cast<uint8_t>(c));
        const bool unk = id < 0;
        if (unk) id = definition_.unk_id;
        if (id < 0) continue;
        if (unk && after_unk && definition_.fuse_unk) continue;
        after_unk = unk;
        const int32_t index = static_cast<int32_t>(symbols_.size());
        if (index > 0) symbols_.back().next = index;
        symbols_.push_back({id, index - 1, -1, false});
    }
    return {};
}

void Bpe::propose(int32_t left) {
    const Symbol& symbol = symbols_[static_cast<size_t>(left)];
    if (symbol.next < 0) return;
    const Merge* merge =
        definition_.merges.find(symbol.id, symbols_[static_cast<size_t>(symbol.next)].id);
    if (!merge) return;
    heap_.push_back({merge->rank, merge->id, left});
    std::push_heap(heap_.begin(), heap_.end(), kLater);
}

// A candidate is stale when its pair is gone or would now give another id.
void Bpe::merge_all() {
    heap_.clear();
    for (size_t i = 0; i + 1 < symbols_.size(); ++i) propose(static_cast<int32_t>(i));
    while (!heap_.empty()) {
        const Candidate best = heap_.front();
        std::pop_heap(heap_.begin(), heap_.end(), kLater);
        heap_.pop_back();
        Symbol& left = symbols_[static_cast<size_t>(best.left)];
        if (left.gone || left.next < 0) continue;
        Symbol& right = symbols_[static_cast<size_t>(left.next)];
        const Merge* now = definition_.merges.find(left.id, right.id);
        if (!now || now->id != best.id) continue;
        left.id = static_cast<int32_t>(best.id);
        right.gone = true;
        left.next = right.next;
        if (right.next >= 0) symbols_[static_cast<size_t>(right.next)].previous = best.left;
        if (left.previous >= 0) propose(left.previous);
        propose(best.left);
    }
}

}  // namespace afs::bpe
