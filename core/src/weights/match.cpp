// Finds the tensors of a weight table in a checkpoint.
#include <algorithm>
#include <cstring>
#include <set>

#include "afs/numeric.hpp"
#include "afs/weights/weight_set.hpp"
#include "weight_lines.hpp"

namespace afs {
namespace {

std::string quoted_some_of(const std::vector<std::string>& names) {
    std::string text;
    for (size_t i = 0; i < std::min<size_t>(names.size(), 5); ++i)
        text += (i ? ", '" : "'") + names[i] + "'";
    if (names.size() > 5) text += " and " + std::to_string(names.size() - 5) + " more";
    return text;
}

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : " or ") + name;
    return text;
}

Status check_tensor(const weights::Line& line, const FileTensor& tensor, const std::string& file) {
    const std::string subject =
        "cannot load tensor '" + tensor.name + "' of '" + file + "' as " + line.tag + ": ";
    const bool same = tensor.shape.size() == static_cast<size_t>(line.rank) &&
                      std::equal(tensor.shape.begin(), tensor.shape.end(), line.dims);
    if (!same)
        return invalid(subject + "expected shape " +
                       weights::shape_text(line.dims, static_cast<size_t>(line.rank)) +
                       " from the model's configuration, found " +
                       weights::shape_text(tensor.shape.data(), tensor.shape.size()));
    if (tensor.dtype == AFS_DTYPE_NONE)
        return unsupported(subject + "expected dtype F32, BF16, F16 or F64, found " +
                           tensor.dtype_text);
    if (line.dtype != AFS_DTYPE_NONE && line.dtype != tensor.dtype)
        return invalid(subject + "the model expects dtype " + dtype_name(line.dtype) + ", found " +
                       dtype_name(tensor.dtype));
    return {};
}

Status check_duplicate(const FileTensor& tensor, const FileTensor& copy, const std::string& file) {
    if (copy.shape == tensor.shape && copy.dtype_text == tensor.dtype_text &&
        (copy.bytes == 0 || std::memcmp(copy.data, tensor.data, copy.bytes) == 0))
        return {};
    return invalid("cannot load tensor '" + copy.name + "' of '" + file +
                   "': the model is tied, so it must hold the same bytes as '" + tensor.name +
                   "' and does not");
}

class Matcher {
public:
    explicit Matcher(const Checkpoint& checkpoint) : checkpoint_(checkpoint) {}

    Status take(const weights::Line& line) {
        const FileTensor* tensor = nullptr;
        for (const std::string& name : line.names)
            if ((tensor = checkpoint_.find(name))) break;
        if (!tensor) {
            missing_.push_back(joined(line.names));
            return {};
        }
        const std::string file = checkpoint_.file_of(*tensor);
        AFS_TRY(check_tensor(line, *tensor, file));
        used_.insert(tensor->name);
        for (const std::string& name : line.duplicates)
            if (const FileTensor* copy = checkpoint_.find(name)) {
                AFS_TRY(check_duplicate(*tensor, *copy, checkpoint_.file_of(*copy)));
                used_.insert(name);
            }
        Weight weight;
        weight.value = line.value;
        weight.data = tensor->data;
        weight.dtype = tensor->dtype;
        weight.rank = line.rank;
        std::copy(line.dims, line.dims + AFS_MAX_RANK, weight.dims);
        weight.bytes = tensor->bytes;
        weight.name = tensor->name;
        weight.file = file;
        set.add(std::move(weight));
        return {};
    }

    Status finish(const char* ignored) const {
        const std::vector<std::string> patterns = weights::split_names(ignored);
        std::vector<std::string> unexpected;
        for (const FileTensor& tensor : checkpoint_.tensors()) {
            const auto fits = [&](const std::string& p) { return matches_pattern(p, tensor.name); };
            if (!used_.count(tensor.name) && std::none_of(patterns.begin(), patterns.end(), fits))
                unexpected.push_back(tensor.name);
        }
        const std::string model = "cannot load model '" + checkpoint_.path().string() + "': ";
        const std::string also = unexpected.empty() ? ""
                                                    : "; tensors that the model does not know: " +
                                                          quoted_some_of(unexpected);
        if (!missing_.empty())
            return not_found(model + std::to_string(missing_.size()) +
                             " tensors are missing: " + quoted_some_of(missing_) + also);
        if (!unexpected.empty())
            return invalid(model + std::to_string(unexpected.size()) +
                           " tensors that the model does not know: " + quoted_some_of(unexpected));
        return {};
    }

    WeightSet set;

private:
    const Checkpoint& checkpoint_;
    std::set<std::string> used_;
    std::vector<std::string> missing_;
};

}  // namespace

Result<WeightSet> match_weights(const afs_graph& graph, const Checkpoint& checkpoint) {
    AFS_ASSIGN(const std::vector<weights::Line> lines, weights::read_lines(graph));
    Matcher matcher(checkpoint);
    for (const weights::Line& line : lines) AFS_TRY(matcher.take(line));
    AFS_TRY(matcher.finish(graph.ignored_tensors));
    for (const auto& file : checkpoint.files()) matcher.set.keep(file);
    return std::move(matcher.set);
}

}  // namespace afs
