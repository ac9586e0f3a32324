#include "loader/table_checks.hpp"

#include <cstring>
#include <string>
#include <vector>

#include "afs/abi/all.h"
#include "afs/kernels.hpp"  // read
#include "loader/plugin_file.hpp"

namespace afs {
namespace {

using Missing = const char*;  // the first function a table lacks; NULL: none

Missing missing_of(const afs_ops& t) {
    return !t.query     ? "query"
           : !t.prepare ? "prepare"
           : !t.run     ? "run"
           : !t.drop    ? "drop"
                        : nullptr;
}
Missing missing_of(const afs_weights& t) {
    return !t.plan ? "plan" : !t.pack ? "pack" : nullptr;
}
Missing missing_of(const afs_graph_api& t) {
    return !t.claim     ? "claim"
           : !t.compile ? "compile"
           : !t.bind    ? "bind"
           : !t.exec    ? "exec"
           : !t.drop    ? "drop"
                        : nullptr;
}
Missing missing_of(const afs_device& t) {
    return !t.info             ? "info"
           : !t.alloc          ? "alloc"
           : !t.release        ? "release"
           : !t.copy           ? "copy"
           : !t.fill           ? "fill"
           : !t.stream_create  ? "stream_create"
           : !t.stream_destroy ? "stream_destroy"
           : !t.stream_sync    ? "stream_sync"
           : !t.event_create   ? "event_create"
           : !t.event_destroy  ? "event_destroy"
           : !t.event_record   ? "event_record"
           : !t.event_sync     ? "event_sync"
           : !t.stream_wait    ? "stream_wait"
                               : nullptr;
}
Missing missing_of(const afs_model& t) {
    return !t.score ? "score" : !t.build ? "build" : nullptr;
}
Missing missing_of(const afs_chat& t) {
    return !t.at ? "at" : !t.write ? "write" : nullptr;
}
Missing missing_of(const afs_tokenizer& t) {
    return !t.score    ? "score"
           : !t.load   ? "load"
           : !t.encode ? "encode"
           : !t.decode ? "decode"
           : !t.token  ? "token"
                       : nullptr;
}
Missing missing_of(const afs_env& t) {
    return !t.check ? "check" : !t.run ? "run" : nullptr;
}

template <class Table>
Status check_table(const std::string& id, const void* table) {
    uint32_t size;
    std::memcpy(&size, table, sizeof size);
    if (size < 2 * sizeof(uint32_t) + sizeof(void*) || size > 4096 || size % sizeof(void*) != 0)
        return invalid("its table " + id + " says it has " + std::to_string(size) +
                       " bytes, this host's has " + std::to_string(sizeof(Table)) +
                       "; set struct_size to the size of the struct");
    if (const char* name = missing_of(read<Table>(table)))
        return invalid("its table " + id + " lacks the function " + name);
    return {};
}

Status check_one(const PluginFile& file, const std::string& id) {
    const void* table = file.table(id.c_str());
    if (!table)
        return invalid("it lists the table " + id +
                       " but hands out none; take it out of `provides` or implement it");
    if (id == "afs.ops/1") return check_table<afs_ops>(id, table);
    if (id == "afs.weights/1") return check_table<afs_weights>(id, table);
    if (id == "afs.graph/1") return check_table<afs_graph_api>(id, table);
    if (id == "afs.device/1") return check_table<afs_device>(id, table);
    if (id == "afs.model/1") return check_table<afs_model>(id, table);
    if (id == "afs.chat/1") return check_table<afs_chat>(id, table);
    if (id == "afs.tokenizer/1") return check_table<afs_tokenizer>(id, table);
    if (id == "afs.env/1") return check_table<afs_env>(id, table);
    return {};  // a table of a later host: not ours to judge
}

}  // namespace

Status check_tables(const PluginFile& file) {
    for (const std::string& id : file.provides) AFS_TRY(check_one(file, id));
    if (file.kind == "kernels") {
        if (!file.lists("afs.ops/1") && !file.lists("afs.graph/1") && !file.lists("afs.device/1"))
            return invalid(
                "it provides none of afs.ops/1, afs.graph/1 and afs.device/1, so it can run "
                "nothing");
        return {};
    }
    const std::string needed = "afs." + file.kind + "/1";
    if (!file.lists(needed))
        return invalid("it is a " + file.kind + " plugin but does not provide " + needed);
    return {};
}

}  // namespace afs
