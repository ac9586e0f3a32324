// What differs between two reports. Sections are paired by title, rows by their first cell.
#include <algorithm>
#include <map>

#include "report/chart.hpp"
#include "report/report.hpp"

namespace afs::report {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

std::string shown(const Cell& cell) {
    std::string out = mark_word(cell.mark);
    return out + (out.empty() || cell.text.empty() ? "" : " ") + cell.text;
}

// A section as one row a fact: tables give "row / column", what has no name is numbered.
struct Flat {
    Rows rows;
    size_t paragraphs = 0, codes = 0;

    void operator()(const Paragraph& block) {
        rows.emplace_back("paragraph " + std::to_string(++paragraphs), block.text);
    }
    // Line by line, so that one changed line of a long text is one row.
    void operator()(const Verbatim& block) {
        const std::string name = "text " + std::to_string(++codes) + " line ";
        size_t line = 0;
        for (size_t from = 0; from < block.text.size();) {
            const size_t end = std::min(block.text.find('\n', from), block.text.size());
            rows.emplace_back(name + std::to_string(++line), block.text.substr(from, end - from));
            from = end + 1;
        }
    }
    void operator()(const Facts& block) {
        for (const auto& [key, cell] : block.rows) rows.emplace_back(key, shown(cell));
    }
    void operator()(const Table& block) {
        for (const auto& row : block.rows)
            for (size_t i = 1; i < std::min(row.size(), block.columns.size()); ++i)
                rows.emplace_back(shown(row[0]) + " / " + block.columns[i], shown(row[i]));
    }
    void operator()(const Chart& block) { (*this)(values(block)); }
};

// Equal names (two rows of one name) are told apart by their number.
Rows flat(const Section* section) {
    Flat out;
    if (section)
        for (const Block& block : section->blocks) std::visit(out, block);
    std::map<std::string, size_t> seen;
    for (auto& [key, value] : out.rows)
        if (const size_t n = ++seen[key]; n > 1) key += " (" + std::to_string(n) + ")";
    return out.rows;
}

const Section* find(const Report& report, const std::string& title) {
    for (const Section& section : report.sections)
        if (section.title == title && !section.momentary) return &section;
    return nullptr;
}

std::vector<std::string> titles(const Report& a, const Report& b) {
    std::vector<std::string> out;
    for (const Report* report : {&a, &b})
        for (const Section& section : report->sections)
            if (!section.momentary && std::find(out.begin(), out.end(), section.title) == out.end())
                out.push_back(section.title);
    return out;
}

Table compare(const Rows& a, const Rows& b, const std::string& a_name, const std::string& b_name) {
    Table out{{"what", a_name, b_name}, {}};
    std::map<std::string, std::string> others(b.begin(), b.end());
    for (const auto& [key, value] : a) {
        const auto other = others.find(key);
        if (other == others.end()) {
            out.rows.push_back({key, value, "-"});
        } else {
            if (other->second != value) out.rows.push_back({key, value, other->second});
            others.erase(other);
        }
    }
    for (const auto& [key, value] : b)
        if (others.count(key)) out.rows.push_back({key, "-", value});
    return out;
}

}  // namespace

Report diff(const Report& a, const std::string& a_name, const Report& b,
            const std::string& b_name) {
    Report out{"Differences", a.title + ": " + a_name + " against " + b_name, ""};
    size_t n = 0;
    for (const std::string& title : titles(a, b)) {
        Table rows = compare(flat(find(a, title)), flat(find(b, title)), a_name, b_name);
        n += rows.rows.size();
        if (!rows.rows.empty()) out.add(title).add(std::move(rows));
    }
    if (n == 0)
        out.add("Nothing differs")
            .add(Paragraph{"The two reports say the same, momentary values aside."});
    else
        out.summary += "; " + std::to_string(n) + (n == 1 ? " value differs" : " values differ");
    return out;
}

bool same(const Report& a, const Report& b) {
    for (const std::string& title : titles(a, b))
        if (flat(find(a, title)) != flat(find(b, title))) return false;
    return true;
}

}  // namespace afs::report
