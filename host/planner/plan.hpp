// The plan: who runs which node. Made once by the planner (planner/planner.hpp), frozen, printable,
// with an id; executed by the engine. Node, value and weight numbers index the resolved graph.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "afs/kernels.hpp"

namespace afs {

class ResolvedGraph;  // afs/graph/resolved_graph.hpp

// One opened kernels plugin under the name that the config gives it.
struct Backend {
    std::string name;    // the config's name for this instance: pins and reports use it
    std::string plugin;  // the plugin's own name, version, file and content hash
    std::string version;
    std::string path;
    std::string sha256;   // empty: not computed (loading with -v computes it)
    std::string domain;   // domain ABI: "cpu/1", "cuda/1"
    uint32_t device = 0;  // ordinal inside the domain
    std::shared_ptr<KernelBackend> api;
    std::string chosen = {};  // by "auto": that, and what was not and why; else empty
    std::map<std::string, std::string> options = {};  // what it was opened with
};

// One memory of the plan. owner: index into Plan::backends, kHostOwned for "cpu/1".
constexpr uint32_t kHostOwned = 0xffffffffu;
struct Memory {
    std::string domain;    // ABI: "cpu/1", "cuda/1"
    uint32_t ordinal = 0;  // which instance of it
    uint32_t owner = kHostOwned;
    std::shared_ptr<Device> device;  // NULL for kHostOwned: the engine brings its CpuDevice
};

enum class UnitKind {
    op,       // one node through afs.ops/1
    program,  // one claimed set through afs.graph/1
    copy      // one value from one memory to another
};

// One launch. A class's units run in order.
struct Unit {
    UnitKind kind = UnitKind::op;
    uint32_t backend = 0;            // op, program
    std::vector<uint32_t> nodes;     // op: one; program: the set, topological
    std::vector<uint32_t> inputs;    // program: values read from outside; copy: the value
    std::vector<uint32_t> outputs;   // program: values somebody outside reads
    uint32_t set = 0, set_kind = 0;  // program
    uint32_t from = 0, to = 0;       // copy: indices into Plan::memories
    bool per_row = false;            // every output has n_rows rows: skipped when there are none
    afs_verdict verdict{};           // op: the answer that placed it
};

struct Refusal {
    uint32_t backend;
    std::string reason;
};

// One node of one class: where it went, why, and why not elsewhere.
struct Placement {
    uint32_t backend = kHostOwned;  // kHostOwned: nobody (sample/1 only: the host samples)
    bool claimed = false;           // inside a program
    bool fallback = false;          // placed by the config's fallback list
    std::string why;  // "pinned by L*.attn.ctx", "claimed as a set", "first to support it"
    std::vector<Refusal> refusals;
};

// The placement for one step class (AFS_CLASS_GENERAL, AFS_CLASS_DECODE).
struct ClassPlan {
    afs_limits limits{};
    std::vector<Unit> units;
    std::vector<Placement> placements;  // [n_nodes]
    uint32_t n_copies = 0;
    bool host_samples = false;  // no backend took sample/1
};

// How one backend stores one weight; one packing serves all classes and both grips.
struct WeightUse {
    uint32_t value = 0, backend = 0, memory = 0;
    std::vector<uint32_t> nodes;  // of this backend, in any class
    afs_packing packing{};        // bytes 0: as it is in the file
    bool needs_raw = true;
};

struct Plan {
    std::shared_ptr<const ResolvedGraph> graph;
    const afs_graph* abi = nullptr;  // the same graph as the contract has it; lives as long
    std::vector<Backend> backends;   // named, then only pinned, then fallback
    std::vector<Memory> memories;
    std::vector<uint32_t> memory_of_backend;  // [backends]
    std::vector<afs_kv_layout> kv_layouts;    // [kv groups]; one layout a group, all classes
    std::vector<std::string> kv_notes;        // who wished it, and why better wishes lost
    std::vector<const afs_kv_layout*> kv_layout_pointers;
    std::vector<WeightUse> weights;
    // [general, decode]; general alone when `deterministic` may not use decode's other kernels:
    // every step then runs as general.
    std::vector<ClassPlan> classes;
    std::vector<std::string> warnings;
    bool deterministic = false;
    std::string id;  // 16 hex digits over graph, limits, placement, plugins, layouts, packings

    // The class that runs a step in which every sequence has one token (decode) or not.
    const ClassPlan& class_for(bool decode) const {
        return classes[decode && classes.size() > AFS_CLASS_DECODE ? AFS_CLASS_DECODE
                                                                   : AFS_CLASS_GENERAL];
    }
    // Whether a backend runs a node.
    bool uses(uint32_t backend) const {
        for (const ClassPlan& c : classes)
            for (const Placement& p : c.placements)
                if (p.backend == backend) return true;
        return false;
    }
    // Those that do: "mine,cuda".
    std::string kernels() const {
        std::string text;
        for (uint32_t b = 0; b < backends.size(); ++b)
            if (uses(b)) text += (text.empty() ? "" : ",") + backends[b].name;
        return text;
    }
    // What query, prepare, compile and weights are asked with; valid as long as the plan.
    afs_query query(uint32_t step_class, uint32_t node) const {
        afs_query q = make<afs_query>();
        q.node = node;
        q.graph = abi;
        q.limits = &classes[step_class].limits;
        q.kv_layouts = kv_layout_pointers.data();
        return q;
    }
};

}  // namespace afs
