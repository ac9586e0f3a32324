// A report: titled sections of facts, tables, paragraphs and charts. One model, one writer a
// format; every page that the program writes (doctor, report, compare, ...) is made of these.
//
//   report::Report page{"Comparison", "base against test on one machine"};
//   report::Section& speed = page.add("Speed");
//   speed.blocks.push_back(report::Table{{"test", "base t/s", "test t/s"}, {{"tg128", "41.2",
//   "44.0"}}}); AFS_TRY(report::write_file("out.html", report::html(page)));
#pragma once
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "afs/status.hpp"

namespace afs::report {

// How a finding stands; written as a word, never as a colour alone.
enum class Mark { none, ok, info, warning, failed };
const char* mark_word(Mark mark);  // "" "ok" "info" "warning" "failed"

struct Cell {
    std::string text;
    Mark mark = Mark::none;  // with a mark and no text, the mark's word is the text
    Cell() = default;
    Cell(const char* value) : text(value) {}
    Cell(std::string value) : text(std::move(value)) {}
    Cell(Mark value) : mark(value) {}
    Cell(std::string value, Mark how) : text(std::move(value)), mark(how) {}
    bool operator==(const Cell&) const = default;
};

struct Paragraph {
    std::string text;
};
struct Verbatim {  // a command or a file's text, kept as it is
    std::string text;
};
struct Facts {  // keys and values
    std::vector<std::pair<std::string, Cell>> rows;
};
// A column of numbers is aligned right. The first column names the row: comparisons go by it.
struct Table {
    std::vector<std::string> columns;
    std::vector<std::vector<Cell>> rows;
};
struct Series {
    std::string name;
    std::vector<double> x;  // of lines; bars have one value a label
    std::vector<double> y;
};
struct Chart {
    enum class Kind { bars, lines } kind = Kind::bars;
    std::string title;
    std::string unit;                 // of y: "tok/s"
    std::vector<std::string> labels;  // bars: one a value; lines: {} or the name of the x axis
    std::vector<Series> series;
};
using Block = std::variant<Paragraph, Verbatim, Facts, Table, Chart>;

struct Section {
    std::string title;
    std::vector<Block> blocks = {};
    // Holds what differs from one moment to the next on the same machine: free memory, times.
    bool momentary = false;

    void add(Block block);
};

struct Report {
    std::string title;
    std::string summary;  // one or two sentences
    std::string made;     // time, as 2026-01-31T12:00:00Z
    std::vector<Section> sections = {};

    Section& add(std::string section_title, bool momentary = false) {
        sections.push_back({std::move(section_title), {}, momentary});
        return sections.back();
    }
};

std::string json(const Report& report);
std::string markdown(const Report& report);
std::string html(const Report& report);  // one file, no request to anywhere
Result<Report> parse(const std::string& json_text, const std::string& name);

// What differs between two reports, sections that are momentary left out; one paragraph when
// nothing does.
Report diff(const Report& a, const std::string& a_name, const Report& b, const std::string& b_name);
bool same(const Report& a, const Report& b);  // diff would show nothing

// The time now in UTC, as `made` has it.
std::string time_text();
// Writes a file whole or not at all; makes its folder.
Status write_file(const std::string& path, const std::string& text);
// PATH.json, PATH.md and PATH.html.
Status write_all(const std::string& path, const Report& report);

}  // namespace afs::report
