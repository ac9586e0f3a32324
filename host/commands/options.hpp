// One list of options drives parsing, --help and the error messages of a verb.
#pragma once
#include <map>
#include <span>
#include <string>
#include <vector>

#include "afs/status.hpp"

namespace afs {

struct Option {
    std::string name;   // "max-tokens", or with a short form "max-tokens,n"
    std::string value;  // "N"; empty: a switch
    std::string help;
    std::string key = {};  // the configuration key that it sets; empty: the verb's own
};

// What was given on the command line.
class ParsedOptions {
public:
    bool has(const std::string& name) const { return values_.count(name) != 0; }
    // The last value given, or `otherwise`.
    std::string text(const std::string& name, const std::string& otherwise = {}) const;
    const std::vector<std::string>& all(const std::string& name) const;
    // A whole number within [least, most]; INVALID says what was expected and found.
    Result<uint64_t> number(const std::string& name, uint64_t otherwise, uint64_t least,
                            uint64_t most) const;
    // Whole numbers separated by commas.
    Result<std::vector<uint32_t>> numbers(const std::string& name,
                                          const std::string& otherwise) const;
    const std::vector<std::string>& positional() const { return positional_; }
    const std::map<std::string, std::vector<std::string>>& values() const { return values_; }
    void set(const std::string& name, const std::string& value) { values_[name] = {value}; }

private:
    friend Result<ParsedOptions> parse_options(const std::string&, std::span<const Option>,
                                               const std::vector<std::string>&, size_t);
    std::map<std::string, std::vector<std::string>> values_;
    std::vector<std::string> positional_;
};

// What a verb asks of its options before it runs.
struct OptionRule {
    enum class Kind { needs, excludes, writes } kind;
    std::string option;
    std::vector<std::string> others;
    std::string why;  // "nothing is timed then"; may be empty
};
// `option` has no effect without one of the others.
OptionRule needs(std::string option, std::vector<std::string> others, std::string why = {});
// `option` and any of the others do not go together: one of them would have no effect.
OptionRule excludes(std::string option, std::vector<std::string> others, std::string why = {});
// `option` names a file that is written at the end of a long run: its folder must be there.
OptionRule writes(std::string option);
// INVALID names the options of the first rule that is broken, and the remedy; IO: no such folder.
Status check_rules(std::span<const OptionRule> rules, const ParsedOptions& options);

// INVALID names the unknown option and the nearest known one. At most max_positional free words.
Result<ParsedOptions> parse_options(const std::string& verb, std::span<const Option> options,
                                    const std::vector<std::string>& args, size_t max_positional);

// The option table as --help shows it: at most 100 columns.
std::string format_options(std::span<const Option> options);

// A whole number, all of the text.
Result<uint64_t> parse_number(const std::string& what, const std::string& text, uint64_t least,
                              uint64_t most);

}  // namespace afs
