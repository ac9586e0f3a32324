// weights convert: a checkpoint in another form or dtype.
#include "weights/convert/convert.hpp"

#include <cstdio>

#include "commands/command.hpp"
#include "commands/terminal.hpp"
#include "commands/weights/model_names.hpp"
#include "hub/fetch.hpp"  // bytes_text
#include "runtime/installation.hpp"
#include "runtime/open_model.hpp"  // parse_dtype

namespace afs {
namespace {

namespace fs = std::filesystem;

constexpr const char* kExample = "afs-host weights convert weights/olmo2-tiny olmo2-tiny.gguf";

int run(const Command& command, const ParsedOptions& options) {
    catch_interrupts();
    const auto& words = options.positional();
    if (words.size() != 2)
        return report_failure(
            invalid("weights convert: expected what to read and what to write; example: " +
                    command.example),
            kUsage);
    const std::string dtype = options.text("as", "keep");
    convert::ConvertRequest request;
    request.dtype = dtype == "keep" ? int32_t{AFS_DTYPE_NONE} : parse_dtype(dtype);
    if (dtype != "keep" && (request.dtype == AFS_DTYPE_NONE || request.dtype == AFS_F64))
        return report_failure(
            invalid("--as: expected keep, bf16, fp16 or fp32, found '" + dtype + "'"), kUsage);
    const auto config = open_config(options);
    if (!config) return report_failure(config.status(), kUsage);
    const auto from = local_model(words[0]);
    if (!from) return report_failure(from.status(), kFailed);
    request.from = *from;
    request.to = fs::absolute(words[1]).lexically_normal();
    if (request.to.filename().empty()) request.to = request.to.parent_path();
    if (options.has("tokenizer-files")) request.tokenizer_files = options.text("tokenizer-files");
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
    const Status written = write_out(
        request.from.string() + " (" + converted->from_form + ") -> " + request.to.string() + " (" +
        converted->to_form + ")\n" + std::to_string(converted->n_tensors) + " tensors, " +
        hub::bytes_text(converted->bytes) + ", matrices " + converted->dtype + "; tokenizer " +
        converted->tokenizer + "\nopened again: the same graph, every weight, the same ids\n" +
        "next: afs-host --model " + request.to.string() + " --prompt \"Once upon a time\"\n");
    return written.ok() ? kDone : report_failure(written, kFailed);
}

}  // namespace

const Command& weights_convert_command() {
    static const Command command = {
        "weights convert",
        "safetensors to GGUF and back, or to another dtype",
        "afs-host weights convert FOLDER | FILE | NAME  OUT.gguf | OUT_FOLDER [options]",
        kExample,
        {{"as", "DTYPE", "keep, bf16, fp16 or fp32, of the matrices; default keep"},
         {"tokenizer-files", "FOLDER", "take the tokenizer's files from there"},
         {"help,h", "", "this page"}},
        true,
        2,
        run};
    return command;
}

}  // namespace afs
