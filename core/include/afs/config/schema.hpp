// Every key a configuration knows, declared once: parsing, `config show`, command line flags,
// environment variables, .env.example and the documentation all come from this table.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace afs {

enum class KeyType {
    text,
    choice,   // one of `choices`
    path,     // made absolute against the file or folder that it comes from
    flag,     // true | false
    integer,  // min..max, whole; up to 2^64 - 1
    number,   // min..max
    list,     // of names; command line and environment: comma separated
    paths,    // a list of paths; command line and environment: colon separated
    option,   // any scalar or list, kept as text: options of a plugin
    raw       // any JSON, kept as it is
};

struct KeySpec {
    const char* key;  // dotted; `*` stands for a name, a final `**` for all that follows
    KeyType type;
    const char* fallback;  // as JSON text; nullptr: unset
    const char* flag;      // command line flag without dashes, nullptr: only through --set
    const char* help;
    double min = 0.0, max = 0.0;    // integer and number: the legal range
    const char* choices = nullptr;  // "fp32|bf16"
};

const std::vector<KeySpec>& config_schema();

// The line of the table that a dotted key falls under; nullptr: unknown.
const KeySpec* find_key(std::string_view key);

// "AFS_" + the flag in capitals; empty for keys without a flag.
std::string environment_name(const KeySpec& spec);
const KeySpec* find_environment_key(std::string_view name);

// "a path", "a whole number from 1 to 65536", "one of fp32|bf16".
std::string expectation(const KeySpec& spec);

// The known keys (or names) nearest to an unknown one, as " (did you mean 'x'?)"; empty: none near.
std::string nearest(std::string_view unknown, const std::vector<std::string>& known);

// The text of .env.example: every variable with its help, commented out.
std::string environment_example();

}  // namespace afs
