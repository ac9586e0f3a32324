// Loops over the elements of a row. Included inside an anonymous namespace after a struct Vec.

constexpr size_t kWidth = Vec::kWidth;

// body(i) for each whole vector, then body(i, n) for the n elements that are left.
template <class Body>
AFS_FORCE void each(size_t n, const Body& body) {
    size_t i = 0;
    for (; i + kWidth <= n; i += kWidth) body(i);
    if (i < n) body(i, n - i);
}

// e^x within 2 ulp: x = n ln 2 + r, |r| <= ln 2 / 2, a polynomial (Cephes' expf) times 2^n. 0 below
// -104, infinity above 88.7, NaN for NaN.
AFS_FORCE Vec::F exp_of(Vec::F x) {
    x = Vec::min(Vec::set(89.0f), Vec::max(Vec::set(-104.0f), x));  // NaN passes both
    const Vec::F n = Vec::nearest(Vec::mul(x, Vec::set(1.44269504f)));
    Vec::F r = Vec::fma(n, Vec::set(-0.693359375f), x);
    r = Vec::fma(n, Vec::set(2.12194440e-4f), r);
    Vec::F p = Vec::set(1.9875691500e-4f);
    p = Vec::fma(p, r, Vec::set(1.3981999507e-3f));
    p = Vec::fma(p, r, Vec::set(8.3334519073e-3f));
    p = Vec::fma(p, r, Vec::set(4.1665795894e-2f));
    p = Vec::fma(p, r, Vec::set(1.6666665459e-1f));
    p = Vec::fma(p, r, Vec::set(5.0000001201e-1f));
    p = Vec::fma(Vec::mul(r, r), p, Vec::add(r, Vec::set(1.0f)));
    return Vec::scale(p, n);
}

template <class T>
AFS_FORCE void widen_row(float* to, const T* from, size_t n) {
    each(n, [&](size_t i, auto... rest)
                AFS_LAMBDA { Vec::store(to + i, Vec::load(from + i, rest...), rest...); });
}
template <class T>
AFS_FORCE void narrow_row(T* to, const float* from, size_t n) {
    each(n, [&](size_t i, auto... rest)
                AFS_LAMBDA { Vec::store(to + i, Vec::load(from + i, rest...), rest...); });
}

template <class T>
AFS_FORCE void divide_row(T* to, const float* from, float by, size_t n) {
    const Vec::F divisor = Vec::set(by);
    each(n, [&](size_t i, auto... rest) AFS_LAMBDA {
        Vec::store(to + i, Vec::div(Vec::load(from + i, rest...), divisor), rest...);
    });
}

template <class T>
AFS_FORCE void add_row(T* out, const T* a, const T* b, size_t n) {
    each(n, [&](size_t i, auto... rest) AFS_LAMBDA {
        Vec::store(out + i, Vec::add(Vec::load(a + i, rest...), Vec::load(b + i, rest...)),
                   rest...);
    });
}

// Vectors side by side, or n lanes of one: one alone is a chain of steps, longer than a processor
// looks ahead. silu is rounded to T before it is multiplied.
template <size_t kVecs, class T, class... N>
AFS_FORCE void swiglu_vecs(T* out, const T* gate, const T* up, N... n) {
    Vec::F silu[kVecs], e[kVecs];
    AFS_UNROLL
    for (size_t v = 0; v < kVecs; ++v) {
        silu[v] = Vec::load(gate + v * kWidth, n...);
        e[v] = exp_of(Vec::sub(Vec::zero(), silu[v]));
    }
    AFS_UNROLL
    for (size_t v = 0; v < kVecs; ++v) silu[v] = Vec::div(silu[v], Vec::add(Vec::set(1.0f), e[v]));
    AFS_UNROLL
    for (size_t v = 0; v < kVecs; ++v)
        Vec::store(out + v * kWidth,
                   Vec::mul(Vec::rounded(silu[v], T{}), Vec::load(up + v * kWidth, n...)), n...);
}
template <class T>
AFS_FORCE void swiglu_row(T* out, const T* gate, const T* up, size_t n) {
    constexpr size_t kVecs = 4;
    size_t i = 0;
    for (; i + kVecs * kWidth <= n; i += kVecs * kWidth)
        swiglu_vecs<kVecs>(out + i, gate + i, up + i);
    each(n - i, [&](size_t j, auto... rest)
                    AFS_LAMBDA { swiglu_vecs<1>(out + i + j, gate + i + j, up + i + j, rest...); });
}

template <class T>
AFS_FORCE float sum_of_squares(const T* x, size_t n) {
    Vec::F sum[4] = {Vec::zero(), Vec::zero(), Vec::zero(), Vec::zero()};
    size_t i = 0;
    for (; i + 4 * kWidth <= n; i += 4 * kWidth)
        for (size_t j = 0; j < 4; ++j) {
            const Vec::F v = Vec::load(x + i + j * kWidth);
            sum[j] = Vec::fma(v, v, sum[j]);
        }
    for (; i < n; i += kWidth) {
        const Vec::F v = n - i < kWidth ? Vec::load(x + i, n - i) : Vec::load(x + i);
        sum[0] = Vec::fma(v, v, sum[0]);
    }
    return Vec::sum(Vec::add(Vec::add(sum[0], sum[1]), Vec::add(sum[2], sum[3])));
}

