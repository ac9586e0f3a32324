// Rule P: what a verdict's flags promise, bit for bit.
#include <atomic>
#include <cstring>
#include <thread>

#include "conformance/checks/kernel_checks.hpp"
#include "conformance/judge/judgement.hpp"

namespace afs::conformance {
namespace {

// A thread that keeps another core and the memory busy meanwhile.
class Load {
public:
    Load() : thread_([this] { spin(); }) {}
    ~Load() {
        stop_ = true;
        thread_.join();
    }
    Load(const Load&) = delete;

private:
    void spin() {
        std::vector<uint64_t> memory(1 << 18);
        for (uint64_t i = 0; !stop_; ++i) memory[(i * 977) % memory.size()] += i;
    }
    std::atomic<bool> stop_ = false;
    std::thread thread_;
};

// Where two outcomes of one case first differ; empty: nowhere.
std::string difference(const Outcome& a, const Outcome& b) {
    const auto differs = [](const Array& x, const Array& y) -> std::string {
        for (size_t i = 0; i < x.size(); ++i)
            if (x.bits(i) != y.bits(i)) {
                char text[120];
                std::snprintf(text, sizeof text, "element %zu is %.9g once and %.9g another time",
                              i, x[i], y[i]);
                return text;
            }
        return {};
    };
    std::string text;
    if (a.output.dtype != AFS_DTYPE_NONE) text = differs(a.output, b.output);
    if (text.empty() && a.kv) text = differs(a.kv->k, b.kv->k);
    if (text.empty() && a.kv) text = differs(a.kv->v, b.kv->v);
    return text;
}

void broken(CaseResult& r, const std::string& promise, const std::string& what) {
    r.ending = Ending::failed;
    r.rules = "P";
    r.text = "promises to be " + promise + ", but " + what;
    r.looks_like = "breaks its promise: " + promise;
}

Array row_of(const Array& all, size_t i) {
    const auto width = static_cast<size_t>(all.dims[1]);
    return Array::filled(all.dtype, {1, all.dims[1]}, [&](size_t j) { return all[i * width + j]; });
}

bool is_row_op(const OpCase& c) {
    return c.op == "linear/1" || c.op == "rms_norm/1" || c.op == "rope/1" || c.op == "swiglu/1" ||
           c.op == "add/1";
}

// The case of row i alone: of attention, of the last token of sequence i.
OpCase alone(const OpCase& c, size_t i) {
    OpCase one = c;
    const auto width = c.output.dims[1];
    if (is_row_op(c)) {
        for (size_t input = 0; input < c.inputs.size(); ++input)
            if (c.kinds[input] == AFS_VALUE_ACT) one.inputs[input] = row_of(c.inputs[input], i);
        one.step = StepData::plain(1);
        one.step.positions[0] = c.step.positions[i];
    } else {
        const auto token = static_cast<size_t>(c.step.cu_seqlens[i + 1] - 1);
        one.inputs[0] = row_of(c.inputs[0], token);
        StepData step;
        step.token_ids = {0};
        step.positions = {c.step.positions[token]};
        step.slots = {c.step.slots[token]};
        step.cu_seqlens = {0, 1};
        step.context_lens = {c.step.context_lens[i]};
        step.max_blocks = c.step.max_blocks;
        step.max_context = static_cast<uint32_t>(c.step.context_lens[i]);
        const auto first =
            c.step.block_table.begin() + static_cast<std::ptrdiff_t>(i * c.step.max_blocks);
        step.block_table.assign(first, first + c.step.max_blocks);
        one.step = step;
    }
    one.output = Array(c.output.dtype, {1, width});
    return one;
}

}  // namespace

void check_repeat(Subject& s, const OpCase& c, CaseResult& r) {
    constexpr int kRepeats = 5;
    PreparedCase prepared(*s.backend, c, s.device, s.stream);
    const Outcome first = prepared.run();
    if (ended_early(first, r)) return;
    if (!(first.verdict.flags & AFS_DETERMINISTIC)) {
        r.text = "promises nothing";
        return;
    }
    const Load load;
    for (int i = 0; i < kRepeats; ++i) {
        prepared.restore();
        const Outcome again = prepared.run();
        if (ended_early(again, r)) return;
        const std::string what = difference(first, again);
        if (!what.empty()) return broken(r, "deterministic", what);
    }
}

void check_alone(Subject& s, const OpCase& c, CaseResult& r) {
    constexpr size_t kMost = 6;
    const Outcome company = run(*s.backend, c, s.device, s.stream);
    if (ended_early(company, r)) return;
    if (!(company.verdict.flags & AFS_BATCH_INVARIANT)) {
        r.text = "promises nothing";
        return;
    }
    const size_t n = is_row_op(c) ? static_cast<size_t>(c.output.dims[0]) : c.step.n_seqs();
    for (size_t k = 0; k < std::min(n, kMost); ++k) {
        const size_t i = k * (n - 1) / std::max<size_t>(1, std::min(n, kMost) - 1);
        if (!is_row_op(c) && c.step.cu_seqlens[i + 1] == c.step.cu_seqlens[i]) continue;
        const OpCase single = alone(c, i);
        const Outcome by_itself = run(*s.backend, single, s.device, s.stream);
        if (ended_early(by_itself, r)) return;
        const size_t row = is_row_op(c) ? i : static_cast<size_t>(c.step.cu_seqlens[i + 1] - 1);
        for (size_t j = 0; j < by_itself.output.size(); ++j) {
            const size_t at = row * by_itself.output.size() + j;
            if (by_itself.output.bits(j) == company.output.bits(at)) continue;
            char text[160];
            std::snprintf(text, sizeof text,
                          "row %zu, column %zu is %.9g alone and %.9g among %zu rows", row, j,
                          by_itself.output[j], company.output[at], n);
            return broken(r, "batch-invariant", text);
        }
    }
}

void check_replay(Subject& s, const OpCase& c, CaseResult& r) {
    PreparedCase prepared(*s.backend, c, s.device, s.stream);
    const Outcome eager = prepared.run();
    if (ended_early(eager, r)) return;
    if (!s.captures || !(eager.verdict.flags & AFS_CAPTURE_SAFE)) {
        r.text = s.captures ? "promises nothing" : "its memory captures nothing";
        return;
    }
    prepared.restore();
    const Status begun = s.device->capture_begin(s.stream);
    if (!begun.ok()) return broken(r, "capture-safe", "the capture fails: " + begun.message());
    const Status ran = prepared.enqueue();
    auto capture = s.device->capture_end(s.stream, !ran.ok());
    if (!ran.ok()) return broken(r, "capture-safe", "it fails in a capture: " + ran.message());
    if (!capture)
        return broken(r, "capture-safe", "the capture fails: " + capture.status().message());
    for (int i = 0; i < 2; ++i) {
        prepared.restore();
        const Status replayed = s.device->replay(*capture, s.stream);
        const Outcome again = prepared.take();
        const std::string what =
            replayed.ok() ? difference(eager, again) : "the replay fails: " + replayed.message();
        if (!what.empty()) {
            broken(r, "capture-safe", "a replay is not what the eager run was: " + what);
            break;
        }
    }
    s.device->capture_destroy(*capture);
}

}  // namespace afs::conformance
