// Merges: from text to ids.
#include "afs/utf8.hpp"
#include "byte_alphabet.hpp"
#include "load/load.hpp"

namespace afs::bpe {

constexpr size_t kBlock = 64;

MergeResolver::MergeResolver(const Vocabulary& vocabulary, Merges& merges, size_t n)
    : vocabulary_(vocabulary), merges_(merges) {
    merges_.reserve(n);
}

Status MergeResolver::add(std::string_view left, std::string_view right) {
    items_.push_back({left, right, {}});
    return items_.size() < kBlock ? Status() : flush();
}

Status MergeResolver::flush() {
    bytes_.clear();
    for (Item& item : items_) spell(item);
    for (const Item& item : items_)
        for (const Part& part : item.parts) vocabulary_.prefetch_piece(part.hash);
    for (Item& item : items_) AFS_TRY(resolve(item));
    for (const Item& item : items_)
        merges_.add(item.parts[0].id, item.parts[1].id,
                    {rank_++, static_cast<uint32_t>(item.parts[2].id)});
    items_.clear();
    return {};
}

// Bytes and hashes of the three tokens.
void MergeResolver::spell(Item& item) {
    const auto put = [&](Part& part, std::string_view text) {
        part.start = bytes_.size();
        part.literal = !append_bytes(text, bytes_);
        part.size = bytes_.size() - part.start;
    };
    Part &left = item.parts[0], &right = item.parts[1], &whole = item.parts[2];
    put(left, item.left);
    put(right, item.right);
    if (left.literal || right.literal)
        put(whole, std::string(item.left).append(item.right));
    else
        whole = {left.start, left.size + right.size, false, 0, -1};
    for (Part& part : item.parts) {
        part.hash = Vocabulary::hash(bytes(part), part.literal);
        vocabulary_.prefetch(part.hash);
    }
}

Status MergeResolver::resolve(Item& item) {
    for (Part& part : item.parts) {
        part.id = vocabulary_.find(part.hash, bytes(part), part.literal);
        if (part.id >= 0) continue;
        const std::string missing = &part == &item.parts[0] ? std::string(item.left)
                                    : &part == &item.parts[1]
                                        ? std::string(item.right)
                                        : std::string(item.left).append(item.right);
        const size_t index = rank_ + static_cast<size_t>(&item - items_.data());
        return invalid("merge " + std::to_string(index) + " (" + in_quotes(item.left) + " with " +
                       in_quotes(item.right) + ") needs token " + in_quotes(missing) +
                       ", which the vocabulary does not have");
    }
    merges_.prefetch(item.parts[0].id, item.parts[1].id);
    return {};
}

void PendingMerges::add(const std::string& left, const std::string& right) {
    text_ += left;
    ends_.push_back(text_.size());
    text_ += right;
    ends_.push_back(text_.size());
}

std::pair<std::string_view, std::string_view> PendingMerges::at(size_t i) const {
    const size_t start = i == 0 ? 0 : ends_[2 * i - 1];
    const std::string_view text(text_);
    return {text.substr(start, ends_[2 * i] - start),
            text.substr(ends_[2 * i], ends_[2 * i + 1] - ends_[2 * i])};
}

Status PendingMerges::resolve(const Vocabulary& vocabulary, Merges& merges) const {
    MergeResolver resolver(vocabulary, merges, size());
    for (size_t i = 0; i < size(); ++i) {
        const auto [left, right] = at(i);
        AFS_TRY(resolver.add(left, right));
    }
    return resolver.flush();
}

}  // namespace afs::bpe
