// weights convert: a checkpoint in another form or dtype.
#include "weights/convert/convert.hpp"

#include <cstdio>

#include "afs/json.hpp"
#include "commands/command.hpp"
#include "commands/terminal.hpp"
#include "commands/weights/model_names.hpp"
#include "hub/fetch.hpp"  // bytes_text
#include "runtime/installation.hpp"
#include "runtime/open_model.hpp"  // parse_dtype

namespace afs {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConvertExample =
    "afs-host weights convert weights/olmo2-tiny olmo2-tiny.gguf";

std::string as_text(const convert::ConvertRequest& request, const convert::Converted& done) {
    return request.from.string() + " (" + done.from_form + ") -> " + request.to.string() + " (" +
           done.to_form + ")\n" + std::to_string(done.n_tensors) + " tensors, " +
           hub::bytes_text(done.bytes) + ", matrices " + done.dtype + "; tokenizer " +
           done.tokenizer + "\nopened again: " + done.checked + "\n" + "next: afs-host --model " +
           request.to.string() + " --prompt \"Once upon a time\"\n";
}

std::string as_json(const convert::ConvertRequest& request, const convert::Converted& done) {
    json::Value root = json::Value::object();
    root.add("from", json::Value::of(request.from.string()))
        .add("from_form", json::Value::of(done.from_form))
        .add("to", json::Value::of(request.to.string()))
        .add("to_form", json::Value::of(done.to_form))
        .add("tensors", json::Value::of(done.n_tensors))
        .add("bytes", json::Value::of(done.bytes))
        .add("dtype", json::Value::of(done.dtype))
        .add("tokenizer", json::Value::of(done.tokenizer))
        .add("checked", json::Value::of(done.checked));
    return json::dump(root, 2) + "\n";
}

int run_convert(const Command& command, const ParsedOptions& options) {
    catch_interrupts();
    const auto& words = options.positional();
    if (words.size() != 2)
        return report_failure(
            invalid("weights convert: expected what to read and what to write; example: " +
                    command.example),
            kUsage);
    if (options.has("dtype"))
        return report_failure(invalid("--dtype is that of activations; what is written is --as"),
                              kUsage);
    const std::string dtype = options.text("as", "keep");
    convert::ConvertRequest request;
    request.dtype = dtype == "keep" ? int32_t{AFS_DTYPE_NONE} : parse_dtype(dtype);
    if (dtype != "keep" && (request.dtype == AFS_DTYPE_NONE || request.dtype == AFS_F64))
        return report_failure(
            invalid("--as: expected keep, bf16, fp16 or fp32, found '" + dtype + "'"), kUsage);
    const auto config = open_config(options);
    if (!config) return report_bad_input(config.status());
    const auto from = local_model(words[0]);
    if (!from) return report_not_opened(from.status());
    request.from = *from;
    request.to = fs::absolute(words[1]).lexically_normal();
    if (request.to.filename().empty()) request.to = request.to.parent_path();
    if (options.has("tokenizer-files")) {
        request.tokenizer_files = options.text("tokenizer-files");
        std::error_code ignored;
        if (!fs::exists(request.tokenizer_files, ignored))
            return report_bad_input(not_found("--tokenizer-files: there is no folder '" +
                                              request.tokenizer_files.string() + "'"));
    }
    request.tables = shipped_config("conversion.json");
    Progress bar("converting");
    const auto converted =
        convert::convert(*config, request, [&bar](uint64_t done, uint64_t total) {
            bar.update(done >> 20, total >> 20);
            return interrupted() == 0;
        });
    bar.clear();
    if (!converted) {
        report_failure(converted.status(), kFailed);
        return interrupted() ? 128 + interrupted() : kFailed;
    }
    const Status written = options.has("json") ? write_out(as_json(request, *converted))
                                               : write_shown(as_text(request, *converted));
    return written.ok() ? kDone : report_failure(written, kFailed);
}

}  // namespace

const Command& weights_convert_command() {
    static const Command command = {
        "weights convert",
        "safetensors to GGUF and back, or to another dtype",
        "afs-host weights convert FOLDER | FILE | NAME  OUT.gguf | OUT_FOLDER [options]",
        kConvertExample,
        {{"as", "DTYPE", "keep, bf16, fp16 or fp32, of the matrices; default keep"},
         {"tokenizer-files", "FOLDER", "take the tokenizer's files from there"},
         {"json", "", "for machines"},
         {"help,h", "", "this page"}},
        true,
        2,
        run_convert};
    return command;
}

}  // namespace afs
