// A report with every kind of block, and with texts that every format reserves.
#pragma once
#include "report/report.hpp"

namespace afs::test {

inline report::Report page() {
    using namespace report;
    Report out{"Page <1> & \"2\"", "All kinds of blocks.", "2026-01-31T12:00:00Z"};
    out.add("Facts").add(
        Facts{{{"processor", "A | B"}, {"memory", Cell{"24 GiB", Mark::warning}}}});
    Section& tables = out.add("Tables");
    tables.add(Paragraph{"<script>alert(1)</script> *bold* [x](http://a/)"});
    tables.add(Table{{"test", "t/s", "status"},
                     {{"pp512", "1200.5", Mark::ok}, {"tg128", "41", Mark::failed}}});
    out.add("Now", true).add(Facts{{{"free memory", "3 GiB"}}});
    Section& charts = out.add("Charts");
    charts.add(Chart{Chart::Kind::bars,
                     "Speed",
                     "tok/s",
                     {"reference", "fast & new"},
                     {{"base", {}, {10, 20}}, {"test", {}, {11, 40}}}});
    charts.add(Chart{Chart::Kind::lines, "Latency", "ms", {"context"}, {{"a", {1, 1000}, {2, 5}}}});
    charts.add(Verbatim{"line 1\n```\nline 3 <&>\n"});
    return out;
}

}  // namespace afs::test
