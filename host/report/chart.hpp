// A chart as inline SVG, readable at the width of a phone; its colours are the page's.
#pragma once
#include <string>

#include "report/report.hpp"

namespace afs::report {

std::string svg(const Chart& chart);

// Text with what HTML and SVG reserve escaped.
std::string escape(const std::string& text);
// Four significant digits: 1234 -> "1234", 0.01234 -> "0.01234".
std::string number_text(double value);
// The chart's values as a table, for formats without pictures and for readers who cannot see one.
Table values(const Chart& chart);

}  // namespace afs::report
