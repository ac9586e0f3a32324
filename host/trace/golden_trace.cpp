#include "trace/golden_trace.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "afs/json.hpp"
#include "afs/numeric.hpp"
#include "afs/weights/mapped_file.hpp"  // read_text_file
#include "afs/weights/safetensors.hpp"
#include "engine/floats.hpp"

namespace afs {
namespace {

Result<TracedValues> read_values(const std::string& path) {
    AFS_ASSIGN(const SafetensorsFile file, SafetensorsFile::open(path));
    TracedValues values;
    for (const FileTensor& tensor : file.tensors()) {
        if (dtype_size(tensor.dtype) == 0 || tensor.dtype == AFS_I32)
            return invalid("'" + path + "': tensor '" + tensor.name + "' is " +
                           dtype_name(tensor.dtype) + ", expected fp32, bf16 or fp16");
        TracedValue& value = values[tensor.name];
        value.dims = tensor.shape;
        value.data.resize(tensor.bytes / dtype_size(tensor.dtype));
        to_floats(static_cast<const char*>(tensor.data), tensor.dtype, value.data.size(),
                  value.data.data());
    }
    return values;
}

std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3g", value);
    return text;
}

}  // namespace

Result<GoldenTrace> open_golden_trace(const std::string& folder) {
    const std::string path = folder + "/trace.json";
    const auto text = read_text_file(path);
    if (!text)
        return text.status().context("no trace in '" + folder +
                                     "': expected trace.json, made by tools/goldens/trace.py");
    AFS_ASSIGN(const json::Value root, json::parse(*text, {path}));
    GoldenTrace golden;
    const json::Value* ids = root.find("ids");
    if (!ids || !ids->is(json::Kind::array) || ids->items.empty())
        return invalid("'" + path + "' has no list of token ids under \"ids\"");
    for (const json::Value& id : ids->items) {
        const auto value = id.as_int64();
        if (!value || *value < 0 || *value > INT32_MAX)
            return invalid("'" + path + "': \"ids\" must be token ids");
        golden.ids.push_back(static_cast<int32_t>(*value));
    }
    if (const json::Value* made_by = root.find("made_by")) golden.made_by = made_by->string;
    AFS_ASSIGN(golden.exact, read_values(folder + "/fp32.safetensors"));
    if (const json::Value* dtype = root.find("dtype"); dtype && dtype->string != "fp32") {
        golden.dtype = dtype->string;
        AFS_ASSIGN(golden.rounded, read_values(folder + "/" + golden.dtype + ".safetensors"));
    }
    return golden;
}

Result<std::vector<GoldenRow>> compare_to_golden(const TracedValues& values,
                                                 const GoldenTrace& golden,
                                                 const std::vector<std::string>& tags,
                                                 const std::string& dtype) {
    std::vector<GoldenRow> rows;
    for (const std::string& tag : tags) {
        const auto ours = values.find(tag);
        const auto exact = golden.exact.find(tag);
        if (ours == values.end() || exact == golden.exact.end()) continue;
        if (ours->second.data.size() != exact->second.data.size())
            return invalid("'" + tag + "' has " + std::to_string(ours->second.data.size()) +
                           " elements here and " + std::to_string(exact->second.data.size()) +
                           " in the trace: they are of different models");
        GoldenRow row;
        row.tag = tag;
        for (const float x : exact->second.data)
            row.largest = std::max<double>(row.largest, std::abs(x));
        const auto rounded = golden.rounded.find(tag);
        const bool same = golden.dtype == dtype && rounded != golden.rounded.end() &&
                          rounded->second.data.size() == exact->second.data.size();
        row.error = error_ratio(ours->second.data, exact->second.data,
                                same ? &rounded->second.data : nullptr,
                                static_cast<size_t>(exact->second.width()));
        row.holds = same ? row.error.holds() : row.error.max <= 1e-4 * row.largest;
        rows.push_back(std::move(row));
    }
    if (rows.empty()) return not_found("the trace has no tag that this plan forms");
    return rows;
}

std::string golden_text(const std::vector<GoldenRow>& rows, const GoldenTrace& golden,
                        const std::string& dtype) {
    const bool same = golden.dtype == dtype;
    size_t held = 0;
    const GoldenRow *first = nullptr, *last = &rows.back();
    for (const GoldenRow& row : rows) {
        held += row.holds;
        if (!row.holds && !first) first = &row;
    }
    std::string out = "against " + golden.made_by + ", " + std::to_string(golden.ids.size()) +
                      " tokens, measured from its fp32 values\n";
    out += same ? "within 2x (max) and 1.25x (RMS) of its own error in " + dtype + ": "
                : "within 1e-4 of the largest value: ";
    out += std::to_string(held) + " of " + std::to_string(rows.size()) + " tags\n";
    const auto line = [&](const GoldenRow& row) {
        return "  " + row.tag + ": max " + number(row.error.max) + ", RMS " +
               number(row.error.rms) +
               (same ? "; its own " + number(row.error.their_max) + ", " +
                           number(row.error.their_rms)
                     : "") +
               "; largest value " + number(row.largest) + (row.holds ? "\n" : "  <- leaves it\n");
    };
    if (first) out += "first to leave it:\n" + line(*first);
    return out + (first == last ? "" : "at the end:\n" + line(*last));
}

}  // namespace afs
