// A report as one HTML file: style and pictures inside, no script, no request to anywhere.
#include <algorithm>
#include <cctype>

#include "report/chart.hpp"
#include "report/report.hpp"
#include "report/style.hpp"

namespace afs::report {
namespace {

// "12.5", "1 234", "-3%": aligned right when a whole column reads so.
bool numeric(const std::string& text) {
    bool digit = false;
    for (const char c : text) {
        if (std::isdigit(static_cast<unsigned char>(c)))
            digit = true;
        else if (std::string("+-.,% ex×±").find(c) == std::string::npos)
            return false;
    }
    return digit;
}

bool numeric_column(const Table& table, size_t column) {
    bool any = false;
    for (const auto& row : table.rows) {
        if (column >= row.size() || row[column].text.empty()) continue;
        if (!numeric(row[column].text)) return false;
        any = true;
    }
    return any && column > 0;
}

std::string html_cell(const Cell& value) {
    if (value.mark == Mark::none) return escape(value.text);
    const std::string word = mark_word(value.mark);
    const std::string marked = "<span class=\"mark " + word + "\">" + word + "</span>";
    return value.text.empty() ? marked : marked + " " + escape(value.text);
}

// A wide table scrolls in its own box, which the keyboard reaches, and the page stays narrow.
std::string boxed(const std::string& table, const std::string& label) {
    return "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"" + escape(label) +
           "\">" + table + "</div>\n";
}

// A table of texts in many columns, or of very many, becomes one card a row on a narrow page.
bool as_cards(const std::vector<bool>& right) {
    return right.size() >= 6 ||
           (right.size() >= 4 && std::count(right.begin() + 1, right.end(), false) >= 3);
}

// A path or a hash: it may be broken anywhere, while words are not.
bool has_long_word(const std::string& text) {
    constexpr size_t kMost = 24;
    size_t length = 0;
    for (const char c : text)
        if ((length = c == ' ' ? 0 : length + 1) > kMost) return true;
    return false;
}

std::string write(const Table& table, const std::string& label) {
    std::vector<bool> right;
    for (size_t i = 0; i < table.columns.size(); ++i) right.push_back(numeric_column(table, i));
    std::string out = as_cards(right) ? "<table class=\"cards\"><thead><tr>" : "<table><thead><tr>";
    for (size_t i = 0; i < table.columns.size(); ++i) {
        out += std::string("<th scope=\"col\"") + (right[i] ? " class=\"n\">" : ">") +
               escape(table.columns[i]) + "</th>";
    }
    out += "</tr></thead><tbody>\n";
    for (const auto& row : table.rows) {
        out += "<tr>";
        for (size_t i = 0; i < table.columns.size(); ++i) {
            const std::string text = i < row.size() ? html_cell(row[i]) : std::string();
            const bool breaks = i < row.size() && has_long_word(row[i].text);
            out += i == 0 ? "<th scope=\"row\">" + text + "</th>"
                          : "<td data-label=\"" + escape(table.columns[i]) + "\"" +
                                (right[i] ? " class=\"n\">"
                                 : breaks ? " class=\"long\">"
                                          : ">") +
                                text + "</td>";
        }
        out += "</tr>\n";
    }
    return boxed(out + "</tbody></table>", label);
}

struct HtmlWriter {
    std::string label;  // of the section

    std::string operator()(const Paragraph& block) const {
        return "<p>" + escape(block.text) + "</p>\n";
    }
    std::string operator()(const Verbatim& block) const {
        return "<pre tabindex=\"0\"><code>" + escape(block.text) + "</code></pre>\n";
    }
    std::string operator()(const Facts& block) const {
        std::string out = "<table><tbody>\n";
        for (const auto& [key, value] : block.rows)
            out += "<tr><th scope=\"row\">" + escape(key) + "</th><td class=\"long\">" +
                   html_cell(value) + "</td></tr>\n";
        return boxed(out + "</tbody></table>", label);
    }
    std::string operator()(const Table& block) const { return write(block, label); }
    std::string operator()(const Chart& block) const {
        const std::string unit = block.unit.empty() ? "" : ", " + block.unit;
        return "<figure><figcaption>" + escape(block.title + unit) + "</figcaption>" + svg(block) +
               "<details><summary>as a table</summary>" + write(values(block), block.title) +
               "</details></figure>\n";
    }
};

std::string anchor_of(size_t section) {
    return "s" + std::to_string(section + 1);
}

}  // namespace

std::string html(const Report& report) {
    const std::string title = escape(report.title);
    std::string out =
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<link rel=\"icon\" href=\"data:,\">\n<title>" +
        title + "</title>\n<style>\n" + style() +
        "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n"
        "<header>\n<h1>" +
        title + "</h1>\n";
    if (!report.summary.empty()) out += "<p>" + escape(report.summary) + "</p>\n";
    if (!report.made.empty())
        out += "<p class=\"made\">Made <time>" + escape(report.made) + "</time></p>\n";
    out += "</header>\n";
    if (report.sections.size() > 1) {
        out += "<nav aria-label=\"Sections\"><ul>\n";
        for (size_t i = 0; i < report.sections.size(); ++i)
            out += "<li><a href=\"#" + anchor_of(i) + "\">" + escape(report.sections[i].title) +
                   "</a></li>\n";
        out += "</ul></nav>\n";
    }
    out += "<main id=\"main\">\n";
    for (size_t i = 0; i < report.sections.size(); ++i) {
        const Section& section = report.sections[i];
        out += "<section aria-labelledby=\"" + anchor_of(i) + "\">\n<h2 id=\"" + anchor_of(i) +
               "\">" + escape(section.title) + "</h2>\n";
        for (const Block& block : section.blocks)
            out += std::visit(HtmlWriter{section.title}, block);
        out += "</section>\n";
    }
    return out + "</main>\n</body>\n</html>\n";
}

}  // namespace afs::report
