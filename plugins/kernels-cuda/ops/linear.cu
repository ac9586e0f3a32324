// linear/1: out[i, o] = sum over k of x[i, k] * weight[o, k], rounded once to the activations'
// dtype. The weight is read in its own dtype. The kernels stand in ops/linear/; which one runs
// depends on dtypes and sizes alone, and under "deterministic" not on the number of tokens.
#include "ops/linear/linear.hpp"

#include "backend.hpp"
#include "device/launch.hpp"
#include "product/product.hpp"
#include "stream/stream.hpp"

namespace afs::cuda {
namespace {

constexpr int64_t kFewTokens = 8;  // where the large products of Hopper are not to be had

class Linear final : public Op {
public:
    explicit Linear(const afs_query& query)
        : deterministic_(read<afs_limits>(query.limits).deterministic != 0) {}

    static void query(OpCheck& check, afs_verdict& out) {
        plugin::require_linear(check);
        answer(check, out);
        if (!out.supported) return;
        const int32_t dtype = check.node().in(0).dtype;
        if (dtype != AFS_F32 && check.node().in(1).dtype == dtype) {
            out.flags |= AFS_TENSOR_CORE;
            if (has_wgmma()) {
                const auto& limits = check.limits();
                const bool of_rows = check.node().in(0).dims[0] == AFS_DIM_ROWS;
                out.workspace_bytes =
                    product_workspace_bytes(of_rows ? limits.max_rows : limits.max_tokens);
                out.state_bytes = product_state_bytes();
            }
        }
        // Another kernel for more tokens: other sums.
        if (!check.limits().deterministic) out.flags &= ~uint32_t{AFS_BATCH_INVARIANT};
    }

    Status run(const afs_run& run) override {
        const afs_tensor &x = run.inputs[0], &weight = run.inputs[1], &out = *run.output;
        AFS_TRY(check_rows("x", x, kAny, x.dims[1]));
        AFS_TRY(check_rows("weight", weight, kAny, x.dims[1]));
        AFS_TRY(check_rows("output", out, x.dims[0], weight.dims[0]));
        if (x.dims[0] == 0 || weight.dims[0] == 0) return {};
        const LinearArgs args = {x, weight, out, static_cast<cudaStream_t>(run.stream)};
        if (!deterministic_ && x.dims[0] == 1 && is_streamed(args)) return stream(args);
        const ProductArgs product = {x, {weight}, {out}, false, deterministic_};
        if (product_fits(product)) {
            PreparedProduct prepared;
            AFS_TRY(product_prepare(product, run.workspace, run.state, prepared));
            return product_launch(prepared, true, args.stream);
        }
        if (!deterministic_ && x.dims[0] <= kFewTokens && linear_few_fits(args))
            return linear_few(args);
        return linear_mma_fits(args) ? linear_mma(args) : linear_any(args);
    }

private:
    static bool is_streamed(const LinearArgs& a) {
        return a.x.dtype == a.weight.dtype && reinterpret_cast<uintptr_t>(a.x.data) % 16 == 0 &&
               stream_fits(a.weight);
    }
    static Status stream(const LinearArgs& a) {
        StreamProduct product{};
        AFS_TRY(stream_weight(a.weight, product.weights[0]));
        product.out[0] = a.out.data;
        product.rows[0] = static_cast<int32_t>(a.weight.dims[0]);
        product.columns = static_cast<int32_t>(a.weight.dims[1]);
        product.input.input = a.x.data;
        stream_ring(product, false);
        return stream_launch(product, a.x.dtype, false, a.stream);
    }
    bool deterministic_;
};

}  // namespace

constexpr OpEntry kLinear = entry<Linear>("linear/1");

}  // namespace afs::cuda
