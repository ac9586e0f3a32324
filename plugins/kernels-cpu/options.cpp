#include "options.hpp"

#include <charconv>

#include "machine/processors.hpp"

namespace afs::cpu {
namespace {

constexpr unsigned kMostThreads = 1024;

Result<unsigned> threads_of(const std::string& text) {
    unsigned n = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, n);
    if (error != std::errc() || stop != end || n < 1 || n > kMostThreads)
        return invalid("option 'threads': expected a whole number from 1 to " +
                       std::to_string(kMostThreads) + ", found '" + text + "'");
    return n;
}

}  // namespace

Result<Options> read_options(const OpenArgs& args) {
    Options options;
    options.threads = usable_processors();
    for (const auto& [key, value] : args.options) {
        if (key == "threads") {
            AFS_ASSIGN(options.threads, threads_of(value));
        } else if (key == "instruction_set") {
            options.instruction_set = value;  // choose() knows the names
        } else {
            return invalid("unknown option '" + key + "': expected threads or instruction_set");
        }
    }
    return options;
}

}  // namespace afs::cpu
