// Plugins that break the contract, one for each AFS_BAD_* define; without one: a plugin that is
// sound and supports nothing. Written against the plain C tables: the veneer would catch most.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "afs/abi/all.h"

#ifdef AFS_BAD_UNRESOLVED
extern "C" int afs_test_no_such_function();
#endif
#ifdef AFS_BAD_INIT_CRASHES
static const int at_load = raise(SIGSEGV);
#endif

namespace {

afs_status query(afs_instance*, const afs_query*, afs_verdict* out, afs_error*) {
#ifdef AFS_BAD_QUERY_THROWS
    throw std::runtime_error("query threw this");
#endif
#ifdef AFS_BAD_PREPARE_THROWS
    out->supported = 1;
    return AFS_OK;
#endif
    std::strcpy(out->reason, "supports nothing");
    return AFS_OK;
}
[[maybe_unused]] afs_status prepare(afs_instance*, const afs_query*, afs_op**, afs_error*) {
    throw std::runtime_error("prepare threw this");
}
afs_status run(afs_instance*, afs_op*, const afs_run*, afs_error*) {
    return 77;  // no status of the contract
}
void drop(afs_instance*, afs_op*) {}

#ifdef AFS_BAD_TABLE_LACKS_FUNCTION
const afs_ops ops = {sizeof(afs_ops), 0, query, nullptr, nullptr, run, drop, nullptr};
#elif defined(AFS_BAD_TABLE_SIZE)
const afs_ops ops = {3, 0, query, nullptr, prepare, run, drop, nullptr};
#else
const afs_ops ops = {sizeof(afs_ops), 0, query, nullptr, prepare, run, drop, nullptr};
#endif

#ifdef AFS_BAD_CLAIM
// Claims every node, available or not.
afs_status claim(afs_instance*, const afs_query* q, const uint8_t*, afs_claims* out, afs_error*) {
    static std::vector<uint32_t> sets;
    static const uint32_t kind = 0;
    sets.assign(q->graph->n_nodes, 0);
    out->n_sets = 1;
    out->set_of_node = sets.data();
    out->kind_of_set = &kind;
    return AFS_OK;
}
afs_status compile(afs_instance*, const afs_query*, const afs_region*, const afs_step*,
                   afs_compiled*, afs_program**, afs_error*) {
    return AFS_E_UNSUPPORTED;
}
afs_status bind(afs_instance*, afs_program*, const afs_bind*, afs_stream, afs_error*) {
    return AFS_E_UNSUPPORTED;
}
afs_status exec(afs_instance*, afs_program*, const afs_step*, afs_stream, afs_error*) {
    return AFS_E_UNSUPPORTED;
}
void drop_program(afs_instance*, afs_program*) {}
const afs_graph_api graph = {sizeof(afs_graph_api), 0, claim, compile, bind, exec, nullptr,
                             drop_program};
#endif

afs_status probe(const afs_open_args*, afs_error* error) {
#ifdef AFS_BAD_PROBE_DECLINES
    std::snprintf(error->message, sizeof error->message, "needs a machine with %d legs", 3);
    return AFS_E_UNSUPPORTED;
#endif
#ifdef AFS_BAD_PROBE_CRASHES
    raise(SIGSEGV);
#endif
#ifdef AFS_BAD_PROBE_HANGS
    for (;;) pause();
#endif
#ifdef AFS_BAD_PROBE_EXITS
    _exit(7);
#endif
    (void)error;
    return AFS_OK;
}
afs_status open_plugin(const afs_open_args*, afs_instance** out, afs_error* error) {
#ifdef AFS_BAD_OPEN_THROWS
    throw std::runtime_error("open threw this");
#endif
#ifdef AFS_BAD_OPEN_FAILS
    std::memset(error->message, 'x', sizeof error->message);  // not even terminated
    return AFS_E_NO_MEMORY;
#endif
#ifdef AFS_BAD_UNRESOLVED
    return afs_test_no_such_function();
#endif
    (void)error;
    static char nothing;
    *out = reinterpret_cast<afs_instance*>(&nothing);
    return AFS_OK;
}
void close_plugin(afs_instance*) {}

const void* table(const char* id) {
#ifdef AFS_BAD_LISTS_MISSING_TABLE
    if (std::strcmp(id, "afs.weights/1") == 0) return nullptr;
#endif
#ifdef AFS_BAD_CLAIM
    if (std::strcmp(id, "afs.graph/1") == 0) return &graph;
#endif
    return std::strcmp(id, "afs.ops/1") == 0 ? &ops : nullptr;
}

const char* const provides[] = {"afs.ops/1",
#ifdef AFS_BAD_LISTS_MISSING_TABLE
                                "afs.weights/1",
#endif
#ifdef AFS_BAD_CLAIM
                                "afs.graph/1",
#endif
                                nullptr};

constexpr uint32_t kSize =
#ifdef AFS_BAD_DESCRIPTOR_SIZE
    16;
#else
    sizeof(afs_plugin);
#endif
constexpr uint16_t kMajor =
#ifdef AFS_BAD_FUTURE_MAJOR
    9;
#else
    AFS_ABI_MAJOR;
#endif
constexpr uint16_t kMinor =
#ifdef AFS_BAD_FUTURE_MINOR
    99;
#else
    AFS_ABI_MINOR;
#endif
constexpr const char* kKind =
#ifdef AFS_BAD_KIND
    "spoons";
#elif defined(AFS_BAD_OTHER_KIND)
    "tokenizer";
#else
                "kernels";
#endif

}  // namespace

#ifdef AFS_BAD_NO_SYMBOL
#define afs_plugin_v0 afs_plugin_v1  // another generation of the contract
extern "C" AFS_EXPORT const afs_plugin afs_plugin_v0;
#endif
extern "C" const afs_plugin afs_plugin_v0 = {
    kSize,       kMajor,  kMinor,   kKind, "test-bad",  "0.1", "Apache-2.0",
    "by a test", "cpu/1", provides, probe, open_plugin, table, close_plugin};
