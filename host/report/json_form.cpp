// A report as JSON and back: {"afs_report": 1, "title", "summary", "made", "sections": [...]}.
#include "afs/json.hpp"
#include "report/report.hpp"

namespace afs::report {
namespace {

using json::Value;

Value value_of(const Cell& cell) {
    if (cell.mark == Mark::none) return Value::of(cell.text);
    return Value::object()
        .add("mark", Value::of(mark_word(cell.mark)))
        .add("text", Value::of(cell.text));
}

Value value_of(const std::vector<std::string>& texts) {
    Value out = Value::array();
    for (const std::string& text : texts) out.add(Value::of(text));
    return out;
}

Value value_of(const std::vector<double>& numbers) {
    Value out = Value::array();
    for (const double number : numbers) out.add(Value::of(number));
    return out;
}

struct JsonWriter {
    Value operator()(const Paragraph& block) const {
        return Value::object().add("paragraph", Value::of(block.text));
    }
    Value operator()(const Verbatim& block) const {
        return Value::object().add("code", Value::of(block.text));
    }
    Value operator()(const Facts& block) const {
        Value rows = Value::array();
        for (const auto& [key, cell] : block.rows)
            rows.add(Value::array().add(Value::of(key)).add(value_of(cell)));
        return Value::object().add("facts", std::move(rows));
    }
    Value operator()(const Table& block) const {
        Value rows = Value::array();
        for (const auto& row : block.rows) {
            Value cells = Value::array();
            for (const Cell& cell : row) cells.add(value_of(cell));
            rows.add(std::move(cells));
        }
        return Value::object().add("table", value_of(block.columns)).add("rows", std::move(rows));
    }
    Value operator()(const Chart& block) const {
        Value series = Value::array();
        for (const Series& one : block.series)
            series.add(Value::object()
                           .add("name", Value::of(one.name))
                           .add("x", value_of(one.x))
                           .add("y", value_of(one.y)));
        return Value::object()
            .add("chart", Value::of(block.title))
            .add("kind", Value::of(block.kind == Chart::Kind::bars ? "bars" : "lines"))
            .add("unit", Value::of(block.unit))
            .add("labels", value_of(block.labels))
            .add("series", std::move(series));
    }
};

// Reading: what is missing or of another kind reads as empty; a page is not a contract.
std::string text(const Value* value) {
    return value && value->is(json::Kind::string) ? value->string : "";
}
const std::vector<Value>& items(const Value* value) {
    static const std::vector<Value> none;
    return value && value->is(json::Kind::array) ? value->items : none;
}
std::vector<std::string> texts(const Value* value) {
    std::vector<std::string> out;
    for (const Value& item : items(value)) out.push_back(text(&item));
    return out;
}
std::vector<double> numbers(const Value* value) {
    std::vector<double> out;
    for (const Value& item : items(value)) out.push_back(item.as_number().value_or(0));
    return out;
}

Cell cell_of(const Value& value) {
    Cell out(text(&value));
    if (!value.is(json::Kind::object)) return out;
    out.text = text(value.find("text"));
    for (const Mark mark : {Mark::ok, Mark::info, Mark::warning, Mark::failed})
        if (text(value.find("mark")) == mark_word(mark)) out.mark = mark;
    return out;
}

Block block(const Value& value) {
    if (value.find("code")) return Verbatim{text(value.find("code"))};
    if (const Value* rows = value.find("facts")) {
        Facts out;
        for (const Value& row : items(rows))
            if (items(&row).size() == 2)
                out.rows.emplace_back(text(&row.items[0]), cell_of(row.items[1]));
        return out;
    }
    if (const Value* columns = value.find("table")) {
        Table out{texts(columns), {}};
        for (const Value& row : items(value.find("rows"))) {
            out.rows.emplace_back();
            for (const Value& one : items(&row)) out.rows.back().push_back(cell_of(one));
        }
        return out;
    }
    if (const Value* title = value.find("chart")) {
        Chart out;
        out.kind = text(value.find("kind")) == "lines" ? Chart::Kind::lines : Chart::Kind::bars;
        out.title = text(title);
        out.unit = text(value.find("unit"));
        out.labels = texts(value.find("labels"));
        for (const Value& one : items(value.find("series")))
            out.series.push_back(
                {text(one.find("name")), numbers(one.find("x")), numbers(one.find("y"))});
        return out;
    }
    return Paragraph{text(value.find("paragraph"))};
}

}  // namespace

std::string json(const Report& report) {
    Value sections = Value::array();
    for (const Section& section : report.sections) {
        Value blocks = Value::array();
        for (const Block& one : section.blocks) blocks.add(std::visit(JsonWriter{}, one));
        Value out = Value::object().add("title", Value::of(section.title));
        if (section.momentary) out.add("momentary", Value::of(true));
        sections.add(std::move(out.add("blocks", std::move(blocks))));
    }
    return json::dump(Value::object()
                          .add("afs_report", Value::of(int64_t{1}))
                          .add("title", Value::of(report.title))
                          .add("summary", Value::of(report.summary))
                          .add("made", Value::of(report.made))
                          .add("sections", std::move(sections)),
                      2) +
           "\n";
}

Result<Report> parse(const std::string& json_text, const std::string& name) {
    json::ParseOptions options;
    options.name = name;
    AFS_ASSIGN(const Value value, json::parse(json_text, options));
    const Value* version = value.is(json::Kind::object) ? value.find("afs_report") : nullptr;
    if (!version || version->as_int64() != 1)
        return invalid("'" + name +
                       "' is no report: expected \"afs_report\": 1; give a .json file that "
                       "`afs-host report` wrote");
    Report report{text(value.find("title")), text(value.find("summary")), text(value.find("made"))};
    for (const Value& one : items(value.find("sections"))) {
        if (!one.is(json::Kind::object)) continue;
        const Value* momentary = one.find("momentary");
        Section& section = report.add(text(one.find("title")), momentary && momentary->boolean);
        for (const Value& inner : items(one.find("blocks")))
            if (inner.is(json::Kind::object)) section.blocks.push_back(block(inner));
    }
    return report;
}

}  // namespace afs::report
