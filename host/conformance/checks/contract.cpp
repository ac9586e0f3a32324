// What the contract asks of query, and that runs and lives leave nothing behind.
#include <malloc.h>

#include <cstring>
#include <fstream>

#include "conformance/checks/kernel_checks.hpp"

namespace afs::conformance {

uint64_t resident_bytes() {
    std::ifstream file("/proc/self/statm");
    uint64_t total = 0, resident = 0;
    file >> total >> resident;
    return resident * 4096;
}

namespace {

// Bytes that malloc has handed out and not got back.
uint64_t allocated_bytes() {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

void fail(CaseResult& r, const std::string& text) {
    r.ending = Ending::failed;
    r.rules = "X";
    r.text = text;
}

}  // namespace

void check_pure(Subject& s, const OpCase& c, CaseResult& r) {
    OneNode node(c);
    const afs_graph graph = *node.query().graph;
    const afs_node before = *graph.nodes[0];
    const afs_limits limits = *node.query().limits;
    afs_verdict first = make<afs_verdict>(), again = make<afs_verdict>();
    Status status = s.backend->query(node.query(), first);
    if (status.ok()) status = s.backend->query(node.query(), again);
    if (!status.ok()) {
        r.ending = threw(status) ? Ending::threw : Ending::refused;
        r.text = "query: " + status.message();
        return;
    }
    first.reason[sizeof first.reason - 1] = again.reason[sizeof again.reason - 1] = '\0';
    if (first.supported != again.supported || first.acc_dtype != again.acc_dtype ||
        first.internal_dtype != again.internal_dtype || first.flags != again.flags ||
        first.workspace_bytes != again.workspace_bytes || first.state_bytes != again.state_bytes ||
        std::strcmp(first.reason, again.reason) != 0)
        return fail(r, "query answers the same question differently the second time");
    if (std::memcmp(&graph, node.query().graph, sizeof graph) != 0 ||
        std::memcmp(&before, graph.nodes[0], sizeof before) != 0 ||
        std::memcmp(&limits, node.query().limits, sizeof limits) != 0)
        return fail(r, "query writes to the question");
    if (!first.supported) {
        r.ending = Ending::declined;
        r.text = first.reason;
        if (r.text.empty()) r.ending = Ending::refused, r.text = "says no and gives no reason";
        return;
    }
    const auto real = [](int32_t dtype) { return dtype >= AFS_F32 && dtype <= AFS_F64; };
    const bool computes =
        c.op != "sample/1" && c.op != "kv_append/1" && c.op != "embed/1" && c.op != "select_rows/1";
    const bool whole = first.internal_dtype == AFS_I16 && c.op == "linear/1";
    if (computes && (!real(first.acc_dtype) || !(real(first.internal_dtype) || whole)))
        return fail(r, "says yes without saying how it computes (acc_dtype, internal_dtype)");
    constexpr uint64_t kMost = uint64_t{1} << 36;
    if (first.workspace_bytes > kMost || first.state_bytes > kMost)
        return fail(r, "asks for " + std::to_string(first.workspace_bytes) +
                           " bytes of workspace and " + std::to_string(first.state_bytes) +
                           " of state");
}

void check_leak(Subject& s, const OpCase& c, CaseResult& r) {
    constexpr int kWarm = 30, kRuns = 200;
    constexpr uint64_t kSlackAllocated = 16 << 10, kSlackResident = 24 << 20;
    const auto lives = [&](int n, bool& ended) {
        for (int i = 0; i < n && !ended; ++i) {
            PreparedCase prepared(*s.backend, c, s.device, s.stream);
            Outcome o = prepared.run();
            for (int k = 0; k < 4 && o.status.ok(); ++k) o.status = prepared.enqueue();
            if (s.device) o.status = s.device->stream_sync(s.stream);
            ended = ended_early(o, r);
        }
    };
    bool ended = false;
    lives(kWarm, ended);
    const uint64_t allocated = allocated_bytes(), resident = resident_bytes();
    lives(kRuns, ended);
    if (ended) return;
    const uint64_t now = allocated_bytes(), held = resident_bytes();
    const uint64_t more = now > allocated ? now - allocated : 0;
    if (more > kSlackAllocated || held > resident + kSlackResident) {
        r.ending = Ending::leaked;
        r.text = std::to_string(kRuns) + " lives of one op leave " +
                 std::to_string(std::max(more, held > resident ? held - resident : 0)) +
                 " bytes behind";
    }
}

}  // namespace afs::conformance
