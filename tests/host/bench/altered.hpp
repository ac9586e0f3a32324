// The reference's ops, with something done after each run.
#pragma once
#include <functional>

#include "afs/kernels.hpp"

namespace afs_test {

class Altered final : public afs::KernelBackend {
public:
    // Given the question that prepared the op, and its record once it has run.
    using After = std::function<void(const afs_query&, const afs_run&)>;

    Altered(std::shared_ptr<afs::KernelBackend> inner, After after)
        : inner_(std::move(inner)), after_(std::move(after)) {}
    afs::Status query(const afs_query& query, afs_verdict& out) override {
        return inner_->query(query, out);
    }
    afs::Result<std::unique_ptr<afs::Op>> prepare(const afs_query& query) override {
        AFS_ASSIGN(auto op, inner_->prepare(query));
        return std::unique_ptr<afs::Op>(new AlteredOp(std::move(op), query, after_));
    }

private:
    class AlteredOp final : public afs::Op {
    public:
        AlteredOp(std::unique_ptr<afs::Op> inner, const afs_query& query, const After& after)
            : inner_(std::move(inner)), query_(query), after_(after) {}
        afs::Status run(const afs_run& run) override {
            AFS_TRY(inner_->run(run));
            after_(query_, run);
            return {};
        }

    private:
        std::unique_ptr<afs::Op> inner_;
        const afs_query query_;
        const After& after_;
    };
    std::shared_ptr<afs::KernelBackend> inner_;
    const After after_;
};

}  // namespace afs_test
