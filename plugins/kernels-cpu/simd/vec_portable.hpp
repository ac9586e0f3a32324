// 4 lanes of whatever the compiler's baseline has. Included inside an anonymous namespace by
// simd/portable.cpp, and by a test of tiles.

struct Vec {
    static constexpr size_t kWidth = 4;
    typedef float F __attribute__((vector_size(16)));
    typedef int32_t I __attribute__((vector_size(16)));
    typedef uint32_t U __attribute__((vector_size(16)));

    AFS_FORCE F zero() { return F{}; }
    AFS_FORCE F set(float x) { return F{x, x, x, x}; }
    AFS_FORCE F add(F a, F b) { return a + b; }
    AFS_FORCE F sub(F a, F b) { return a - b; }
    AFS_FORCE F mul(F a, F b) { return a * b; }
    AFS_FORCE F div(F a, F b) { return a / b; }
    AFS_FORCE F fma(F a, F b, F c) { return a * b + c; }  // rounded twice
    AFS_FORCE F pick(I which, F yes, F no) {
        return (F)(((U)which & (U)yes) | (~(U)which & (U)no));
    }
    AFS_FORCE F max(F a, F b) { return pick(a > b, a, b); }  // b where one is NaN
    AFS_FORCE F min(F a, F b) { return pick(a < b, a, b); }
    AFS_FORCE float sum(F a) { return (a[0] + a[2]) + (a[1] + a[3]); }
    AFS_FORCE float largest(F a) {
        const float x = a[0] > a[2] ? a[0] : a[2], y = a[1] > a[3] ? a[1] : a[3];
        return x > y ? x : y;
    }
    // Lane r: of all lanes of rows[r].
    AFS_FORCE F sum_of_each(const F (&rows)[4]) {
        return F{sum(rows[0]), sum(rows[1]), sum(rows[2]), sum(rows[3])};
    }
    AFS_FORCE F largest_of_each(const F (&rows)[4]) {
        return F{largest(rows[0]), largest(rows[1]), largest(rows[2]), largest(rows[3])};
    }
    AFS_FORCE bool any_equal(F a, F b) {
        const I equal = a == b;
        return (equal[0] | equal[1] | equal[2] | equal[3]) != 0;
    }
    // p * 2^n for whole n in -252 .. 254: in two steps, so that subnormal results are rounded.
    AFS_FORCE F scale(F p, F n) {
        const I whole = __builtin_convertvector(n, I), half = whole >> 1;
        return p * (F)((half + 127) << 23) * (F)((whole - half + 127) << 23);
    }
    // |x| < 2^22
    AFS_FORCE F nearest(F x) {
        const F magic = set(12582912.0f);
        return (x + magic) - magic;
    }

    AFS_FORCE F above_whole(F x) {  // x less the whole number below
        const F less = x - nearest(x);
        return pick(less < 0, less + 1, less);
    }

    AFS_FORCE F load(const float* p) {
        F x;
        __builtin_memcpy(&x, p, sizeof x);
        return x;
    }
    AFS_FORCE F load(const bf16* p) {
        const U bits = {p[0].bits, p[1].bits, p[2].bits, p[3].bits};
        return (F)(bits << 16);
    }
    AFS_FORCE F load(const f16* p) {
        return F{to_float(p[0]), to_float(p[1]), to_float(p[2]), to_float(p[3])};
    }
    AFS_FORCE void store(float* p, F x) { __builtin_memcpy(p, &x, sizeof x); }
    AFS_FORCE void store(bf16* p, F x) {
        for (size_t i = 0; i < kWidth; ++i) p[i] = to_bf16(x[i]);
    }
    AFS_FORCE void store(f16* p, F x) {
        for (size_t i = 0; i < kWidth; ++i) p[i] = to_f16(x[i]);
    }

    // The first n lanes; the others are 0 and are not touched in memory.
    template <class T>
    AFS_FORCE F load(const T* p, size_t n) {
        T lanes[kWidth] = {};
        for (size_t i = 0; i < n; ++i) lanes[i] = p[i];
        return load(lanes);
    }
    template <class T>
    AFS_FORCE void store(T* p, F x, size_t n) {
        T lanes[kWidth];
        store(lanes, x);
        for (size_t i = 0; i < n; ++i) p[i] = lanes[i];
    }

    // What storing as T would keep.
    AFS_FORCE F rounded(F x, float) { return x; }
    template <class T>
    AFS_FORCE F rounded(F x, T) {
        for (size_t i = 0; i < kWidth; ++i) x[i] = to_float(from_float<T>(x[i]));
        return x;
    }

    // 4 pairs of bf16: the first of each, the second of each.
    AFS_FORCE void load_pairs(const bf16* p, F& first, F& second) {
        U pairs;
        __builtin_memcpy(&pairs, p, sizeof pairs);
        first = (F)(pairs << 16);  // little endian: the first is the low half
        second = (F)(pairs & 0xffff0000u);
    }
    AFS_FORCE void store_pairs(bf16* p, F first, F second) {
        for (size_t i = 0; i < kWidth; ++i)
            p[2 * i] = to_bf16(first[i]), p[2 * i + 1] = to_bf16(second[i]);
    }

    // Two vectors side by side.
    AFS_FORCE void store_flushed(bf16* p, F lower, F upper) {
        store(p, lower), store(p + kWidth, upper);
    }
    // Each lane of a half, twice.
    template <int half>
    AFS_FORCE F twice(F x) {
        return F{x[2 * half], x[2 * half], x[2 * half + 1], x[2 * half + 1]};
    }

    // 16 rows of 16 words of 32 bits, column by column.
    AFS_FORCE void transpose(void* to, const void* const* rows) {
        for (size_t i = 0; i < 256; ++i)
            __builtin_memcpy(static_cast<char*>(to) + 4 * i,
                             static_cast<const char*>(rows[i % 16]) + i / 16 * 4, 4);
    }

    // Codes (simd/code_layout.hpp).
    using Words = U;
    template <class T>
    AFS_FORCE F of_bytes(const T* p) {
        const I whole = {p[0], p[1], p[2], p[3]};
        return __builtin_convertvector(whole, F);
    }
    AFS_FORCE F load(const int8_t* p) { return of_bytes(p); }
    AFS_FORCE F load(const uint8_t* p) { return of_bytes(p); }
    AFS_FORCE Words load_words(const uint32_t* p) {
        Words w;
        __builtin_memcpy(&w, p, sizeof w);
        return w;
    }
    // 2 bytes of each word, of pairs of codes.
    AFS_FORCE Words load_halves(const void* p) {
        uint16_t lanes[kWidth];
        __builtin_memcpy(lanes, p, sizeof lanes);
        return Words{lanes[0], lanes[1], lanes[2], lanes[3]};
    }
    // The code in the nibble or the byte at a bit of each word.
    AFS_FORCE F nibble(Words w, int bit) {
        return __builtin_convertvector((I)((w ^ 0x88888888u) << (28 - bit)) >> 28, F);
    }
    AFS_FORCE F byte(Words w, int bit) {
        return __builtin_convertvector((I)(w << (24 - bit)) >> 24, F);
    }
    // Bits of a word that the mask takes, set in a number's.
    AFS_FORCE F or_of(Words w, uint32_t mask, F number) { return (F)((w & mask) | (U)number); }
    // The code whose lower 4 bits and whose upper 2 bits stand there in two words.
    AFS_FORCE F six(Words low, int low_bit, Words high, int high_bit) {
        const Words code = ((low >> low_bit) & 15u) | ((high >> high_bit & 3u) << 4);
        return __builtin_convertvector((I)(code - 32u), F);
    }
};
