#include "pretokenizer.hpp"

#include <cstring>

#include "afs/utf8.hpp"

namespace afs::bpe {

const char* const kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
const char* const kCl100kPattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";

namespace {

std::string escaped(const std::string& literal) {
    std::string out;
    for (const char c : literal) {
        if (std::strchr("\\^$.|?*+()[]{}-#/", c) && c != '\0') out += '\\';
        out += c;
    }
    return out;
}

}  // namespace

Result<Pretokenizer> Pretokenizer::make(const std::vector<SplitRule>& rules) {
    Pretokenizer made;
    for (const SplitRule& rule : rules) {
        const std::string pattern = rule.kind == SplitRule::Kind::digits    ? "\\p{N}"
                                    : rule.kind == SplitRule::Kind::literal ? escaped(rule.pattern)
                                                                            : rule.pattern;
        AFS_ASSIGN(Regex regex, Regex::compile(pattern));
        made.steps_.push_back({std::move(regex), rule.behavior, rule.invert});
    }
    return made;
}

Status Pretokenizer::split(std::string_view text, std::vector<Span>& spans) {
    spans.assign(1, Span{0, text.size()});
    for (const Step& step : steps_) {
        out_.clear();
        for (const Span& piece : spans) AFS_TRY(apply(step, text, piece));
        spans.swap(out_);
    }
    return {};
}

// Finds as HF's find_iter does: an empty match right behind the last match is passed over.
Status Pretokenizer::apply(const Step& step, std::string_view text, Span piece) {
    const std::string_view subject = text.substr(piece.begin, piece.size());
    joins_ = false;
    size_t from = 0, done = 0;
    bool any = false;
    while (from <= subject.size()) {
        Span match;
        bool found = false;
        AFS_TRY(step.regex.search(subject, from, match, found));
        if (!found) break;
        if (match.size() == 0 && any && match.end == done) {
            if (from >= subject.size()) break;
            from += utf8_length(subject, from);
            continue;
        }
        if (match.begin > done) put(step, {piece.begin + done, piece.begin + match.begin}, false);
        put(step, {piece.begin + match.begin, piece.begin + match.end}, true);
        from = done = match.end;
        any = true;
    }
    if (done < subject.size()) put(step, {piece.begin + done, piece.end}, false);
    return {};
}

void Pretokenizer::put(const Step& step, Span span, bool matched) {
    if (step.invert) matched = !matched;
    if (step.behavior == Behavior::removed && matched) return;
    const bool join =
        joins_ && (step.behavior == Behavior::contiguous             ? matched == last_matched_
                   : step.behavior == Behavior::merged_with_previous ? matched && !last_matched_
                   : step.behavior == Behavior::merged_with_next     ? !matched && last_matched_
                                                                     : false);
    joins_ = step.behavior != Behavior::removed && step.behavior != Behavior::isolated;
    last_matched_ = matched;
    if (join)
        out_.back().end = span.end;
    else if (span.size() > 0)
        out_.push_back(span);
    else
        joins_ = false;
}

}  // namespace afs::bpe
