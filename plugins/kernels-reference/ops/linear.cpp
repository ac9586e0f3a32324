// linear/1: out[i, o] = sum over k of x[i, k] * weight[o, k], rounded once to the activations'
// dtype.
//
// The weight is read in its own dtype or block format. A block of tokens is widened once and stays
// in the cache while each row of the weight is widened once and multiplied with all of them.
#include "backend.hpp"
#include "lanes.hpp"

namespace afs::reference {
namespace {

constexpr size_t kTokenBlock = 32;  // 32 rows of 4096 floats: half a megabyte

class Linear final : public Op {
public:
    explicit Linear(const afs_query&) {}

    static void query(Check& check, const afs_query&, afs_verdict& out) {
        const afs_value result = check.node().out();
        size_t k = 0;
        plugin::require_linear(check);
        if (check.reason().empty()) k = padded(static_cast<size_t>(check.node().in(0).dims[1]));
        check.answer(out, result.dtype,
                     (kTokenBlock + 1) * k * dtype_size(acc_dtype(result.dtype)));
    }

    Status run(const afs_run& run) override {
        const afs_tensor &x = run.inputs[0], &weight = run.inputs[1], &out = *run.output;
        AFS_TRY(check_rows("x", x, kAny, x.dims[1]));
        AFS_TRY(check_matrix("weight", weight, kAny, x.dims[1]));
        AFS_TRY(check_rows("output", out, x.dims[0], weight.dims[0]));
        return dispatch(out.dtype, [&](auto t) {
            using T = decltype(t);
            const size_t n = static_cast<size_t>(x.dims[0]);
            for (size_t first = 0; first < n; first += kTokenBlock)
                block<T>(x, weight, out, first, std::min(kTokenBlock, n - first), run.workspace);
            return Status();
        });
    }

private:
    template <class T>
    static void block(const afs_tensor& x, const afs_tensor& weight, const afs_tensor& out,
                      size_t first, size_t n, void* workspace) {
        using A = Acc<T>;
        const size_t k = static_cast<size_t>(x.dims[1]), pitch = padded(k);
        A *tokens = static_cast<A*>(workspace), *w = tokens + kTokenBlock * pitch;
        const auto at = [first](size_t i) { return static_cast<int64_t>(first + i); };
        for (size_t i = 0; i < n; ++i) widen_row(tokens + i * pitch, row<T>(x, at(i)), x.dtype, k);
        for (int64_t o = 0; o < weight.dims[0]; ++o) {
            widen_row(w, element(weight.data, weight.dtype, o * weight.strides[0]), weight.dtype,
                      k);
            size_t i = 0;
            for (; i + kTile <= n; i += kTile) {
                A sums[kTile];
                dot_tile(tokens + i * pitch, pitch, w, pitch, sums);
                for (size_t j = 0; j < kTile; ++j) row<T>(out, at(i + j))[o] = narrow<T>(sums[j]);
            }
            for (; i < n; ++i) row<T>(out, at(i))[o] = narrow<T>(dot(tokens + i * pitch, w, pitch));
        }
    }
};

}  // namespace

constexpr OpEntry kLinear = entry<Linear>("linear/1");

}  // namespace afs::reference
