#include "loader/plugin_file.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>
#include <map>
#include <mutex>
#include <system_error>

#define BOOST_DLL_USE_STD_FS
#include <boost/dll/shared_library.hpp>

#include "afs/config/schema.hpp"  // nearest
#include "afs/kernels.hpp"        // read
#include "loader/crash_notice.hpp"
#include "loader/file_checks.hpp"
#include "loader/table_checks.hpp"

namespace afs {
namespace {

namespace dll = boost::dll;

// Loaded files for ever: unloading a library that made a thread or holds CUDA code crashes.
struct Resident {
    dll::shared_library library;
    std::shared_ptr<const PluginFile> file;
};
struct Registry {
    std::mutex mutex;
    std::map<std::string, Resident> by_path;
};
Registry& registry() {
    static auto* const kept = new Registry;  // outlives every static destructor
    return *kept;
}

// The loader's own words, without Boost's frame and an unrelated errno text.
std::string cleaned(const std::string& what) {
    static const std::string lead = "dlerror system message: ";
    const size_t at = what.find(lead);
    std::string text = at == std::string::npos ? what : what.substr(at + lead.size());
    const size_t tail = text.rfind("): ");
    return tail == std::string::npos ? text : text.substr(0, tail);
}

std::string remedy_for(const std::string& loader_text) {
    const auto has = [&](const char* part) { return loader_text.find(part) != std::string::npos; };
    if (has("undefined symbol"))
        return "; link the library that defines it into the plugin (-z defs shows this at build "
               "time)";
    if (has("cannot open shared object file"))
        return "; install that library or add its folder to the plugin's RUNPATH";
    if (has("GLIBC") || has("GLIBCXX"))
        return "; build the plugin on this system, or run a host of the plugin's system";
    return {};
}

std::string version_text(unsigned major, unsigned minor) {
    return std::to_string(major) + "." + std::to_string(minor);
}

// Versions first: of another contract nothing but these 8 bytes may be read.
Status check_version(const void* symbol) {
    uint32_t size;
    uint16_t major, minor;
    const auto* bytes = static_cast<const unsigned char*>(symbol);
    std::memcpy(&size, bytes, sizeof size);
    std::memcpy(&major, bytes + 4, sizeof major);
    std::memcpy(&minor, bytes + 6, sizeof minor);
    // Major 0 promises nothing between minors.
    if (major != AFS_ABI_MAJOR || (AFS_ABI_MAJOR == 0 && minor != AFS_ABI_MINOR))
        return Status(Code::version,
                      "it speaks contract " + version_text(major, minor) + ", this host speaks " +
                          version_text(AFS_ABI_MAJOR, AFS_ABI_MINOR) +
                          "; build it against this host's afs/abi headers, or use its host");
    if (size < sizeof(afs_plugin) || size > 4096 || size % 8 != 0)
        return Status(Code::version,
                      "its descriptor has " + std::to_string(size) + " bytes, contract " +
                          version_text(major, minor) + " has " +
                          std::to_string(sizeof(afs_plugin)) +
                          "; set struct_size to sizeof(afs_plugin) and build it again");
    return {};
}

std::string text_or_empty(const char* text) {
    return text ? text : "";
}

Status read_descriptor(const void* symbol, const std::string& kind, PluginFile& file) {
    AFS_TRY(check_version(symbol));
    const afs_plugin d = file.descriptor = read<afs_plugin>(symbol);
    file.kind = text_or_empty(d.kind);
    file.name = text_or_empty(d.name);
    file.version = text_or_empty(d.version);
    file.licence = text_or_empty(d.licence);
    file.build = text_or_empty(d.build);
    file.domain = text_or_empty(d.domain);
    bool known = false;
    for (const std::string& k : plugin_kinds()) known |= k == file.kind;
    if (!known)
        return invalid("its kind is '" + file.kind +
                       "', expected one of model, kernels, tokenizer, env");
    if (!kind.empty() && kind != file.kind)
        return invalid("it is a " + file.kind + " plugin ('" + file.name + "'), expected a " +
                       kind + " plugin; name it where a " + file.kind + " plugin is meant");
    if (file.name.empty()) return invalid("its descriptor has no name");
    if (!d.open || !d.table || !d.close)
        return invalid("its descriptor lacks the function " + std::string(!d.open    ? "open"
                                                                          : !d.table ? "table"
                                                                                     : "close"));
    if (file.kind == "kernels" && file.domain.empty())
        return invalid("its descriptor names no memory domain, expected one like 'cpu/1'");
    for (const char* const* id = d.provides; id && *id; ++id) file.provides.push_back(*id);
    return check_tables(file);
}

Status load_library(dll::shared_library& library, const std::string& path) {
    const InPlugin here(path.c_str(), "a static initialiser");
    try {
        library.load(std::filesystem::path(path),
                     dll::load_mode::rtld_now | dll::load_mode::rtld_local);
    } catch (const std::system_error& error) {
        const std::string text = cleaned(error.what());
        return invalid("the system's loader refuses it: " + text + remedy_for(text));
    } catch (const std::bad_alloc&) {
        throw;
    } catch (...) {
        // Of a static initialiser. It has passed the system's loader, which is left half done;
        // whether it gets this far is up to how dlopen, which is declared to throw nothing, was
        // inlined.
        std::terminate();
    }
    return {};
}

Result<Resident> open_library(const std::string& path, const std::string& kind) {
    AFS_TRY(check_library_file(path));
    Resident made;
    AFS_TRY(load_library(made.library, path));
    if (!made.library.has("afs_plugin_v0"))
        return invalid(
            "it exports no symbol 'afs_plugin_v0': it is no plugin of this contract; "
            "declare it through afs/abi/base.h and export it");
    auto file = std::make_shared<PluginFile>();
    file->path = path;
    const void* symbol = &made.library.get<const char>("afs_plugin_v0");
    Status status = read_descriptor(symbol, kind, *file);
    static auto* const refused = new std::vector<dll::shared_library>;  // resident like the others
    if (!status.ok()) {
        refused->push_back(std::move(made.library));
        return status;
    }
    made.file = std::move(file);
    return made;
}

}  // namespace

bool PluginFile::lists(const std::string& table_id) const {
    for (const std::string& id : provides)
        if (id == table_id) return true;
    return false;
}

const void* PluginFile::table(const char* id) const {
    if (!lists(id)) return nullptr;
    const InPlugin here(name.c_str(), "table");
    try {
        return descriptor.table(id);
    } catch (...) {
        return nullptr;
    }
}

const std::vector<std::string>& plugin_kinds() {
    static const std::vector<std::string> kinds = {"model", "kernels", "tokenizer", "env"};
    return kinds;
}

Status check_plugin_kind(const std::string& kind) {
    const std::vector<std::string>& kinds = plugin_kinds();
    if (std::find(kinds.begin(), kinds.end(), kind) != kinds.end()) return {};
    return invalid("unknown kind '" + kind + "'" + nearest(kind, kinds) +
                   "; a plugin is kernels, model, tokenizer or env");
}

namespace {

// With -v only: hashing reads the whole file.
void log_loaded(const PluginFile& file) {
    if (!spdlog::should_log(spdlog::level::debug)) return;
    const auto hash = file_sha256(file.path);
    spdlog::debug("loaded {} plugin {} {} from {}, sha256 {}", file.kind, file.name, file.version,
                  file.path, hash.ok() ? *hash : hash.status().message());
}

}  // namespace

Result<std::shared_ptr<const PluginFile>> load_plugin(const std::string& path,
                                                      const std::string& kind) try {
    std::error_code ignored;
    std::filesystem::path absolute = std::filesystem::canonical(path, ignored);
    if (ignored) absolute = std::filesystem::absolute(path);
    const std::string key = absolute.string();
    Registry& all = registry();
    const std::lock_guard<std::mutex> lock(all.mutex);
    auto it = all.by_path.find(key);
    if (it == all.by_path.end()) {
        auto loaded = open_library(key, kind);
        if (!loaded.ok()) return loaded.status().context("cannot load plugin '" + key + "'");
        it = all.by_path.emplace(key, std::move(*loaded)).first;
        log_loaded(*it->second.file);
    }
    const PluginFile& file = *it->second.file;
    if (!kind.empty() && kind != file.kind)
        return invalid("cannot load plugin '" + key + "': it is a " + file.kind + " plugin ('" +
                       file.name + "'), expected a " + kind + " plugin");
    return it->second.file;
} catch (const std::bad_alloc&) {
    return Status(Code::no_memory, "cannot load plugin '" + path + "': out of host memory");
} catch (const std::exception& error) {
    return Status(Code::internal, "cannot load plugin '" + path + "': " + error.what());
}

}  // namespace afs
