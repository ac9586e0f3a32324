// A report as Markdown, with the tables of GitHub's dialect.
#include "report/chart.hpp"
#include "report/report.hpp"

namespace afs::report {
namespace {

// One line, nothing in it a mark of Markdown or HTML where it would change the page.
std::string plain(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '\n' || c == '\r')
            out += ' ';
        else if (c == '|' || c == '\\' || c == '*' || c == '_' || c == '`' || c == '[' || c == ']')
            out += std::string("\\") + c;
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (static_cast<unsigned char>(c) >= 0x20)
            out += c;
    }
    return out;
}

std::string markdown_cell(const Cell& value) {
    if (value.mark == Mark::none) return plain(value.text);
    const std::string word = std::string("**") + mark_word(value.mark) + "**";
    return value.text.empty() ? word : word + " " + plain(value.text);
}

std::string write(const Table& table) {
    std::string out = "|", rule = "|";
    for (const std::string& column : table.columns) {
        out += " " + plain(column) + " |";
        rule += "---|";
    }
    out += "\n" + rule + "\n";
    for (const auto& row : table.rows) {
        out += "|";
        for (size_t i = 0; i < table.columns.size(); ++i)
            out += " " + (i < row.size() ? markdown_cell(row[i]) : std::string()) + " |";
        out += "\n";
    }
    return out;
}

struct MarkdownWriter {
    std::string operator()(const Paragraph& block) const { return plain(block.text) + "\n"; }
    std::string operator()(const Verbatim& block) const {
        std::string fence = "```";
        while (block.text.find(fence) != std::string::npos) fence += '`';
        return fence + "\n" + block.text + (block.text.ends_with('\n') ? "" : "\n") + fence + "\n";
    }
    std::string operator()(const Facts& block) const {
        Table table{{"what", "value"}, {}};
        for (const auto& [key, value] : block.rows) table.rows.push_back({key, value});
        return write(table);
    }
    std::string operator()(const Table& block) const { return write(block); }
    std::string operator()(const Chart& block) const {
        return "**" + plain(block.title) + "**" +
               (block.unit.empty() ? "" : " (" + plain(block.unit) + ")") + "\n\n" +
               write(values(block));
    }
};

}  // namespace

std::string markdown(const Report& report) {
    std::string out = "# " + plain(report.title) + "\n";
    if (!report.summary.empty()) out += "\n" + plain(report.summary) + "\n";
    if (!report.made.empty()) out += "\nMade " + plain(report.made) + ".\n";
    for (const Section& section : report.sections) {
        out += "\n## " + plain(section.title) + "\n";
        for (const Block& block : section.blocks) out += "\n" + std::visit(MarkdownWriter{}, block);
    }
    return out;
}

}  // namespace afs::report
