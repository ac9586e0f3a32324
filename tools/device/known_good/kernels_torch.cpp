// Known-good samples for the fit of the bounds (docs/CONFORMANCE.md): PyTorch's products, which are
// cuBLAS, and its attention, as a guest on cuda/1. Not for use: it allocates and waits for the
// device, as no kernel plugin may. tools/device/fit.sh builds it and judges it.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <cstring>

#include "afs/plugin/kernels.hpp"

namespace {

at::ScalarType type_of(int32_t dtype) {
    return dtype == AFS_F32 ? at::kFloat : dtype == AFS_BF16 ? at::kBFloat16 : at::kHalf;
}
bool is_float(int32_t dtype) {
    return dtype == AFS_F32 || dtype == AFS_BF16 || dtype == AFS_F16;
}
at::TensorOptions options_of(int32_t dtype) {
    return at::TensorOptions().dtype(type_of(dtype)).device(at::kCUDA);
}
at::Tensor view(const afs_tensor& t) {
    return at::from_blob(t.data, {t.dims[0], t.dims[1]}, {t.strides[0], t.strides[1]},
                         options_of(t.dtype));
}
at::Tensor on_host(const int32_t* data, int64_t n) {
    return at::from_blob(const_cast<int32_t*>(data), {n},
                         at::TensorOptions().dtype(at::kInt).device(at::kCUDA))
        .to(at::kCPU, at::kLong);
}

// One dtype throughout; the kernels are torch's own.
void answer(const afs::Node& node, int32_t other_dtype, int32_t inner, afs_verdict& out) {
    const int32_t dtype = node.out().dtype;
    out.supported = is_float(dtype) && node.in(0).dtype == dtype && other_dtype == dtype;
    if (!out.supported) afs::put(out.reason, "one of fp32, bf16 and fp16 throughout");
    out.acc_dtype = AFS_F32;
    out.internal_dtype = inner;
    if (dtype != AFS_F32) out.flags = AFS_TENSOR_CORE;
}

class Linear final : public afs::Op {
public:
    static void query(const afs::Node& node, afs_verdict& out) {
        answer(node, node.in(1).dtype, node.out().dtype, out);
    }
    afs::Status run(const afs_run& run) override {
        view(*run.output).copy_(at::linear(view(run.inputs[0]), view(run.inputs[1])));
        return {};
    }
};

class Attention final : public afs::Op {
public:
    explicit Attention(const afs::Node& node) : params_(node.params<afs_attention_params>()) {}

    // torch rounds probabilities to the inputs' dtype before their product with v, and its kernels
    // for bf16 and fp32 are built to flush subnormals.
    static void query(const afs::Node& node, int32_t cache, afs_verdict& out) {
        answer(node, cache, node.out().dtype, out);
        if (node.out().dtype != AFS_F16) out.flags |= AFS_FLUSH_SUBNORMALS;
    }

