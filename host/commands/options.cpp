#include "commands/options.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <charconv>
#include <sstream>

#include "afs/config/schema.hpp"  // nearest
#include "runtime/write_file.hpp"

namespace afs {
namespace po = boost::program_options;

namespace {

std::string long_name(const Option& option) {
    return option.name.substr(0, option.name.find(','));
}

// "--max-tokens", "-n" of an option list, for suggestions.
std::vector<std::string> spellings(std::span<const Option> options) {
    std::vector<std::string> all;
    for (const Option& option : options) all.push_back("--" + long_name(option));
    return all;
}

// What was given for an option; "[=on|off]" alone means on.
std::vector<std::string> given(const po::option& found, std::span<const Option> options) {
    const bool alone =
        found.value.empty() &&
        std::any_of(options.begin(), options.end(), [&](const Option& option) {
            return long_name(option) == found.string_key && option.value.starts_with('[');
        });
    return alone ? std::vector<std::string>{"true"} : found.value;
}

// Program_options' exceptions in our words.
Status usage_error(const std::string& verb, std::span<const Option> options,
                   const po::error& error) {
    std::string message = error.what();
    if (const auto* unknown = dynamic_cast<const po::unknown_option*>(&error)) {
        const std::string found = unknown->get_option_name();
        message = "unknown option '" + found + "'" + nearest(found, spellings(options));
    }
    return invalid(message + "; afs-host " + verb + " --help lists the options");
}

}  // namespace

std::string ParsedOptions::text(const std::string& name, const std::string& otherwise) const {
    const auto it = values_.find(name);
    return it == values_.end() || it->second.empty() ? otherwise : it->second.back();
}

const std::vector<std::string>& ParsedOptions::all(const std::string& name) const {
    static const std::vector<std::string> none;
    const auto it = values_.find(name);
    return it == values_.end() ? none : it->second;
}

Result<uint64_t> parse_number(const std::string& what, const std::string& text, uint64_t least,
                              uint64_t most) {
    uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end || value < least || value > most)
        return invalid(what + ": expected a whole number from " + std::to_string(least) + " to " +
                       std::to_string(most) + ", found '" + text + "'");
    return value;
}

Result<uint64_t> ParsedOptions::number(const std::string& name, uint64_t otherwise, uint64_t least,
                                       uint64_t most) const {
    return has(name) ? parse_number("--" + name, text(name), least, most) : otherwise;
}

Result<std::vector<uint32_t>> ParsedOptions::numbers(const std::string& name,
                                                     const std::string& otherwise) const {
    std::vector<uint32_t> values;
    std::istringstream list(text(name, otherwise));
    for (std::string word; std::getline(list, word, ',');) {
        AFS_ASSIGN(const uint64_t value, parse_number("--" + name, word, 0, 1u << 24));
        values.push_back(static_cast<uint32_t>(value));
    }
    if (values.empty()) return invalid("--" + name + ": expected numbers such as 128,512");
    return values;
}

Result<ParsedOptions> parse_options(const std::string& verb, std::span<const Option> options,
                                    const std::vector<std::string>& args, size_t max_positional) {
    po::options_description known;
    for (const Option& option : options) {
        if (option.value.empty()) {
            known.add_options()(option.name.c_str(), "");
            continue;
        }
        auto* value = po::value<std::vector<std::string>>();  // add_options owns it
        if (option.value.starts_with('[')) value->implicit_value({"true"}, "true");
        known.add_options()(option.name.c_str(), value, "");
    }
    known.add_options()("positional", po::value<std::vector<std::string>>(), "");
    po::positional_options_description positional;
    positional.add("positional", -1);
    ParsedOptions parsed;
    try {
        // "--model-p" must not silently become "--model-plugin": no guessing.
        const int style = po::command_line_style::unix_style &
                          ~static_cast<int>(po::command_line_style::allow_guessing);
        const auto found =
            po::command_line_parser(args).options(known).positional(positional).style(style).run();
        for (const auto& option : found.options) {
            if (option.string_key == "positional")
                parsed.positional_.insert(parsed.positional_.end(), option.value.begin(),
                                          option.value.end());
            else
                for (auto& list = parsed.values_[option.string_key];
                     const std::string& value : given(option, options))
                    list.push_back(value);
        }
    } catch (const po::error& error) {
        return usage_error(verb, options, error);
    }
    if (parsed.positional_.size() > max_positional)
        return invalid("unexpected word '" + parsed.positional_[max_positional] + "'; afs-host " +
                       verb + " --help shows the use");
    return parsed;
}

OptionRule needs(std::string option, std::vector<std::string> others, std::string why) {
    return {OptionRule::Kind::needs, std::move(option), std::move(others), std::move(why)};
}

OptionRule excludes(std::string option, std::vector<std::string> others, std::string why) {
    return {OptionRule::Kind::excludes, std::move(option), std::move(others), std::move(why)};
}

OptionRule writes(std::string option) {
    return {OptionRule::Kind::writes, std::move(option), {}, {}};
}

Status check_rules(std::span<const OptionRule> rules, const ParsedOptions& options) {
    for (const OptionRule& rule : rules) {
        if (!options.has(rule.option)) continue;
        const std::string name = "--" + rule.option;
        if (rule.kind == OptionRule::Kind::writes) {
            AFS_TRY(check_folder_of(options.text(rule.option)).context(name));
            continue;
        }
        const std::string why = rule.why.empty() ? "" : " (" + rule.why + ")";
        const auto given =
            std::find_if(rule.others.begin(), rule.others.end(),
                         [&](const std::string& other) { return options.has(other); });
        const bool any = given != rule.others.end();
        if (rule.kind == OptionRule::Kind::excludes && any)
            return invalid(name + " and --" + *given + " exclude each other" + why +
                           ": leave one out");
        if (rule.kind == OptionRule::Kind::excludes || any) continue;
        std::string others;
        for (const std::string& other : rule.others)
            others += (others.empty() ? "--" : " or --") + other;
        return invalid(name + " goes with " + others + why + ": add that, or leave " + name +
                       " out");
    }
    return {};
}

std::string format_options(std::span<const Option> options) {
    constexpr size_t kHelpColumn = 32, kWidth = 98;
    std::string out;
    for (const Option& option : options) {
        const size_t comma = option.name.find(',');
        std::string line =
            comma == std::string::npos ? "      " : "  -" + option.name.substr(comma + 1) + ", ";
        line +=
            "--" + long_name(option) +
            (option.value.empty() || option.value[0] == '[' ? option.value : " " + option.value);
        if (line.size() + 2 > kHelpColumn) {
            out += line + "\n";
            line.clear();
        }
        line.resize(kHelpColumn, ' ');
        std::istringstream words(option.help);
        for (std::string word; words >> word;) {
            if (line.size() + 1 + word.size() > kWidth) {
                out += line + "\n";
                line.assign(kHelpColumn, ' ');
            }
            line += (line.size() > kHelpColumn ? " " : "") + word;
        }
        out += line + "\n";
    }
    return out;
}

}  // namespace afs
