// The table of one instruction set, from its Vec. Included inside an anonymous namespace after
// panel.hpp and codes.hpp.

// Calls f(T{}) for the element type behind a dtype.
template <class F>
AFS_FORCE void dispatch(int32_t dtype, const F& f) {
    switch (dtype) {
        case AFS_F32: f(float{}); break;
        case AFS_BF16: f(bf16{}); break;
        default: f(f16{}); break;
    }
}

static void widen(float* to, const void* from, int32_t dtype, size_t n) {
    dispatch(dtype,
             [&](auto t) AFS_LAMBDA { widen_row(to, static_cast<const decltype(t)*>(from), n); });
}
static void narrow(void* to, int32_t dtype, const float* from, size_t n) {
    dispatch(dtype, [&](auto t) AFS_LAMBDA { narrow_row(static_cast<decltype(t)*>(to), from, n); });
}
static void divide(void* to, int32_t dtype, const float* from, float by, size_t n) {
    dispatch(dtype,
             [&](auto t) AFS_LAMBDA { divide_row(static_cast<decltype(t)*>(to), from, by, n); });
}
static void add(void* out, const void* a, const void* b, int32_t dtype, size_t n) {
    dispatch(dtype, [&](auto t) AFS_LAMBDA {
        using T = decltype(t);
        add_row(static_cast<T*>(out), static_cast<const T*>(a), static_cast<const T*>(b), n);
    });
}
static void swiglu(void* out, const void* gate, const void* up, int32_t dtype, size_t n) {
    dispatch(dtype, [&](auto t) AFS_LAMBDA {
        using T = decltype(t);
        swiglu_row(static_cast<T*>(out), static_cast<const T*>(gate), static_cast<const T*>(up), n);
    });
}
static void rms_norm(void* out, const void* x, int32_t dtype, const float* w, size_t n, float eps,
                     bool before) {
    dispatch(dtype, [&](auto t) AFS_LAMBDA {
        using T = decltype(t);
        rms_norm_row(static_cast<T*>(out), static_cast<const T*>(x), w, n, eps, before);
    });
}
static void rope(void* out, const void* x, int32_t dtype, const float* cosine, const float* sine,
                 size_t half, size_t n_heads, bool stepwise) {
    dispatch(dtype, [&](auto t) AFS_LAMBDA {
        using T = decltype(t);
        rope_row(static_cast<T*>(out), static_cast<const T*>(x), cosine, sine, half, n_heads,
                 stepwise);
    });
}
static size_t argmax(const void* x, int32_t dtype, size_t n) {
    size_t best = n;
    dispatch(dtype,
             [&](auto t) AFS_LAMBDA { best = argmax_row(static_cast<const decltype(t)*>(x), n); });
    return best;
}
static float softmax(float* s, size_t n, float scale, float* sum) {
    return softmax_row(s, n, scale, sum);
}
static void blend(float* to, const float* from, float keep, float take, size_t n) {
    blend_row(to, from, keep, take, n);
}
static float exp_one(float x) {
    float lane[kWidth];
    Vec::store(lane, exp_of(Vec::set(x)));
    return lane[0];
}

static void sum_groups(float* to, const void* x, int32_t dtype, size_t n) {
    dispatch(dtype,
             [&](auto t) AFS_LAMBDA { sum_groups_of(to, static_cast<const decltype(t)*>(x), n); });
}

template <class Shape, size_t... kCoding>
constexpr void set_code_panels(Kernels& to, std::index_sequence<kCoding...>) {
    ((to.panel_codes[kCoding] = code_panel<static_cast<Coding>(kCoding), Shape>), ...);
}

// bf16_dot: NULL where there are no dot products of bf16 pairs.
template <class Shape>
constexpr Kernels table(PanelFunction bf16_dot) {
    Kernels kernels{};
    kernels.widen = widen, kernels.narrow = narrow, kernels.divide = divide;
    kernels.add = add, kernels.swiglu = swiglu;
    kernels.rms_norm = rms_norm, kernels.rope = rope;
    kernels.argmax = argmax, kernels.softmax = softmax;
    kernels.blend = blend, kernels.exp = exp_one;
    kernels.panel_fp32 = panel<Multiply<float>, float, Shape>;
    kernels.panel_fp16 = panel<Multiply<f16>, f16, Shape>;
    kernels.panel_bf16 = panel<Multiply<bf16>, bf16, Shape>;
    kernels.panel_bf16_dot = bf16_dot;
    kernels.sum_groups = sum_groups;
    set_code_panels<Shape>(kernels, std::make_index_sequence<kCodings>());
    return kernels;
}
