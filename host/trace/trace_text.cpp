#include <algorithm>
#include <cstdio>

#include "trace/trace.hpp"

namespace afs {
namespace {

std::string printed(double value, const char* pattern = "%.1f") {
    char text[48];
    std::snprintf(text, sizeof text, pattern, value);
    return text;
}

std::string left(std::string text, size_t width) {
    if (text.size() > width) text = text.substr(0, width - 2) + "..";
    text.resize(width, ' ');
    return text;
}

std::string right(const std::string& text, size_t width) {
    return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

std::string time_text(double seconds) {
    return seconds < 1e-3 ? printed(seconds * 1e6) + " us" : printed(seconds * 1e3, "%.2f") + " ms";
}

std::string head(const TracePhase& phase) {
    std::string out = phase.name + ": " + std::to_string(phase.n_steps) +
                      (phase.n_steps == 1 ? " step of " : " steps of ") +
                      std::to_string(phase.n_tokens) +
                      (phase.n_tokens == 1 ? " token" : " tokens") + ", context " +
                      std::to_string(phase.first_context);
    if (phase.last_context != phase.first_context)
        out += " to " + std::to_string(phase.last_context);
    out += "; " + std::to_string(phase.launches) + " launches";
    if (phase.step_seconds > 0) out += "; a step takes " + time_text(phase.step_seconds);
    return out + (phase.step_seconds > 0 ? ",\n  unit by unit " : "; unit by unit ") +
           time_text(phase.unit_seconds) +
           (phase.device_clock ? " (the device's timers)\n" : " (the host's clock)\n");
}

std::string line(const TraceRow& row, const TracePhase& phase, double ceiling) {
    const double share = phase.unit_seconds > 0 ? 100 * row.seconds / phase.unit_seconds : 0;
    const double rate = row.seconds > 0 ? row.bytes / row.seconds : 0;
    return "  " + left(row.tags, 27) + " " + left(row.op, 11) + " " + left(row.place, 12) +
           right(std::to_string(row.launches), 4) + right(printed(row.seconds * 1e6), 10) +
           right(printed(share), 7) + right(printed(row.bytes / 1e6, "%.3f"), 10) +
           right(printed(rate / 1e9, "%.2f"), 9) +
           (ceiling > 0 ? right(printed(100 * rate / ceiling), 7) : "") + "\n";
}

}  // namespace

std::string trace_text(const Trace& trace, size_t most) {
    std::string out;
    bool cached = false;
    if (trace.ceiling > 0)
        out += "read ceiling of this memory, best of a sweep in this run: " +
               printed(trace.ceiling / 1e9) + " GB/s\n";
    for (const TracePhase& phase : trace.phases) {
        out += "\n" + head(phase) + "  " + left("tag", 27) + " " + left("op", 11) + " " +
               left("on", 12) + right("n", 4) + right("us", 10) + right("%", 7) + right("MB", 10) +
               right("GB/s", 9) + (trace.ceiling > 0 ? right("% ceil", 7) : "") + "\n";
        TraceRow rest;
        rest.tags = "the rest";
        for (size_t i = 0; i < phase.rows.size(); ++i) {
            if (i < most || phase.rows.size() == most + 1) {
                out += line(phase.rows[i], phase, trace.ceiling);
                continue;
            }
            rest.launches += phase.rows[i].launches;
            rest.seconds += phase.rows[i].seconds;
            rest.bytes += phase.rows[i].bytes;
        }
        if (rest.launches) out += line(rest, phase, trace.ceiling);
        cached = cached || std::any_of(phase.rows.begin(), phase.rows.end(), [&](const auto& row) {
                     return row.bytes > 1.05 * row.seconds * trace.ceiling;
                 });
    }
    if (trace.ceiling > 0 && cached)
        out += "\nabove 100 %: those bytes came from a cache, the ceiling is the memory's\n";
    return out;
}

}  // namespace afs
