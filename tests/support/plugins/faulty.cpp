// A sound plugin with one fault. AFS_TEST_WRAPS names the file of the sound one, of any kind, whose
// descriptor and tables are handed on; AFS_TEST_FAULT says what goes wrong where: "ops.run=throw".
//   where  init, probe, open, close, table; <table>.<function>: ops.query, model.build, env.run
//   what   throw, crash, abort, exit, hang, refuse (a status no contract knows);
//          for table: short, long, null (its struct_size, or none);
//          for graph.nodes and graph.values: lie (a struct_size of 3 bytes)
#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

#include "afs/abi/all.h"

namespace {

// What AFS_TEST_FAULT wants at this place; empty: nothing.
std::string_view fault_at(std::string_view where) {
    const char* text = std::getenv("AFS_TEST_FAULT");
    const std::string_view fault = text ? text : "";
    const size_t equals = fault.find('=');
    return equals != std::string_view::npos && fault.substr(0, equals) == where
               ? fault.substr(equals + 1)
               : "";
}

void misbehave(std::string_view where) {
    const std::string_view what = fault_at(where);
    if (what == "throw") throw std::runtime_error("thrown by a test");
    if (what == "crash") {
        volatile int* volatile nowhere = nullptr;
        *nowhere = 1;
    }
    if (what == "abort") std::abort();
    if (what == "exit") _exit(7);
    while (what == "hang") pause();
}

template <size_t N>
struct Name {
    char text[N];
    constexpr Name(const char (&from)[N]) { std::copy_n(from, N, text); }
};

template <class Table>
Table real{};
template <class Table>
Table wrapped{};

// A function of a table that misbehaves where it is told to, and is the sound one otherwise.
template <auto member, Name name>
struct Slot;
template <class Table, class R, class... A, R (*Table::*member)(A...), Name name>
struct Slot<member, name> {
    static R call(A... a) {
        misbehave(name.text);
        if constexpr (std::is_same_v<R, afs_status>)
            if (fault_at(name.text) == "refuse") return 77;
        return (real<Table>.*member)(a...);
    }
    static void wrap() {
        if (real<Table>.*member) wrapped<Table>.*member = call;
    }
};
#define SLOT(Table, function, prefix) Slot<&Table::function, prefix "." #function>::wrap()

// A family whose graph lies about the size of its structs.
afs_status lying_build(afs_instance* i, const afs_model_source* source, const afs_graph** out,
                       afs_model_info* info, afs_error* e) {
    const afs_status status = real<afs_model>.build(i, source, out, info, e);
    if (status != AFS_OK) return status;
    if (fault_at("graph.nodes") == "lie") const_cast<afs_node*>((*out)->nodes[0])->struct_size = 3;
    if (fault_at("graph.values") == "lie")
        const_cast<afs_value*>((*out)->values[0])->struct_size = 3;
    return status;
}

void wrap(afs_ops*) {
    SLOT(afs_ops, query, "ops");
    SLOT(afs_ops, kv_layouts, "ops");
    SLOT(afs_ops, prepare, "ops");
    SLOT(afs_ops, run, "ops");
    SLOT(afs_ops, drop, "ops");
    SLOT(afs_ops, describe, "ops");
}
void wrap(afs_weights*) {
    SLOT(afs_weights, plan, "weights");
    SLOT(afs_weights, pack, "weights");
}
void wrap(afs_graph_api*) {
    SLOT(afs_graph_api, claim, "graph");
    SLOT(afs_graph_api, compile, "graph");
    SLOT(afs_graph_api, bind, "graph");
    SLOT(afs_graph_api, exec, "graph");
    SLOT(afs_graph_api, tap, "graph");
    SLOT(afs_graph_api, drop, "graph");
}
void wrap(afs_device*) {
    SLOT(afs_device, info, "device");
    SLOT(afs_device, alloc, "device");
    SLOT(afs_device, release, "device");
    SLOT(afs_device, copy, "device");
    SLOT(afs_device, fill, "device");
    SLOT(afs_device, stream_create, "device");
    SLOT(afs_device, stream_destroy, "device");
    SLOT(afs_device, stream_sync, "device");
    SLOT(afs_device, event_create, "device");
    SLOT(afs_device, event_destroy, "device");
    SLOT(afs_device, event_record, "device");
    SLOT(afs_device, event_sync, "device");
    SLOT(afs_device, stream_wait, "device");
    SLOT(afs_device, capture_begin, "device");
    SLOT(afs_device, capture_end, "device");
    SLOT(afs_device, replay, "device");
    SLOT(afs_device, capture_destroy, "device");
    SLOT(afs_device, read_ceiling, "device");
    SLOT(afs_device, timer_create, "device");
    SLOT(afs_device, elapsed, "device");
}
void wrap(afs_model*) {
    SLOT(afs_model, score, "model");
    SLOT(afs_model, build, "model");
    if (fault_at("graph.nodes") == "lie" || fault_at("graph.values") == "lie")
        wrapped<afs_model>.build = lying_build;
}
void wrap(afs_chat*) {
    SLOT(afs_chat, at, "chat");
    SLOT(afs_chat, write, "chat");
}
void wrap(afs_tokenizer*) {
    SLOT(afs_tokenizer, score, "tokenizer");
    SLOT(afs_tokenizer, load, "tokenizer");
    SLOT(afs_tokenizer, encode, "tokenizer");
    SLOT(afs_tokenizer, decode, "tokenizer");
    SLOT(afs_tokenizer, token, "tokenizer");
}
void wrap(afs_env*) {
    SLOT(afs_env, check, "env");
    SLOT(afs_env, run, "env");
}

afs_plugin sound{};

template <class Table>
const void* table_of(const char* id) {
    const void* found = sound.table(id);
    if (!found) return nullptr;
    std::memcpy(&real<Table>, found, sizeof(Table));
    wrapped<Table> = real<Table>;
    wrap(&wrapped<Table>);
    if (fault_at("table") == "short") wrapped<Table>.struct_size = 3;
    if (fault_at("table") == "long") wrapped<Table>.struct_size = 1u << 20;
    return &wrapped<Table>;
}

const void* table(const char* id) {
    misbehave("table");
    if (fault_at("table") == "null") return nullptr;
    static const std::map<std::string_view, const void* (*)(const char*)> makers = {
        {"afs.ops/1", table_of<afs_ops>},
        {"afs.weights/1", table_of<afs_weights>},
        {"afs.graph/1", table_of<afs_graph_api>},
        {"afs.device/1", table_of<afs_device>},
        {"afs.model/1", table_of<afs_model>},
        {"afs.chat/1", table_of<afs_chat>},
        {"afs.tokenizer/1", table_of<afs_tokenizer>},
        {"afs.env/1", table_of<afs_env>}};
    const auto maker = makers.find(id);
    return maker == makers.end() ? nullptr : maker->second(id);
}
afs_status probe(const afs_open_args* args, afs_error* error) {
    misbehave("probe");
    if (fault_at("probe") == "refuse") return 77;
    return sound.probe ? sound.probe(args, error) : AFS_OK;
}
afs_status open_plugin(const afs_open_args* args, afs_instance** out, afs_error* error) {
    misbehave("open");
    return fault_at("open") == "refuse" ? 77 : sound.open(args, out, error);
}
void close_plugin(afs_instance* instance) {
    misbehave("close");
    sound.close(instance);
}

// The sound one's descriptor with this file's functions; without one, of no known size.
afs_plugin descriptor() {
    misbehave("init");
    const char* path = std::getenv("AFS_TEST_WRAPS");
    void* library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : nullptr;
    const void* symbol = library ? dlsym(library, "afs_plugin_v0") : nullptr;
    if (!symbol) return {};
    std::memcpy(&sound, symbol, sizeof sound);
    afs_plugin made = sound;
    made.name = "faulty";
    made.probe = probe;
    made.open = open_plugin;
    made.table = table;
    made.close = close_plugin;
    return made;
}

}  // namespace

extern "C" const afs_plugin afs_plugin_v0 = descriptor();
