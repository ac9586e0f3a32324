// weights inspect: what a checkpoint holds, for people, or as JSON or CSV.
#include "weights/inventory.hpp"

#include "commands/command.hpp"
#include "commands/terminal.hpp"
#include "commands/weights/model_names.hpp"

namespace afs {
namespace {

constexpr const char* kInspectExample = "afs-host weights inspect weights/olmo2-tiny";

int run_inspect(const Command& command, const ParsedOptions& options) {
    catch_interrupts();
    if (options.positional().size() != 1)
        return report_failure(
            invalid("weights inspect: expected a folder or file; example: " + command.example),
            kUsage);
    const auto path = local_model(options.positional()[0]);
    if (!path) return report_not_opened(path.status());
    const auto inventory = take_inventory(*path);
    if (!inventory) return report_failure(inventory.status(), kFailed);
    const Status written = options.has("json")  ? write_out(inventory_json(*inventory))
                           : options.has("csv") ? write_out(inventory_csv(*inventory))
                                                : write_shown(inventory_text(*inventory));
    return written.ok() ? kDone : report_failure(written, kFailed);
}

}  // namespace

const Command& weights_inspect_command() {
    static const Command command = {
        "weights inspect",
        "what a checkpoint holds: layers, tensors, parameters, dtypes",
        "afs-host weights inspect FOLDER | FILE | NAME [options]",
        kInspectExample,
        {{"json", "", "everything, for machines"},
         {"csv", "", "the list of tensors: name, layer, dtype, shape, parameters, bytes, offset"},
         {"help,h", "", "this page"}},
        false,
        1,
        run_inspect,
        {excludes("json", {"csv"})}};
    return command;
}

}  // namespace afs