template <class T>
AFS_FORCE Vec::F normed(Vec::F x, Vec::F w, Vec::F r, bool weight_before_cast) {
    const Vec::F scaled = Vec::mul(x, r);
    return Vec::mul(w, weight_before_cast ? scaled : Vec::rounded(scaled, T{}));
}
template <class T>
AFS_FORCE void rms_norm_row(T* out, const T* x, const float* w, size_t n, float eps, bool before) {
    const float mean = sum_of_squares(x, n) / static_cast<float>(n);
    const Vec::F r = Vec::set(1.0f / __builtin_sqrtf(mean + eps));
    each(n, [&](size_t i, auto... rest) AFS_LAMBDA {
        Vec::store(out + i,
                   normed<T>(Vec::load(x + i, rest...), Vec::load(w + i, rest...), r, before),
                   rest...);
    });
}

// One vector of pairs (x[j], x[j + half]); n lanes of them, or all.
template <class T, class... N>
AFS_FORCE void turn(T* out, const T* x, const float* cosine, const float* sine, size_t half,
                    bool stepwise, N... n) {
    const Vec::F a = Vec::load(x, n...), b = Vec::load(x + half, n...);
    const Vec::F c = Vec::load(cosine, n...), s = Vec::load(sine, n...);
    Vec::F ac = Vec::mul(a, c), bs = Vec::mul(b, s), bc = Vec::mul(b, c), as = Vec::mul(a, s);
    if (stepwise) {
        ac = Vec::rounded(ac, T{}), bs = Vec::rounded(bs, T{});
        bc = Vec::rounded(bc, T{}), as = Vec::rounded(as, T{});
    }
    Vec::store(out, Vec::sub(ac, bs), n...);
    Vec::store(out + half, Vec::add(bc, as), n...);
}
template <class T>
AFS_FORCE void rope_row(T* out, const T* x, const float* cosine, const float* sine, size_t half,
                        size_t n_heads, bool stepwise) {
    for (size_t head = 0; head < n_heads; ++head, out += 2 * half, x += 2 * half)
        each(half, [&](size_t j, auto... rest) AFS_LAMBDA {
            turn(out + j, x + j, cosine + j, sine + j, half, stepwise, rest...);
        });
}

template <class T>
AFS_FORCE size_t argmax_row(const T* x, size_t n) {
    const float lowest = -__builtin_inff();
    Vec::F best = Vec::set(lowest);
    // What lies beyond the end reads as 0, so the rest is looked at one by one.
    const size_t whole = n / kWidth * kWidth;
    for (size_t i = 0; i < whole; i += kWidth) best = Vec::max(Vec::load(x + i), best);
    float largest = Vec::largest(best);
    float lane[kWidth];
    if (whole < n) {
        Vec::store(lane, Vec::load(x + whole, n - whole));
        for (size_t i = 0; i < n - whole; ++i)
            if (lane[i] > largest) largest = lane[i];
    }
    if (largest == lowest) return n;
    for (size_t i = 0; i < whole; i += kWidth) {
        const Vec::F v = Vec::load(x + i);
        if (!Vec::any_equal(v, Vec::set(largest))) continue;
        Vec::store(lane, v);
        for (size_t j = 0; j < kWidth; ++j)
            if (lane[j] == largest) return i + j;
    }
    Vec::store(lane, Vec::load(x + whole, n - whole));
    size_t j = 0;
    while (lane[j] != largest) ++j;
    return whole + j;
}

AFS_FORCE float softmax_row(float* s, size_t n, float scale, float* sum) {
    const float lowest = -__builtin_inff();
    const Vec::F by = Vec::set(scale);
    const size_t whole = n / kWidth * kWidth;
    Vec::F most = Vec::set(lowest);
    for (size_t i = 0; i < whole; i += kWidth) {
        const Vec::F v = Vec::mul(Vec::load(s + i), by);
        Vec::store(s + i, v);
        most = Vec::max(v, most);
    }
    float largest = Vec::largest(most);
    for (size_t i = whole; i < n; ++i) {
        s[i] *= scale;
        if (s[i] > largest) largest = s[i];
    }
    const Vec::F down = Vec::set(largest == lowest ? 0.0f : largest);
    Vec::F total = Vec::zero();
    for (size_t i = 0; i < whole; i += kWidth) {
        const Vec::F e = exp_of(Vec::sub(Vec::load(s + i), down));
        Vec::store(s + i, e);
        total = Vec::add(total, e);
    }
    float rest = 0;
    if (whole < n) {
        Vec::store(s + whole, exp_of(Vec::sub(Vec::load(s + whole, n - whole), down)), n - whole);
        for (size_t i = whole; i < n; ++i) rest += s[i];
    }
    *sum = Vec::sum(total) + rest;
    return largest;
}

AFS_FORCE void blend_row(float* to, const float* from, float keep, float take, size_t n) {
    const Vec::F k = Vec::set(keep), t = Vec::set(take);
    each(n, [&](size_t i, auto... rest) AFS_LAMBDA {
        const Vec::F old = Vec::mul(Vec::load(to + i, rest...), k);
        Vec::store(to + i, Vec::fma(Vec::load(from + i, rest...), t, old), rest...);
    });
}
