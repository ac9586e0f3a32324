// The contract's binary side, for plugins of every kind: what it exports, lists and refuses, and a
// hundred lives.
#include <elf.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "conformance/checks/abi_checks.hpp"
#include "conformance/checks/kernel_checks.hpp"
#include "conformance/checks/raw_instance.hpp"
#include "loader/plugin_instance.hpp"

namespace afs::conformance {

RawInstance::RawInstance(const Subject& s) : subject_(s) {
    std::vector<const char*> keys, values;
    for (const auto& [key, value] : s.request.options)
        keys.push_back(key.c_str()), values.push_back(value.c_str());
    struct {  // a newer host's: longer than the plugin knows
        afs_open_args args;
        unsigned char more[64];
    } grown{};
    std::memset(grown.more, 0xcc, sizeof grown.more);
    grown.args.struct_size = sizeof grown;
    grown.args.device = s.request.device;
    grown.args.world = 1;
    grown.args.host = &plugin_host();
    grown.args.n_options = static_cast<uint32_t>(keys.size());
    grown.args.keys = keys.data(), grown.args.values = values.data();
    ErrorSlot slot;
    try {
        if (s.file->descriptor.open(&grown.args, &self_, &slot.error) != AFS_OK || !self_) {
            self_ = nullptr;
            slot.error.message[sizeof slot.error.message - 1] = '\0';
            why_not_ = std::string("open says no: ") + slot.error.message;
        }
    } catch (...) {
        self_ = nullptr;
        why_not_ = "open threw an exception across the contract";
    }
}

bool RawInstance::close() {
    afs_instance* const self = std::exchange(self_, nullptr);
    try {
        if (self) subject_.file->descriptor.close(self);
        return true;
    } catch (...) {
        return false;
    }
}

void abi_fail(CaseResult& r, const std::string& text, Ending ending) {
    if (r.ending != Ending::passed) return;
    r.ending = ending;
    r.text = text;
    if (ending == Ending::failed) r.rules = "X";
}

namespace {

void descriptor(Subject& s, CaseResult& r) {
    const PluginFile& f = *s.file;
    for (const auto& [what, text] : {std::pair("name", f.name), std::pair("version", f.version),
                                     std::pair("licence", f.licence)})
        if (text.empty()) abi_fail(r, std::string("its descriptor has no ") + what);
    if (f.provides.empty()) abi_fail(r, "its descriptor lists no table");
}

void tables(Subject& s, CaseResult& r) {
    for (const char* id : {"afs.nothing/1", "", "afs.ops/99", "AFS.OPS/1"}) try {
            if (s.file->descriptor.table(id))
                abi_fail(r, "table(\"" + std::string(id) + "\") is not NULL: an unknown id is");
        } catch (...) {
            abi_fail(r, "table(\"" + std::string(id) + "\") throws", Ending::threw);
        }
    for (const std::string& id : s.file->provides) {
        const void* first = s.file->table(id.c_str());
        if (first != s.file->table(id.c_str()))
            abi_fail(r, "table(\"" + id + "\") gives another address each time");
    }
}

// Strong symbols beside the contract's own: another library's could take their place.
void symbols(Subject& s, CaseResult& r) {
    std::ifstream file(s.file->path, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    const auto at = [&](size_t offset, auto& into) {
        if (offset + sizeof into > bytes.size()) return false;
        std::memcpy(&into, bytes.data() + offset, sizeof into);
        return true;
    };
    Elf64_Ehdr header{};
    if (!at(0, header)) return;
    std::string found;
    size_t n = 0;
    for (size_t i = 0; i < header.e_shnum; ++i) {
        Elf64_Shdr section{}, strings{};
        if (!at(header.e_shoff + i * header.e_shentsize, section) ||
            section.sh_type != SHT_DYNSYM ||
            !at(header.e_shoff + section.sh_link * size_t{header.e_shentsize}, strings))
            continue;
        for (size_t k = 0; k < section.sh_size / sizeof(Elf64_Sym); ++k) {
            Elf64_Sym symbol{};
            if (!at(section.sh_offset + k * sizeof symbol, symbol)) break;
            if (symbol.st_shndx == SHN_UNDEF || ELF64_ST_BIND(symbol.st_info) != STB_GLOBAL)
                continue;
            const size_t name_at = strings.sh_offset + symbol.st_name;
            if (name_at >= bytes.size()) continue;
            const std::string name = bytes.c_str() + name_at;
            if (name == "afs_plugin_v0" || name.starts_with('_')) continue;
            if (n++ < 3) found += (found.empty() ? "" : ", ") + name;
        }
    }
    if (n)
        abi_fail(r, "exports " + std::to_string(n) + " symbols beside afs_plugin_v0 (" + found +
                        "): build with -fvisibility=hidden or a version script");
}

size_t open_files() {
    size_t n = 0;
    std::error_code ignored;
    for ([[maybe_unused]] const auto& each :
         std::filesystem::directory_iterator("/proc/self/fd", ignored))
        ++n;
    return n;
}
size_t threads() {
    size_t n = 0;
    std::error_code ignored;
    for ([[maybe_unused]] const auto& each :
         std::filesystem::directory_iterator("/proc/self/task", ignored))
        ++n;
    return n;
}

void lifecycles(Subject& s, CaseResult& r) {
    constexpr int kWarm = 10, kLives = 100;
    const auto live = [&](int n) {
        for (int i = 0; i < n; ++i) {
            RawInstance instance(s);
            const std::string life = "life " + std::to_string(i) + ": ";
            if (!instance.why_not().empty())
                return abi_fail(r, life + instance.why_not(), Ending::refused);
            if (!instance.close())
                return abi_fail(r, life + "close threw an exception across the contract",
                                Ending::threw);
        }
    };
    live(kWarm);
    const uint64_t memory = resident_bytes();
    const size_t files = open_files(), tasks = threads();
    live(kLives);
    const uint64_t now = resident_bytes();
    constexpr uint64_t kSlack = 16 << 20;
    if (now > memory + kSlack)
        abi_fail(r,
                 std::to_string(kLives) + " opens and closes leave " +
                     std::to_string((now - memory) >> 20) + " MiB behind",
                 Ending::leaked);
    if (open_files() > files + 2)
        abi_fail(r, std::to_string(kLives) + " opens and closes leave files open", Ending::leaked);
    if (threads() > tasks + 2)
        abi_fail(r, std::to_string(kLives) + " opens and closes leave threads running",
                 Ending::leaked);
}

void instances(Subject& s, CaseResult& r) {
    RawInstance first(s);
    const RawInstance second(s);
    for (const RawInstance* each : {static_cast<const RawInstance*>(&first), &second})
        if (!each->why_not().empty())
            return abi_fail(r, "two at once: " + each->why_not(), Ending::refused);
    first.close();  // before the second, which was opened later
}

// An option that nobody can know must not be taken for something else, nor crash.
void odd_options(Subject& s, CaseResult& r) {
    Subject other = s;
    other.request.options["afs.no-such-option"] = "\"\\u0000\"";
    const RawInstance instance(other);
    if (instance.why_not().find("threw") != std::string::npos)
        abi_fail(r, instance.why_not(), Ending::threw);
}

struct Check {
    const char* id;
    void (*run)(Subject&, CaseResult&);
};

constexpr Check kAll[] = {{"abi.descriptor", descriptor}, {"abi.tables", tables},
                          {"abi.symbols", symbols},       {"abi.lifecycles", lifecycles},
                          {"abi.instances", instances},   {"abi.options", odd_options}};
constexpr Check kKernels[] = {{"abi.unknown-op", abi_unknown_op},
                              {"abi.null-error", abi_null_error},
                              {"abi.wishes", abi_wishes},
                              {"abi.growth", abi_growth}};

}  // namespace

std::vector<std::string> abi_checks(const std::string& kind) {
    std::vector<std::string> ids;
    for (const Check& each : kAll) ids.push_back(each.id);
    if (kind == "kernels")
        for (const Check& each : kKernels) ids.push_back(each.id);
    return ids;
}

CaseResult check_abi(Subject& s, const std::string& id) {
    CaseResult r;
    r.id = id, r.group = "abi";
    for (const Check& each : kAll)
        if (id == each.id) return each.run(s, r), r;
    if (s.file->kind == "kernels")
        for (const Check& each : kKernels)
            if (id == each.id) return each.run(s, r), r;
    abi_fail(r, "there is no such check", Ending::refused);
    return r;
}

}  // namespace afs::conformance
