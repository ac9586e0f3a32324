// The steps of a tokenizer.json around its model: what is not byte-level BPE is refused by name.
#include <nlohmann/json.hpp>

#include "afs/utf8.hpp"
#include "load/json_reader.hpp"
#include "load/load.hpp"

namespace afs::bpe {
namespace {

using nlohmann::json;

// A step's type; `where` names it in messages.
Result<std::string> type_of(const json& step, const std::string& where) {
    if (!step.is_object())
        return invalid(where + " is " + kind_of(step) + ": expected an object with a 'type'");
    return string_member(step, "type", where);
}

bool present(const json& document, const char* key) {
    const auto it = document.find(key);
    return it != document.end() && !it->is_null();
}

Result<const json*> list_of(const json& step, const char* key, const std::string& where) {
    const auto it = step.find(key);
    if (it == step.end() || !it->is_array()) return invalid(where + " has no array '" + key + "'");
    return &*it;
}

Result<Behavior> behavior_of(const std::string& name, const std::string& where) {
    if (name == "Removed") return Behavior::removed;
    if (name == "Isolated") return Behavior::isolated;
    if (name == "MergedWithPrevious") return Behavior::merged_with_previous;
    if (name == "MergedWithNext") return Behavior::merged_with_next;
    if (name == "Contiguous") return Behavior::contiguous;
    return unsupported(where + ".behavior is " + in_quotes(name) +
                       ": expected Removed, Isolated, MergedWithPrevious, MergedWithNext or "
                       "Contiguous");
}

Result<SplitRule> read_split(const json& step, const std::string& where) {
    AFS_TRY(expect_keys(step, {"type", "pattern", "behavior", "invert"}, where));
    const auto pattern = step.find("pattern");
    SplitRule rule;
    if (pattern == step.end() || !pattern->is_object() || pattern->size() != 1)
        return invalid(where + ".pattern: expected {\"Regex\": …} or {\"String\": …}");
    if (pattern->contains("Regex")) {
        AFS_ASSIGN(rule.pattern, string_member(*pattern, "Regex", where + ".pattern"));
    } else {
        rule.kind = SplitRule::Kind::literal;
        AFS_ASSIGN(rule.pattern, string_member(*pattern, "String", where + ".pattern"));
        if (rule.pattern.empty()) return invalid(where + ".pattern.String is empty");
    }
    AFS_ASSIGN(const std::string behavior, string_member(step, "behavior", where));
    AFS_ASSIGN(rule.behavior, behavior_of(behavior, where));
    AFS_ASSIGN(rule.invert, bool_member(step, "invert", false, where));
    return rule;
}

// Appends the step; after a ByteLevel step no other may come.
Status read_pre_tokenizer(const json& step, const std::string& where, Definition& definition,
                          bool& byte_level) {
    AFS_ASSIGN(const std::string type, type_of(step, where));
    if (byte_level)
        return unsupported(where + " (" + type +
                           ") comes after ByteLevel: expected ByteLevel to be the last step");
    if (type == "Sequence") {
        AFS_TRY(expect_keys(step, {"type", "pretokenizers"}, where));
        AFS_ASSIGN(const json* list, list_of(step, "pretokenizers", where));
        for (size_t i = 0; i < list->size(); ++i)
            AFS_TRY(read_pre_tokenizer((*list)[i], where + "[" + std::to_string(i) + "]",
                                       definition, byte_level));
    } else if (type == "Split") {
        AFS_ASSIGN(SplitRule rule, read_split(step, where));
        definition.splits.push_back(std::move(rule));
    } else if (type == "Digits") {
        AFS_TRY(expect_keys(step, {"type", "individual_digits"}, where));
        AFS_ASSIGN(const bool single, bool_member(step, "individual_digits", false, where));
        definition.splits.push_back({SplitRule::Kind::digits,
                                     {},
                                     single ? Behavior::isolated : Behavior::contiguous,
                                     false});
    } else if (type == "ByteLevel") {
        AFS_TRY(
            expect_keys(step, {"type", "add_prefix_space", "trim_offsets", "use_regex"}, where));
        AFS_ASSIGN(definition.add_prefix_space, bool_member(step, "add_prefix_space", true, where));
        AFS_ASSIGN(const bool regex, bool_member(step, "use_regex", true, where));
        if (regex)
            definition.byte_level.push_back(
                {SplitRule::Kind::regex, kGpt2Pattern, Behavior::isolated, false});
        byte_level = true;
    } else {
        return unsupported(where + " is " + in_quotes(type) +
                           ": expected ByteLevel, Split, Digits or a Sequence of them");
    }
    return {};
}

Status read_template_half(const json& list, const json& specials, const std::string& where,
                          Definition& definition) {
    bool after_text = false;
    for (const json& item : list) {
        if (item.is_object() && item.contains("Sequence")) {
            if (after_text) return unsupported(where + ".single holds the text twice");
            after_text = true;
            continue;
        }
        if (!item.is_object() || !item.contains("SpecialToken"))
            return invalid(where + ".single: expected Sequence and SpecialToken items");
        AFS_ASSIGN(const std::string name,
                   string_member(item["SpecialToken"], "id", where + ".single.SpecialToken"));
        const auto entry = specials.find(name);
        if (entry == specials.end() || !entry->is_object() || !entry->contains("ids") ||
            !(*entry)["ids"].is_array())
            return invalid(where + ".special_tokens has no ids for " + in_quotes(name));
        for (const json& id : (*entry)["ids"]) {
            if (!id.is_number_unsigned() || !definition.vocabulary.holds(static_cast<int64_t>(
                                                std::min<uint64_t>(id.get<uint64_t>(), 1u << 30))))
                return invalid(where + ": token " + in_quotes(name) + " has id " + id.dump() +
                               ", which the vocabulary does not have");
            (after_text ? definition.suffix : definition.prefix).push_back(id.get<int32_t>());
        }
    }
    if (!after_text) return unsupported(where + ".single leaves the text out");
    return {};
}

Status read_post_processor(const json& step, const std::string& where, Definition& definition) {
    AFS_ASSIGN(const std::string type, type_of(step, where));
    if (type == "ByteLevel") return {};  // only trims offsets
    if (type == "Sequence") {
        AFS_ASSIGN(const json* list, list_of(step, "processors", where));
        for (size_t i = 0; i < list->size(); ++i)
            AFS_TRY(
                read_post_processor((*list)[i], where + "[" + std::to_string(i) + "]", definition));
        return {};
    }
    if (type != "TemplateProcessing")
        return unsupported(where + " is " + in_quotes(type) +
                           ": expected ByteLevel, TemplateProcessing or a Sequence of them");
    if (!definition.prefix.empty() || !definition.suffix.empty())
        return unsupported(where + " is a second TemplateProcessing");
    AFS_TRY(expect_keys(step, {"type", "single", "pair", "special_tokens"}, where));
    AFS_ASSIGN(const json* list, list_of(step, "single", where));
    const auto specials = step.find("special_tokens");
    if (specials == step.end() || !specials->is_object())
        return invalid(where + " has no object 'special_tokens'");
    return read_template_half(*list, *specials, where, definition);
}

Status check_decoder(const json& step, const std::string& where) {
    AFS_ASSIGN(const std::string type, type_of(step, where));
    if (type == "ByteLevel" || type == "Fuse") return {};
    if (type != "Sequence")
        return unsupported(where + " is " + in_quotes(type) + ": expected ByteLevel");
    AFS_ASSIGN(const json* list, list_of(step, "decoders", where));
    for (size_t i = 0; i < list->size(); ++i)
        AFS_TRY(check_decoder((*list)[i], where + "[" + std::to_string(i) + "]"));
    return {};
}

}  // namespace

Status read_pipeline(const json& document, Definition& definition) {
    if (present(document, "normalizer")) {
        AFS_ASSIGN(const std::string type, type_of(document["normalizer"], "normalizer"));
        const bool nothing = type == "Sequence" && document["normalizer"].contains("normalizers") &&
                             document["normalizer"]["normalizers"].empty();
        if (!nothing)
            return unsupported("normalizer is " + in_quotes(type) + ": expected none (null)");
    }
    bool byte_level = false;
    if (present(document, "pre_tokenizer"))
        AFS_TRY(
            read_pre_tokenizer(document["pre_tokenizer"], "pre_tokenizer", definition, byte_level));
    if (!byte_level)
        return unsupported(
            "pre_tokenizer has no ByteLevel step: expected a byte-level BPE tokenizer");
    if (present(document, "decoder")) AFS_TRY(check_decoder(document["decoder"], "decoder"));
    if (present(document, "post_processor"))
        AFS_TRY(read_post_processor(document["post_processor"], "post_processor", definition));
    return {};
}

}  // namespace afs::bpe
