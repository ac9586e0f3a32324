// The findings of a diagnosis for a terminal: at most 100 columns.
#include <algorithm>
#include <sstream>

#include "doctor/findings_report.hpp"
#include "runtime/shown_text.hpp"

namespace afs {
namespace {

constexpr size_t kWidth = 100, kNameWidth = 30;

// Words of `text` from column `indent` on; the first line continues where the caller is.
std::string wrapped(const std::string& text, size_t indent) {
    std::string out, word;
    size_t column = indent;
    std::istringstream words(shown_text(text));  // checks quote files
    while (words >> word) {
        if (column > indent && column + 1 + word.size() > kWidth) {
            out += "\n" + std::string(indent, ' ');
            column = indent;
        }
        if (column > indent) out += ' ', ++column;
        out += word;
        column += word.size();
    }
    return out;
}

std::string word_of(int32_t status, bool colours) {
    std::string word = check_status_word(status);
    const std::string pad(9 - word.size(), ' ');
    if (!colours) return word + pad;
    const char* code = status == AFS_CHECK_OK     ? "\033[32m"
                       : status == AFS_CHECK_INFO ? "\033[36m"
                       : status == AFS_CHECK_WARN ? "\033[33m"
                                                  : "\033[31m";
    return code + word + "\033[0m" + pad;
}

std::string row(const Finding& finding, bool colours) {
    std::string name = shown_text(finding.name);
    const bool wraps = name.size() >= kNameWidth;
    name.resize(std::max(name.size(), kNameWidth), ' ');
    const size_t indent = 2 + 9 + kNameWidth;
    std::string out = "  " + word_of(finding.status, colours) + name;
    if (wraps) out += "\n" + std::string(indent, ' ');
    out += wrapped(finding.found, indent) + "\n";
    const bool bad = finding.status >= AFS_CHECK_WARN;
    if (bad && !finding.needed.empty())
        out += std::string(11, ' ') + "needed: " + wrapped(finding.needed, 19) + "\n";
    if (!finding.remedy.empty())
        out += std::string(11, ' ') + "remedy: " + wrapped(finding.remedy, 19) + "\n";
    return out;
}

}  // namespace

std::string findings_text(const Diagnosis& diagnosis, const FindingsText& how) {
    std::string out, plugin;
    for (const CheckedFinding& one : diagnosis.findings) {
        if (how.brief && one.finding.status < AFS_CHECK_WARN) continue;
        if (one.plugin != plugin) out += (plugin.empty() ? "" : "\n") + one.plugin + "\n";
        plugin = one.plugin;
        out += row(one.finding, how.colours);
    }
    std::string works, missing;
    for (const auto& cells : capabilities(diagnosis).rows) {
        std::string kind = "  " + cells[0].text;
        kind.resize(13, ' ');
        works += kind + wrapped(cells[1].text, 13) + "\n";
        if (cells[2].text != "-") missing += kind + wrapped(cells[2].text, 13) + "\n";
    }
    out += (out.empty() ? "works here\n" : "\nworks here\n") + works;
    if (!missing.empty()) out += "does not work here\n" + missing;
    return out;
}

}  // namespace afs
