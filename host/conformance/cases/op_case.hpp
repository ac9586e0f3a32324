// One execution of one op on host arrays, before any backend sees it.
//
//   OpCase c("rms_norm/1");
//   c.act(x).weight(w).with(params).result(AFS_BF16, {3, 64});
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "conformance/cases/array.hpp"
#include "conformance/cases/step_data.hpp"

namespace afs::conformance {

// One layer's cache, [block][kv_head][slot][head_dim] unless strides are set otherwise.
struct Cache {
    Cache(int32_t dtype, uint32_t n_blocks, uint32_t block_size, uint32_t kv_heads,
          uint32_t head_dim)
        : layout(make<afs_kv_layout>()) {
        layout.dtype = dtype;
        layout.block_size = block_size;
        layout.n_kv_heads = kv_heads;
        layout.head_dim = head_dim;
        layout.block_elems = int64_t{kv_heads} * block_size * head_dim;
        const int64_t strides[] = {layout.block_elems, int64_t{block_size} * head_dim, head_dim, 1};
        std::copy(strides, strides + 4, layout.k_stride);
        std::copy(strides, strides + 4, layout.v_stride);
        k = Array(dtype, {n_blocks, layout.block_elems});
        v = Array(dtype, {n_blocks, layout.block_elems});
    }
    // Element index of one slot's dim, on a side.
    size_t index(const int64_t (&stride)[4], int32_t slot, int64_t head, int64_t dim) const {
        const int64_t size = layout.block_size;
        return static_cast<size_t>(slot / size * stride[0] + head * stride[1] +
                                   slot % size * stride[2] + dim * stride[3]);
    }
    afs_kv_layout layout;
    Array k, v;
};

struct OpCase {
    explicit OpCase(std::string id) : op(std::move(id)) {}
    OpCase& act(Array a) { return add(std::move(a), AFS_VALUE_ACT); }
    OpCase& weight(Array a) { return add(std::move(a), AFS_VALUE_WEIGHT); }
    OpCase& cache(Cache c) {  // attention/1: the second input; kv_append/1: what is written
        kv = std::move(c);
        return *this;
    }
    template <class P>
    OpCase& with(const P& p) {
        params = std::make_shared<P>(p);
        return *this;
    }
    OpCase& result(int32_t dtype, std::vector<int64_t> dims, int64_t pitch = 0) {
        output = Array(dtype, std::move(dims), {}, pitch);
        return *this;
    }
    OpCase& on(StepData s) {
        step = std::move(s);
        return *this;
    }

    std::string op;
    std::vector<Array> inputs;
    std::vector<int32_t> kinds;
    Array output;  // its contents before the run
    std::shared_ptr<void> params;
    std::optional<Cache> kv;
    StepData step;
    uint32_t step_class = AFS_CLASS_GENERAL;
    bool with_host_ids = true;
    bool packed = true;  // weights as the backend packs them, where it does

private:
    OpCase& add(Array a, int32_t kind) {
        inputs.push_back(std::move(a));
        kinds.push_back(kind);
        return *this;
    }
};

}  // namespace afs::conformance
