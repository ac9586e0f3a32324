#include "report/chart.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

namespace afs::report {
namespace {

constexpr double kWidth = 440, kMargin = 4;

std::string px(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", value);
    return text;
}

std::string text_at(double x, double y, const std::string& text, const char* anchor = "start") {
    return "<text x=\"" + px(x) + "\" y=\"" + px(y) + "\" text-anchor=\"" + anchor + "\">" +
           escape(text) + "</text>";
}

std::string open(double height, const Chart& chart) {
    const std::string title = escape(chart.title + (chart.unit.empty() ? "" : ", " + chart.unit));
    return "<svg viewBox=\"0 0 " + px(kWidth) + " " + px(height) + "\" role=\"img\" aria-label=\"" +
           title + "\"><title>" + title + "</title>";
}

std::string colour(size_t series) {
    return "c" + std::to_string(series % 4);
}

// Names of the series with their colours, one line each, from y downwards.
std::string legend(const Chart& chart, double& y) {
    std::string out;
    if (chart.series.size() < 2) return out;
    for (size_t s = 0; s < chart.series.size(); ++s) {
        out += "<rect class=\"" + colour(s) + "\" x=\"4\" y=\"" + px(y) +
               "\" width=\"12\" height=\"12\"/>" + text_at(22, y + 11, chart.series[s].name);
        y += 18;
    }
    y += 6;
    return out;
}

// A label above its bars: long names stay whole on a narrow page.
std::string bars(const Chart& chart) {
    double most = 0;
    for (const Series& series : chart.series)
        for (const double v : series.y)
            if (std::isfinite(v)) most = std::max(most, v);
    double y = kMargin;
    std::string body = legend(chart, y);
    const double room = kWidth - 100;  // the value stands right of the longest bar
    for (size_t i = 0; i < chart.labels.size(); ++i) {
        body += text_at(kMargin, y + 12, chart.labels[i]);
        y += 18;
        for (size_t s = 0; s < chart.series.size(); ++s) {
            if (i >= chart.series[s].y.size()) continue;
            const double v = chart.series[s].y[i];
            const double width =
                most > 0 && v > 0 ? std::max(1.0, room * std::min(v / most, 1.0)) : 0;
            body += "<rect class=\"" + colour(s) + "\" x=\"" + px(kMargin) + "\" y=\"" + px(y) +
                    "\" width=\"" + px(width) + "\" height=\"14\"/>" +
                    text_at(kMargin + width + 6, y + 12, number_text(v));
            y += 18;
        }
        y += 6;
    }
    return open(y + kMargin, chart) + body + "</svg>";
}

struct Range {
    double low, high;
    double place(double v, double from, double to) const {
        return high > low ? from + (to - from) * (v - low) / (high - low) : (from + to) / 2;
    }
};

Range range(const Chart& chart, bool of_y) {
    Range out{of_y ? 0.0 : HUGE_VAL, of_y ? 0.0 : -HUGE_VAL};
    for (const Series& series : chart.series)
        for (const double v : of_y ? series.y : series.x)
            if (std::isfinite(v)) out = {std::min(out.low, v), std::max(out.high, v)};
    return out;
}

std::string lines(const Chart& chart) {
    const Range x = range(chart, false), y_range = range(chart, true);
    double top = kMargin;
    std::string body = legend(chart, top);
    const double left = 56, right = kWidth - 12, bottom = top + 200;
    top += 12;
    for (int i = 0; i <= 4; ++i) {
        const double v = y_range.low + (y_range.high - y_range.low) * i / 4;
        const double at = y_range.place(v, bottom, top);
        body += "<line class=\"grid\" x1=\"" + px(left) + "\" x2=\"" + px(right) + "\" y1=\"" +
                px(at) + "\" y2=\"" + px(at) + "\"/>" +
                text_at(left - 6, at + 4, number_text(v), "end");
        if (!(y_range.high > y_range.low)) break;
    }
    for (size_t s = 0; s < chart.series.size(); ++s) {
        const Series& series = chart.series[s];
        std::string points, dots;
        for (size_t i = 0; i < std::min(series.x.size(), series.y.size()); ++i) {
            if (!std::isfinite(series.x[i]) || !std::isfinite(series.y[i])) continue;
            const std::string at_x = px(x.place(series.x[i], left + 6, right - 6)),
                              at_y = px(y_range.place(series.y[i], bottom, top));
            points += (points.empty() ? "" : " ") + at_x + "," + at_y;
            dots += "<circle class=\"" + colour(s) + "\" cx=\"" + at_x + "\" cy=\"" + at_y +
                    "\" r=\"3\"/>";
        }
        body += "<polyline class=\"line " + colour(s) + "\" points=\"" + points + "\"/>" + dots;
    }
    if (x.low <= x.high) {
        body += text_at(left + 6, bottom + 18, number_text(x.low));
        if (x.high > x.low) body += text_at(right - 6, bottom + 18, number_text(x.high), "end");
    }
    if (!chart.labels.empty())
        body += text_at((left + right) / 2, bottom + 18, chart.labels[0], "middle");
    return open(bottom + 28, chart) + body + "</svg>";
}

Table values_of_lines(const Chart& chart) {
    Table table{{chart.labels.empty() ? "x" : chart.labels[0]}, {}};
    std::set<double> xs;
    for (const Series& series : chart.series) {
        table.columns.push_back(series.name.empty() ? chart.unit : series.name);
        for (const double v : series.x)
            if (std::isfinite(v)) xs.insert(v);  // NaN has no order
    }
    for (const double at : xs) {
        std::vector<Cell> row = {number_text(at)};
        for (const Series& series : chart.series) {
            const auto found = std::find(series.x.begin(), series.x.end(), at);
            const size_t i = static_cast<size_t>(found - series.x.begin());
            row.emplace_back(i < series.y.size() && found != series.x.end()
                                 ? number_text(series.y[i])
                                 : std::string());
        }
        table.rows.push_back(std::move(row));
    }
    return table;
}

}  // namespace

std::string escape(const std::string& text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            case '\'': out += "&#39;"; break;
            default:
                // Control characters are no HTML; a terminal's escapes must not reach the page.
                if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') out += c;
        }
    }
    return out;
}

std::string number_text(double value) {
    char text[32];
    if (!std::isfinite(value)) return "";
    if (std::abs(value) >= 1000 && std::abs(value) < 1e15)
        std::snprintf(text, sizeof text, "%.0f", value);
    else
        std::snprintf(text, sizeof text, "%.4g", value);
    return text;
}

Table values(const Chart& chart) {
    if (chart.kind == Chart::Kind::lines) return values_of_lines(chart);
    Table table{{chart.title}, {}};
    for (const Series& series : chart.series)
        table.columns.push_back(series.name.empty() ? chart.unit : series.name);
    for (size_t i = 0; i < chart.labels.size(); ++i) {
        std::vector<Cell> row = {chart.labels[i]};
        for (const Series& series : chart.series)
            row.emplace_back(i < series.y.size() ? number_text(series.y[i]) : std::string());
        table.rows.push_back(std::move(row));
    }
    return table;
}

std::string svg(const Chart& chart) {
    return chart.kind == Chart::Kind::bars ? bars(chart) : lines(chart);
}

}  // namespace afs::report
