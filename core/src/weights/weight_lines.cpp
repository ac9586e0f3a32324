#include "weight_lines.hpp"

#include "afs/kernels.hpp"  // read: GROWABLE structs of any size

namespace afs::weights {

std::vector<std::string> split_names(const char* names) {
    std::vector<std::string> parts;
    for (const char* start = names; start && *start;) {
        const char* end = start;
        while (*end && *end != '|') ++end;
        if (end != start) parts.emplace_back(start, end);
        start = *end ? end + 1 : end;
    }
    return parts;
}

std::string shape_text(const int64_t* dims, size_t rank) {
    std::string text = "[";
    for (size_t i = 0; i < rank; ++i) text += (i ? ", " : "") + std::to_string(dims[i]);
    return text + "]";
}

namespace {

Status fill(const afs_graph& graph, const afs_weight& weight, Line& line) {
    if (weight.value >= graph.n_values)
        return invalid("the model's weight table names value " + std::to_string(weight.value) +
                       ", the graph has " + std::to_string(graph.n_values));
    const auto value = read<afs_value>(graph.values[weight.value]);
    line.value = weight.value;
    line.tag = value.tag ? value.tag : "";
    const auto bad = [&](const std::string& what) {
        return invalid("the model's weight table, value '" + line.tag + "': " + what);
    };
    if (value.kind != AFS_VALUE_WEIGHT) return bad("not a weight");
    if (weight.transform != AFS_LOAD_AS_IS && weight.transform != AFS_LOAD_UNINTERLEAVE_HEADS)
        return bad("load transform " + std::to_string(weight.transform) + " is not known");
    if (value.rank < 1 || value.rank > AFS_MAX_RANK)
        return bad("expected a rank from 1 to 4, found " + std::to_string(value.rank));
    line.names = split_names(weight.names);
    line.duplicates = split_names(weight.duplicates);
    if (line.names.empty()) return bad("no tensor name");
    line.rank = value.rank;
    line.dtype = value.dtype;
    line.elements = 1;
    for (int i = 0; i < value.rank; ++i) {
        const int64_t n = value.dims[i];
        if (n < 1 ||
            line.elements > static_cast<uint64_t>(INT64_MAX / 8) / static_cast<uint64_t>(n))
            return bad("expected fixed sizes, found shape " +
                       shape_text(value.dims, static_cast<size_t>(value.rank)));
        line.dims[i] = n;
        line.elements *= static_cast<uint64_t>(n);
    }
    return {};
}

}  // namespace

Result<std::vector<Line>> read_lines(const afs_graph& given) {
    const auto graph = read<afs_graph>(&given);
    std::vector<Line> lines(graph.n_weights);
    std::vector<char> has_line(graph.n_values, 0);
    for (uint32_t i = 0; i < graph.n_weights; ++i) {
        AFS_TRY(fill(graph, read<afs_weight>(graph.weights[i]), lines[i]));
        if (has_line[lines[i].value]++)
            return invalid("the model's weight table names value '" + lines[i].tag + "' twice");
    }
    for (uint32_t v = 0; v < graph.n_values; ++v) {
        const auto value = read<afs_value>(graph.values[v]);
        if (value.kind == AFS_VALUE_WEIGHT && !has_line[v])
            return invalid("the model's weight table has no line for value '" +
                           std::string(value.tag ? value.tag : "") + "'");
    }
    return lines;
}

}  // namespace afs::weights
