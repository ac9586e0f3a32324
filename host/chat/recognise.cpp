#include "chat/recognise.hpp"

#include <algorithm>

#include "afs/jinja/template.hpp"
#include "afs/json.hpp"  // quote
#include "chat/probes.hpp"

namespace afs {
namespace {

constexpr const char* kToday = "03 Feb 2001";
constexpr const char* kGiven = "14 Mar 1592";
constexpr const char* kMark = "\x01the system message\x02";

struct Texts {
    std::string bos, eos;
};

// The settings of one rendering beside its messages.
struct Setting {
    bool generation_prompt = true, date_given = false;
};

Result<std::string> theirs(const jinja::Template& source, const Messages& messages,
                           const Texts& texts, const Setting& setting) {
    using jinja::Value;
    jinja::List list;
    for (const Message& message : messages)
        list.push_back(Value::of(jinja::Dict{{"role", Value::of(message.role)},
                                             {"content", Value::of(message.content)}}));
    // As transformers' apply_chat_template passes them.
    jinja::Dict variables = {{"messages", Value::of(std::move(list))},
                             {"tools", Value::none()},
                             {"documents", Value::none()},
                             {"add_generation_prompt", Value::of(setting.generation_prompt)}};
    if (!texts.bos.empty()) variables.emplace_back("bos_token", Value::of(texts.bos));
    if (!texts.eos.empty()) variables.emplace_back("eos_token", Value::of(texts.eos));
    if (setting.date_given) variables.emplace_back("date_string", Value::of(kGiven));
    return source.render(variables, kToday);
}

class Candidate {
public:
    Candidate(ChatTemplates& known, const ChatTemplateInfo& info, bool with_bos, const Texts& texts)
        : known_(known), info_(info), with_bos_(with_bos), texts_(texts) {}

    Result<std::string> ours(const Messages& messages, const Setting& setting) {
        ChatInput input;
        if (default_system_ && !begins_with_system(messages))
            input.messages.push_back({"system", *default_system_});
        for (const Message& message : messages)
            input.messages.push_back({message.role, message.content});
        input.bos = with_bos_ ? texts_.bos : "";
        input.eos = texts_.eos;
        if (setting.date_given)
            input.date = kGiven;
        else if (info_.flags & AFS_CHAT_NEEDS_DATE)
            input.date = kToday;
        input.add_generation_prompt = setting.generation_prompt;
        std::vector<ChatPart> parts;
        AFS_TRY(known_.write(info_.name, input, parts));
        std::string text;
        for (const ChatPart& part : parts) text += part.text;
        return text;
    }

    // A default system message shows in what the first probe becomes: it is what stands where ours
    // has a system message given to it.
    Status find_default_system(const std::string& rendered) {
        const Messages& probe = template_probes().front();
        AFS_ASSIGN(const std::string plain, ours(probe, {}));
        if (plain == rendered) return {};
        default_system_ = kMark;
        AFS_ASSIGN(const std::string marked, ours(probe, {}));
        default_system_.reset();
        const size_t at = marked.find(kMark);
        if (at == std::string::npos) return {};
        const std::string before = marked.substr(0, at),
                          behind = marked.substr(at + std::string(kMark).size());
        if (rendered.size() > before.size() + behind.size() && rendered.starts_with(before) &&
            rendered.ends_with(behind))
            default_system_ =
                rendered.substr(before.size(), rendered.size() - before.size() - behind.size());
        return {};
    }

    RecognisedTemplate result() const { return {info_.name, with_bos_, default_system_}; }
    const std::string& name() const { return info_.name; }

private:
    ChatTemplates& known_;
    const ChatTemplateInfo& info_;
    const bool with_bos_;
    const Texts& texts_;
    std::optional<std::string> default_system_;
};

size_t common_prefix(const std::string& a, const std::string& b) {
    const auto [end, other] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    return static_cast<size_t>(end - a.begin());
}

// Where two texts part, for a message.
std::string difference(const std::string& theirs, const std::string& ours) {
    const size_t from = common_prefix(theirs, ours);
    const auto near = [from](const std::string& text) {
        return json::quote(text.substr(from > 12 ? from - 12 : 0, 48));
    };
    return "it writes " + near(theirs) + " where the other has " + near(ours);
}

// How far a candidate came.
struct Progress {
    size_t n_equal = 0, n_bytes = 0;  // renderings, then bytes of the one that differs
    std::string reason;               // empty: all the way
    bool further_than(const Progress& other) const {
        return std::pair(n_equal, n_bytes) > std::pair(other.n_equal, other.n_bytes);
    }
};

Result<Progress> compare(const jinja::Template& source, Candidate& candidate, const Texts& texts) {
    Progress progress;
    for (const Messages& probe : template_probes())
        for (const Setting setting :
             {Setting{true, false}, Setting{true, true}, Setting{false, false}}) {
            const auto rendered = theirs(source, probe, texts, setting);
            if (!rendered) {
                progress.reason = rendered.status().message();
                return progress;
            }
            AFS_ASSIGN(std::string written, candidate.ours(probe, setting));
            // Some of the first Llama 3 files prompt for an answer even when not asked to.
            if (!setting.generation_prompt && *rendered != written) {
                AFS_ASSIGN(written, candidate.ours(probe, {}));
            }
            if (*rendered != written) {
                progress.n_bytes = common_prefix(*rendered, written);
                progress.reason = difference(*rendered, written);
                return progress;
            }
            ++progress.n_equal;
        }
    return progress;
}

}  // namespace

Result<RecognisedTemplate> recognise_template(ChatTemplates& known, const std::string& jinja,
                                              const std::string& bos, const std::string& eos) {
    const auto parsed = jinja::Template::parse(jinja);
    if (!parsed) return unsupported(parsed.status().message());
    const Texts texts{bos, eos};
    const auto first = theirs(*parsed, template_probes().front(), texts, {});
    if (!first) return unsupported(first.status().message());
    std::string nearest = "it writes otherwise than any of them";
    Progress most;
    most.n_bytes = bos.size() + 2;  // "<|" alone says nothing
    const std::vector<ChatTemplateInfo> infos = known.list();
    for (const ChatTemplateInfo& info : infos)
        for (const bool with_bos : {true, false}) {
            const bool opens = (info.flags & AFS_CHAT_OPENS_WITH_BOS) != 0;
            if (with_bos != opens && !(info.flags & AFS_CHAT_BOS_IS_FREE)) continue;
            Candidate candidate(known, info, with_bos, texts);
            AFS_TRY(candidate.find_default_system(*first));
            AFS_ASSIGN(const Progress progress, compare(*parsed, candidate, texts));
            if (progress.reason.empty()) return candidate.result();
            if (!progress.further_than(most)) continue;
            most = progress;
            nearest = "nearest is " + candidate.name() + ", but " + progress.reason;
        }
    return unsupported(nearest);
}

}  // namespace afs
