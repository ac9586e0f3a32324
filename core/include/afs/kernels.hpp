// The abstract classes of a kernel plugin. Plugin authors derive from them
// (afs/plugin/kernels.hpp exports a class as a plugin); the host calls a loaded plugin through the
// same classes. One thread at a time enters a backend and all that came from it. C++17.
#pragma once
#include <cstring>
#include <memory>
#include <string>

#include "afs/abi/device.h"
#include "afs/abi/ops.h"
#include "afs/abi/program.h"
#include "afs/status.hpp"

namespace afs {

// Copies text into a fixed char array of a contract struct, cut to fit.
template <size_t N>
void put(char (&to)[N], const std::string& text) {
    const size_t n = text.size() < N - 1 ? text.size() : N - 1;
    std::memcpy(to, text.data(), n);
    to[n] = '\0';
}

// Reads a GROWABLE struct of whatever size its maker knows; members it lacks are 0.
template <class T>
T read(const void* from) {
    T value{};
    uint32_t size;
    std::memcpy(&size, from, sizeof size);
    std::memcpy(static_cast<void*>(&value), from, size < sizeof value ? size : sizeof value);
    value.struct_size = sizeof value;
    return value;
}

// Fills a caller's GROWABLE struct without writing past what the caller has.
template <class T>
void write(T* to, T value) {
    const uint32_t size = to->struct_size;
    std::memcpy(static_cast<void*>(to), &value, size < sizeof value ? size : sizeof value);
    to->struct_size = size;
}

// A zeroed GROWABLE struct with its size set.
template <class T>
T make() {
    T value{};
    value.struct_size = sizeof value;
    return value;
}

// One node of a query, with its inputs, output and parameters at hand.
class Node {
public:
    explicit Node(const afs_query& query)
        : graph_(query.graph), node_(read<afs_node>(query.graph->nodes[query.node])) {}
    const char* op() const { return node_.op; }
    bool is(const char* op) const { return std::strcmp(node_.op, op) == 0; }
    const char* tag() const { return graph_->values[node_.output]->tag; }
    uint32_t n_inputs() const { return node_.n_inputs; }
    uint32_t input_id(uint32_t i) const { return node_.inputs[i]; }
    uint32_t output_id() const { return node_.output; }
    int32_t layer() const { return node_.layer; }
    afs_value in(uint32_t i) const { return read<afs_value>(graph_->values[node_.inputs[i]]); }
    afs_value out() const { return read<afs_value>(graph_->values[node_.output]); }
    bool has_params() const { return node_.params != nullptr; }
    template <class P>
    P params() const {
        return node_.params ? read<P>(node_.params) : make<P>();
    }

private:
    const afs_graph* graph_;
    afs_node node_;
};

// One placed node. run only enqueues on run.stream; it never allocates or synchronises.
class Op {
public:
    virtual ~Op() = default;
    virtual Status run(const afs_run& run) = 0;
};

// afs.weights/1
class WeightPacker {
public:
    virtual ~WeightPacker() = default;
    virtual Status plan(const afs_query& query, uint32_t value, const uint32_t* nodes,
                        uint32_t n_nodes, afs_packing& out) = 0;
    virtual Status pack(const afs_query& query, uint32_t value, const afs_packing& packing,
                        const afs_tensor& raw, void* packed, afs_stream stream) = 0;
};

// One compiled region for one bucket.
class GraphProgram {
public:
    virtual ~GraphProgram() = default;
    virtual Status bind(const afs_bind& bind, afs_stream stream) = 0;
    virtual Status exec(const afs_step& step, afs_stream stream) = 0;
    virtual Status tap(uint32_t value, const afs_tensor* into) {
        (void)value, (void)into;
        return unsupported("this program forms no value but its outputs");
    }
};

// afs.graph/1
class GraphBackend {
public:
    virtual ~GraphBackend() = default;
    // The arrays behind out are this object's, until its next call.
    virtual Status claim(const afs_query& query, const uint8_t* available, afs_claims& out) = 0;
    virtual Result<std::unique_ptr<GraphProgram>> compile(const afs_query& query,
                                                          const afs_region& region,
                                                          const afs_step& bucket,
                                                          afs_compiled& out) = 0;
};

// afs.device/1; the contract header says what each call does. Handles are the domain's.
class Device {
public:
    virtual ~Device() = default;
    virtual Status info(afs_device_info& out) = 0;
    virtual Result<void*> alloc(int32_t place, uint64_t bytes) = 0;
    virtual void release(int32_t place, void* address) = 0;
    virtual Status copy(afs_stream stream, int32_t how, void* to, const void* from,
                        uint64_t bytes) = 0;
    virtual Status fill(afs_stream stream, void* to, uint8_t byte, uint64_t bytes) = 0;
    virtual Result<afs_stream> stream_create() = 0;
    virtual void stream_destroy(afs_stream stream) = 0;
    virtual Status stream_sync(afs_stream stream) = 0;
    virtual Result<afs_event*> event_create() = 0;
    virtual void event_destroy(afs_event* event) = 0;
    virtual Status event_record(afs_event* event, afs_stream stream) = 0;
    virtual Status event_sync(afs_event* event) = 0;
    virtual Status stream_wait(afs_stream stream, afs_event* event) = 0;
    virtual Status capture_begin(afs_stream stream) {
        (void)stream;
        return unsupported("this domain captures nothing");
    }
    // abandon: end the capture without a result; returns NULL then.
    virtual Result<afs_capture*> capture_end(afs_stream stream, bool abandon) {
        (void)stream, (void)abandon;
        return unsupported("this domain captures nothing");
    }
    virtual Status replay(afs_capture* capture, afs_stream stream) {
        (void)capture, (void)stream;
        return unsupported("this domain captures nothing");
    }
    virtual void capture_destroy(afs_capture* capture) { (void)capture; }
    virtual Result<double> read_ceiling() {
        return unsupported("this domain measures no read ceiling");
    }
    virtual Result<afs_event*> timer_create() { return unsupported("this domain has no timers"); }
    virtual Result<double> elapsed(afs_event* from, afs_event* to) {
        (void)from, (void)to;
        return unsupported("this domain has no timers");
    }
};

// afs.ops/1, and the way to a plugin's other tables. What weights(), graph() and device() return
// is this object's own; NULL where the plugin does not provide the table.
class KernelBackend {
public:
    virtual ~KernelBackend() = default;
    // Pure. Sets out.supported, and out.reason where the answer is no.
    virtual Status query(const afs_query& query, afs_verdict& out) = 0;
    virtual Result<std::unique_ptr<Op>> prepare(const afs_query& query) = 0;
    // The i-th wish, best first; false ends the list.
    virtual bool kv_layout(const afs_graph& graph, uint32_t group, uint32_t i, afs_kv_layout& out) {
        (void)graph, (void)group, (void)i, (void)out;
        return false;
    }
    // One line for people: what it runs on and why. Empty: nothing to say.
    virtual std::string about() const { return {}; }
    virtual WeightPacker* weights() { return nullptr; }
    virtual GraphBackend* graph() { return nullptr; }
    virtual Device* device() { return nullptr; }
};

}  // namespace afs