    afs::Status run(const afs_run& run) override {
        const afs_step& step = *run.step;
        const auto n_seqs = static_cast<int64_t>(step.n_seqs);
        const at::Tensor starts = on_host(step.cu_seqlens, n_seqs + 1);
        const at::Tensor contexts = on_host(step.context_lens, n_seqs);
        const at::Tensor table =
            on_host(step.block_table, n_seqs * step.max_blocks).view({n_seqs, step.max_blocks});
        const at::Tensor q = view(run.inputs[0]);
        at::Tensor out = view(*run.output);
        for (int64_t s = 0; s < n_seqs; ++s) {
            const auto begin = starts[s].item<int64_t>(), end = starts[s + 1].item<int64_t>();
            if (begin == end) continue;
            const auto context = contexts[s].item<int64_t>();
            out.slice(0, begin, end)
                .copy_(attend(q.slice(0, begin, end), table[s], context, *run.kv));
        }
        return {};
    }

private:
    // [heads, context, head_dim] from the paged cache.
    at::Tensor gather(const void* cache, const int64_t (&stride)[4], const at::Tensor& blocks,
                      int64_t context, const afs_kv_layout& layout) const {
        const int64_t n_blocks = blocks.max().item<int64_t>() + 1;
        const at::Tensor all =
            at::from_blob(const_cast<void*>(cache),
                          {n_blocks, params_.n_kv_heads, layout.block_size, params_.head_dim},
                          {stride[0], stride[1], stride[2], stride[3]}, options_of(layout.dtype));
        const at::Tensor own = all.index_select(0, blocks.to(at::kCUDA));
        return own.permute({1, 0, 2, 3})
            .reshape({params_.n_kv_heads, -1, params_.head_dim})
            .slice(1, 0, context);
    }
    at::Tensor attend(const at::Tensor& q, const at::Tensor& blocks, int64_t context,
                      const afs_kv& kv) const {
        const int64_t n = q.size(0), size = kv.layout->block_size;
        const at::Tensor used = blocks.slice(0, 0, (context + size - 1) / size);
        const at::Tensor k = gather(kv.k, kv.layout->k_stride, used, context, *kv.layout);
        const at::Tensor v = gather(kv.v, kv.layout->v_stride, used, context, *kv.layout);
        const at::Tensor heads =
            q.reshape({n, params_.n_heads, params_.head_dim}).permute({1, 0, 2}).contiguous();
        std::optional<at::Tensor> mask;
        if (n > 1 && n < context)  // the last n rows of the causal square
            mask = at::ones({n, context}, options_of(AFS_F32)).tril(context - n).to(at::kBool);
        const at::Tensor out = at::scaled_dot_product_attention(
            heads.unsqueeze(0), k.contiguous().unsqueeze(0), v.contiguous().unsqueeze(0), mask, 0.0,
            n > 1 && n == context, params_.scale, true);
        return out[0].permute({1, 0, 2}).reshape({n, -1});
    }

    afs_attention_params params_;
};

// Runs an op on the host's stream.
class OnStream final : public afs::Op {
public:
    explicit OnStream(std::unique_ptr<afs::Op> op) : op_(std::move(op)) {}
    afs::Status run(const afs_run& run) override {
        const auto stream =
            c10::cuda::getStreamFromExternal(reinterpret_cast<cudaStream_t>(run.stream), 0);
        const c10::cuda::CUDAStreamGuard guard(stream);
        const c10::NoGradGuard no_grad;
        try {
            AFS_TRY(op_->run(run));
            stream.synchronize();
            return {};
        } catch (const c10::Error& error) {
            return afs::Status(afs::Code::device, error.what_without_backtrace());
        }
    }

private:
    std::unique_ptr<afs::Op> op_;
};

class Torch final : public afs::KernelBackend {
public:
    static afs::Result<std::unique_ptr<afs::KernelBackend>> create(const afs::OpenArgs&) {
        // By itself cuBLAS may add parts of a sum in the output's dtype: not what is declared here.
        at::globalContext().setAllowBF16ReductionCuBLAS(false);
        at::globalContext().setAllowFP16ReductionCuBLAS(false);
        return std::unique_ptr<afs::KernelBackend>(new Torch);
    }
    afs::Status query(const afs_query& query, afs_verdict& out) override {
        const afs::Node node(query);
        if (node.is("linear/1"))
            Linear::query(node, out);
        else if (node.is("attention/1"))
            Attention::query(
                node, afs::read<afs_kv_layout>(query.kv_layouts[node.in(1).kv_group]).dtype, out);
        else
            afs::put(out.reason, "linear/1 and attention/1 only");
        return {};
    }
    afs::Result<std::unique_ptr<afs::Op>> prepare(const afs_query& query) override {
        const afs::Node node(query);
        std::unique_ptr<afs::Op> op;
        if (node.is("linear/1"))
            op = std::make_unique<Linear>();
        else
            op = std::make_unique<Attention>(node);
        return std::unique_ptr<afs::Op>(new OnStream(std::move(op)));
    }
};

}  // namespace

AFS_KERNELS_PLUGIN(Torch, "torch", "0.1", "Apache-2.0", "cuda/1", nullptr, "afs.ops/1");
