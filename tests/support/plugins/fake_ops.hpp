// Ops in domain "fake/1": queued on the stream, computed on its thread. Shared by the plugin that
// owns the domain and by its guest.
#pragma once
#include <memory>
#include <vector>

#include "afs/kernels.hpp"
#include "fake_domain.hpp"
#include "simple_ops.hpp"

namespace afs_test {

class FakeOp final : public afs::Op {
public:
    explicit FakeOp(const afs::Node& node) : op_(std::make_shared<SimpleOp>(node)) {}

    afs::Status run(const afs_run& run) override {
        auto* stream = static_cast<FakeStream*>(run.stream);
        if (!stream) return afs::invalid("fake/1 has no default stream");
        // The record is the caller's, valid during this call only: what it points to on the host
        // is copied now, what lies in the domain is read when the work runs.
        struct Work {
            std::shared_ptr<SimpleOp> op;
            std::vector<afs_tensor> inputs;
            afs_tensor output;
            afs_step step;
            afs_kv kv{};
            afs_kv_layout layout{};
        };
        auto work = std::make_shared<Work>();
        work->op = op_;
        work->inputs.assign(run.inputs, run.inputs + run.n_inputs);
        work->output = *run.output;
        work->step = afs::read<afs_step>(run.step);
        if (run.kv) {
            work->kv = *run.kv;
            work->layout = afs::read<afs_kv_layout>(run.kv->layout);
        }
        const bool has_kv = run.kv != nullptr;
        stream->enqueue([stream, work, has_kv] {
            Work now = *work;
            const auto here = [stream](auto*& p) {
                using P = std::remove_reference_t<decltype(p)>;
                p = static_cast<P>(stream->bytes_of(p));
            };
            for (afs_tensor& t : now.inputs) here(t.data);
            here(now.output.data);
            here(now.kv.k);
            here(now.kv.v);
            now.kv.layout = &now.layout;
            afs_step& s = now.step;
            here(s.token_ids), here(s.positions), here(s.slots), here(s.cu_seqlens);
            here(s.context_lens), here(s.block_table), here(s.logit_rows), here(s.rows);
            here(s.prev_ids), here(s.host_ids);
            afs_run record = afs::make<afs_run>();
            record.n_inputs = static_cast<uint32_t>(now.inputs.size());
            record.inputs = now.inputs.data();
            record.output = &now.output;
            record.step = &now.step;
            record.kv = has_kv ? &now.kv : nullptr;
            (void)now.op->run(record);
        });
        return {};
    }

private:
    std::shared_ptr<SimpleOp> op_;
};

inline void answer(const afs_query& query, afs_verdict& out) {
    const std::string why = SimpleOp::why_not(afs::Node(query));
    out.supported = why.empty();
    afs::put(out.reason, why);
    out.acc_dtype = out.internal_dtype = AFS_F32;
    out.flags = AFS_CAPTURE_SAFE | AFS_DETERMINISTIC | AFS_BATCH_INVARIANT;
}

}  // namespace afs_test
