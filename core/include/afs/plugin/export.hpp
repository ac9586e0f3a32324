// What every exported plugin shares: exceptions and Status become afs_error, options become a map,
// and the descriptor is filled. C++17.
#pragma once
#include <cstring>
#include <exception>
#include <map>
#include <new>
#include <string>

#include "afs/abi/base.h"
#include "afs/kernels.hpp"  // read, write, put
#include "afs/status.hpp"

#ifndef AFS_BUILD_INFO
#ifdef __clang__
#define AFS_BUILD_INFO "clang " __VERSION__
#else
#define AFS_BUILD_INFO "g++ " __VERSION__
#endif
#endif

namespace afs {

// What a plugin is opened with: its options, its device, and the host's log.
class OpenArgs {
public:
    explicit OpenArgs(const afs_open_args& args)
        : device(args.device), rank(args.rank), world(args.world), host_(args.host) {
        for (uint32_t i = 0; i < args.n_options; ++i) options[args.keys[i]] = args.values[i];
    }
    void log(int32_t level, const char* where, const std::string& text) const {
        if (host_ && host_->log) host_->log(host_->ctx, level, where, text.c_str());
    }
    // The option's text, or what is used without it.
    std::string option(const std::string& key, const std::string& otherwise) const {
        const auto it = options.find(key);
        return it == options.end() ? otherwise : it->second;
    }

    std::map<std::string, std::string> options;
    uint32_t device = 0, rank = 0, world = 1;

private:
    const afs_host* host_;
};

namespace plugin {

inline afs_status fail(afs_error* error, afs_status code, const char* where, const char* text,
                       int64_t native_code = 0) {
    if (error) {
        afs_error filled = make<afs_error>();
        filled.code = code;
        filled.native_code = native_code;
        put(filled.where, where);
        put(filled.message, text);
        write(error, filled);
    }
    return code;
}

inline afs_status report(afs_error* error, const char* where, const Status& status) {
    if (status.ok()) return AFS_OK;
    return fail(error, static_cast<afs_status>(status.code()),
                status.where().empty() ? where : status.where().c_str(), status.message().c_str(),
                status.native_code());
}

// Runs f() -> Status; whatever it throws becomes an error of this plugin.
template <class F>
afs_status guard(afs_error* error, const char* where, F&& f) noexcept {
    try {
        return report(error, where, f());
    } catch (const std::bad_alloc&) {
        return fail(error, AFS_E_NO_MEMORY, where, "out of host memory");
    } catch (const std::exception& thrown) {
        return fail(error, AFS_E_INTERNAL, where, thrown.what());
    } catch (...) {
        return fail(error, AFS_E_INTERNAL, where, "unknown exception");
    }
}

// For functions without an error to fill: what is thrown is swallowed.
template <class F>
void quietly(F&& f) noexcept {
    try {
        f();
    } catch (...) {
    }
}

// Opens an instance of class Base through Derived::create(const OpenArgs&).
template <class Base, class Derived>
afs_status open_as(const afs_open_args* args, afs_instance** out, afs_error* error) noexcept {
    return guard(error, "open", [&]() -> Status {
        AFS_ASSIGN(std::unique_ptr<Base> made,
                   Derived::create(OpenArgs(read<afs_open_args>(args))));
        *out = reinterpret_cast<afs_instance*>(made.release());
        return {};
    });
}

template <class Base>
void close_as(afs_instance* instance) noexcept {
    quietly([&] { delete reinterpret_cast<Base*>(instance); });
}

inline bool listed(const char* const* ids, const char* id) {
    for (; *ids; ++ids)
        if (std::strcmp(*ids, id) == 0) return true;
    return false;
}

}  // namespace plugin
}  // namespace afs

// Defines the exported descriptor. probe may be nullptr; the table ids follow the table function.
#define AFS_DESCRIPTOR(kind, name, version, licence, domain, probe, open, table, close)            \
    extern "C" const afs_plugin afs_plugin_v0 = {                                                  \
        sizeof(afs_plugin), AFS_ABI_MAJOR, AFS_ABI_MINOR, kind,  name, version, licence,           \
        AFS_BUILD_INFO,     domain,        afs_provides,  probe, open, table,   close}
