// weights fetch: a model from a Hugging Face-compatible hub into a folder that `--model` takes.
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "afs/weights/checkpoint.hpp"
#include "afs/weights/mapped_file.hpp"  // read_text_file
#include "commands/command.hpp"
#include "commands/terminal.hpp"
#include "commands/weights/model_names.hpp"
#include "commands/weights/transfer_line.hpp"
#include "hub/check.hpp"
#include "runtime/installation.hpp"

namespace afs {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFetchExample = "afs-host weights fetch smollm2-135m";

struct Wanted {
    hub::ShortName name;
    hub::Settings settings;
    hub::FetchRequest request;
    bool json = false;
};

Result<Wanted> read(const ParsedOptions& options) {
    if (options.positional().size() != 1)
        return invalid(std::string("weights fetch: expected a model; example: ") + kFetchExample);
    Wanted wanted;
    AFS_ASSIGN(wanted.name, hub_model(options.positional()[0]));
    AFS_ASSIGN(wanted.settings,
               hub::read_settings([](const char* name) { return std::getenv(name); }));
    wanted.settings.offline = wanted.settings.offline || options.has("offline");
    wanted.json = options.has("json");
    hub::FetchRequest& request = wanted.request;
    request.repository = wanted.name.repository;
    request.revision = options.text("revision", "main");
    request.selection.gguf = options.text("gguf");
    if (options.has("gguf") && request.selection.gguf.empty())
        return invalid("--gguf: expected part of a file's name such as Q4_K_M");
    request.folder = options.has("to") ? fs::path(options.text("to"))
                                       : data_folder("weights") / wanted.name.name;
    request.folder = fs::absolute(request.folder).lexically_normal();
    if (request.folder.filename().empty()) request.folder = request.folder.parent_path();
    const fs::path reports =
        options.has("reports") ? fs::path(options.text("reports")) : data_folder("reports");
    request.manifest = hub::manifest_path(fs::absolute(reports).lexically_normal(), request.folder);
    AFS_ASSIGN(const uint64_t jobs, options.number("jobs", 4, 1, 64));
    AFS_ASSIGN(const uint64_t tries, options.number("tries", 6, 1, 1000));
    request.jobs = static_cast<unsigned>(jobs);
    request.retry.tries = static_cast<int>(tries);
    return wanted;
}

// What to type next: the folder, or the one file that runs.
std::string model_argument(const hub::FetchRequest& request, const hub::Manifest& manifest) {
    if (request.selection.gguf.empty()) return request.folder.string();
    for (const hub::ManifestFile& file : manifest.files)
        if (file.remote.path.ends_with(".gguf"))
            return (request.folder / file.remote.path).string();
    return request.folder.string();
}

// The files are the hub's; whether they make a model is the reader's to say.
Status opens(const std::string& model) {
    return Checkpoint::open(model).status();
}

int fail(const Status& status, const hub::FetchRequest& request) {
    if (status.code() == Code::cancelled && interrupted()) {
        std::error_code ignored;
        if (fs::exists(request.folder, ignored))
            std::fprintf(stderr,
                         "afs-host: interrupted; what was fetched is kept in '%s': run the same "
                         "command again to go on\n",
                         request.folder.c_str());
        else
            std::fprintf(stderr, "afs-host: interrupted before the first byte\n");
        return 128 + interrupted();
    }
    return report_failure(status, kFailed);
}

int report(const Wanted& wanted, const hub::Fetched& fetched, double seconds) {
    const hub::FetchRequest& request = wanted.request;
    if (wanted.json) {
        const auto text = read_text_file(request.manifest);
        const Status written = text ? write_out(*text) : text.status();
        return written.ok() ? kDone : report_failure(written, kFailed);
    }
    const std::string model = model_argument(request, fetched.manifest);
    std::string text = "'" + request.repository + "' at " + fetched.manifest.commit + " in " +
                       request.folder.string() + "\n" +
                       std::to_string(fetched.manifest.files.size()) + " files, " +
                       hub::bytes_text(fetched.bytes) + ", every hash as the hub states";
    if (fetched.were_there > 0) text += "; " + std::to_string(fetched.were_there) + " were there";
    if (fetched.received > 0)
        text += "; " + hub::bytes_text(fetched.received) + " received in " +
                duration_text(seconds) + ", " +
                hub::bytes_text(static_cast<uint64_t>(static_cast<double>(fetched.received) /
                                                      std::max(seconds, 1e-3))) +
                "/s";
    text += "\nmanifest: " + request.manifest.string() + "\n";
    const Status whole = opens(model);
    if (whole.ok()) text += "next: afs-host --model " + model + " --prompt \"Once upon a time\"\n";
    const Status written = write_shown(text);
    if (!written.ok()) return report_failure(written, kFailed);
    return whole.ok() ? kDone
                      : report_failure(whole.context("the files are whole, yet no model"), kFailed);
}

int fetch_online(const Wanted& wanted) {
    const auto start = std::chrono::steady_clock::now();
    if (wanted.settings.endpoint.starts_with("http:") && !wanted.settings.token.empty())
        std::fprintf(stderr, "afs-host: warning: the token of %s goes to %s without encryption\n",
                     wanted.settings.token_origin.c_str(), wanted.settings.endpoint.c_str());
    TransferLine line(wanted.name.name);
    bool announced = false;  // what comes, for those who have no terminal too
    const auto fetched = hub::fetch(
        wanted.settings, wanted.request, [] { return interrupted() != 0; },
        [&](const hub::FetchSnapshot& now) {
            if (!announced && now.files > 0) {
                line.clear();
                std::fprintf(stderr, "[%s: %zu files, %s, to %s]\n",
                             wanted.request.repository.c_str(), now.files,
                             hub::bytes_text(now.total).c_str(), wanted.request.folder.c_str());
                announced = true;
            }
            line.show(now);
        });
    line.clear();
    if (!fetched) return fail(fetched.status(), wanted.request);
    return report(wanted, *fetched,
                  std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
}

// Without a connection: what the manifest of an earlier fetch lists must be there and right.
int fetch_offline(const Wanted& wanted) {
    const hub::FetchRequest& request = wanted.request;
    const auto manifest = hub::read_manifest(request.manifest);
    if (!manifest)
        return report_failure(
            Status(Code::not_found, "'" + request.repository + "' was not fetched here before: " +
                                        manifest.status().message() +
                                        "; run once without --offline and HF_HUB_OFFLINE"),
            kFailed);
    const bool same =
        manifest->repository == request.repository &&
        (manifest->revision == request.revision || manifest->commit == request.revision);
    if (!same || manifest->selection != request.selection.gguf)
        return report_failure(
            invalid("'" + request.manifest.string() + "' is of " + manifest->repository + " at " +
                    manifest->revision + ", expected " + request.repository + " at " +
                    request.revision + "; run once without --offline"),
            kFailed);
    TransferLine line(wanted.name.name);
    const auto checked = hub::check_files(
        *manifest, request.folder, [] { return interrupted() != 0; },
        [&line](const hub::FetchSnapshot& now) { line.show(now); });
    line.clear();
    if (!checked) return fail(checked.status(), request);
    hub::Fetched fetched;
    fetched.manifest = *manifest;
    std::string wrong;
    for (const hub::CheckedFile& file : *checked) {
        fetched.bytes += file.expected.remote.bytes;
        fetched.were_there += file.wrong.empty();
        if (!file.wrong.empty())
            wrong += (wrong.empty() ? "'" : "; '") + file.expected.remote.path + "' " + file.wrong;
    }
    if (!wrong.empty())
        return report_failure(
            Status(Code::io, "offline, and in '" + request.folder.string() + "' " + wrong +
                                 "; run without --offline to fetch it"),
            kFailed);
    return report(wanted, fetched, 0);
}

int run_fetch(const Command&, const ParsedOptions& options) {
    const auto wanted = read(options);
    if (!wanted) return report_failure(wanted.status(), kUsage);
    catch_interrupts();
    return wanted->settings.offline ? fetch_offline(*wanted) : fetch_online(*wanted);
}

}  // namespace

const Command& weights_fetch_command() {
    static const Command command = {
        "weights fetch",
        "downloads a model from a Hugging Face-compatible hub",
        "afs-host weights fetch NAME | ORG/NAME [options]\n\n"
        "NAME is a short name of configs/hub-models.json. Files are resumed, checked against the\n"
        "hub's hashes and named when whole. HF_ENDPOINT, HF_TOKEN (or the token file of HF_HOME)\n"
        "and HF_HUB_OFFLINE are honoured; the token goes to that endpoint alone.",
        kFetchExample,
        {{"revision", "REV", "branch, tag or commit; default main"},
         {"to", "FOLDER", "where the files go; default weights/NAME"},
         {"gguf", "TEXT", "the GGUF file with TEXT in its name, instead of safetensors"},
         {"jobs", "N", "files at once; default 4"},
         {"tries", "N", "tries without progress before giving up; default 6"},
         {"reports", "FOLDER", "where the manifest goes; default reports/"},
         {"offline", "", "no connection: check what is there against its manifest"},
         {"json", "", "print the manifest"},
         {"help,h", "", "this page"}},
        false,
        1,
        run_fetch};
    return command;
}

}  // namespace afs
