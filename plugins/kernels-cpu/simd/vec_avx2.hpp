// 8 lanes of AVX2 with FMA and F16C. Included inside an anonymous namespace by simd/avx2.cpp only.

struct Vec {
    static constexpr size_t kWidth = 8;
    using F = __m256;

    AFS_FORCE F zero() { return _mm256_setzero_ps(); }
    AFS_FORCE F set(float x) { return _mm256_set1_ps(x); }
    AFS_FORCE F add(F a, F b) { return _mm256_add_ps(a, b); }
    AFS_FORCE F sub(F a, F b) { return _mm256_sub_ps(a, b); }
    AFS_FORCE F mul(F a, F b) { return _mm256_mul_ps(a, b); }
    AFS_FORCE F div(F a, F b) { return _mm256_div_ps(a, b); }
    AFS_FORCE F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
    AFS_FORCE F max(F a, F b) { return _mm256_max_ps(a, b); }  // b where one is NaN
    AFS_FORCE F min(F a, F b) { return _mm256_min_ps(a, b); }
    AFS_FORCE float sum(F a) {
        __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
        s = _mm_add_ps(s, _mm_movehl_ps(s, s));
        return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
    }
    AFS_FORCE float largest(F a) {
        __m128 m = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
        m = _mm_max_ps(m, _mm_movehl_ps(m, m));
        return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
    }
    AFS_FORCE bool any_equal(F a, F b) {
        return _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_EQ_OQ)) != 0;
    }
    // p * 2^n for whole n in -252 .. 254: in two steps, so that subnormal results are rounded.
    AFS_FORCE F scale(F p, F n) {
        const __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1);
        const auto power = [](__m256i e) {
            return _mm256_castsi256_ps(
                _mm256_slli_epi32(_mm256_add_epi32(e, _mm256_set1_epi32(127)), 23));
        };
        return mul(mul(p, power(half)), power(_mm256_sub_epi32(whole, half)));
    }
    AFS_FORCE F nearest(F x) {
        return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    }

    AFS_FORCE F bf16_bits(__m128i x) {
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(x), 16));
    }
    AFS_FORCE __m128i to_bf16_bits(F x) {  // to nearest even; NaN stays NaN
        const __m256i u = _mm256_castps_si256(x);
        const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
        const __m256i up = _mm256_add_epi32(u, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
        const __m256i nan = _mm256_or_si256(u, _mm256_set1_epi32(0x400000));
        const __m256 is_nan = _mm256_cmp_ps(x, x, _CMP_UNORD_Q);
        const __m256i bits =
            _mm256_srli_epi32(_mm256_castps_si256(_mm256_blendv_ps(
                                  _mm256_castsi256_ps(up), _mm256_castsi256_ps(nan), is_nan)),
                              16);
        return _mm_packus_epi32(_mm256_castsi256_si128(bits), _mm256_extracti128_si256(bits, 1));
    }
    AFS_FORCE __m128i to_fp16_bits(F x) {
        return _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    }

    AFS_FORCE F load(const float* p) { return _mm256_loadu_ps(p); }
    AFS_FORCE F load(const bf16* p) {
        return bf16_bits(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    }
    AFS_FORCE F load(const f16* p) {
        return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    }
    AFS_FORCE void store(float* p, F x) { _mm256_storeu_ps(p, x); }
    AFS_FORCE void store(bf16* p, F x) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(p), to_bf16_bits(x));
    }
    AFS_FORCE void store(f16* p, F x) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(p), to_fp16_bits(x));
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
    AFS_FORCE F rounded(F x, bf16) { return bf16_bits(to_bf16_bits(x)); }
    AFS_FORCE F rounded(F x, f16) { return _mm256_cvtph_ps(to_fp16_bits(x)); }

    // 8 pairs of bf16: the first of each, the second of each.
    AFS_FORCE void load_pairs(const bf16* p, F& first, F& second) {
        const __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
        first = _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16));
        second = _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32(-65536)));
    }

    // Codes (simd/code_layout.hpp).
    typedef uint32_t Words __attribute__((vector_size(32)));
    AFS_FORCE F load(const int8_t* p) {
        return _mm256_cvtepi32_ps(
            _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
    }
    AFS_FORCE F load(const uint8_t* p) {
        return _mm256_cvtepi32_ps(
            _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
    }
    AFS_FORCE Words load_words(const uint32_t* p) {
        return (Words)_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    }
    // 2 bytes of each word, of pairs of codes.
    AFS_FORCE Words load_halves(const void* p) {
        return (Words)_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    }
    typedef int32_t Signed __attribute__((vector_size(32)));
    // The code in the nibble or the byte at a bit of each word.
    AFS_FORCE F nibble(Words w, int bit) {
        return _mm256_cvtepi32_ps((__m256i)((Signed)((w ^ 0x88888888u) << (28 - bit)) >> 28));
    }
    AFS_FORCE F byte(Words w, int bit) {
        return _mm256_cvtepi32_ps((__m256i)((Signed)(w << (24 - bit)) >> 24));
    }
    // Bits of a word that the mask takes, set in a number's.
    AFS_FORCE F or_of(Words w, uint32_t mask, F number) { return (F)((w & mask) | (Words)number); }
    // The code whose lower 4 bits and whose upper 2 bits stand there in two words.
    AFS_FORCE F six(Words low, int low_bit, Words high, int high_bit) {
        const Words code = ((low >> low_bit) & 15u) | ((high >> high_bit & 3u) << 4);
        return _mm256_cvtepi32_ps((__m256i)(code - 32u));
    }

    // Whole numbers of 16 bits, two neighbours in depth to a word (simd/words.hpp).
    AFS_FORCE Words set_words(int32_t x) { return (Words)_mm256_set1_epi32(x); }
    AFS_FORCE F of_words(Words w) { return _mm256_cvtepi32_ps((__m256i)w); }
    AFS_FORCE Words load_code_pairs(const int8_t* p) {  // kWidth pairs
        return (Words)_mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    }
    AFS_FORCE Words top_nibbles(Words w) { return (Words)_mm256_srli_epi16((__m256i)w, 12); }
    AFS_FORCE Words less(Words w, int16_t x) {
        return (Words)_mm256_sub_epi16((__m256i)w, _mm256_set1_epi16(x));
    }
    AFS_FORCE Words lower(Words w, int bits) {  // keeps the sign
        return (Words)((Signed)w >> bits);
    }
    AFS_FORCE Words dot(Words sum, Words x, Words w) {
        return sum + (Words)_mm256_madd_epi16((__m256i)x, (__m256i)w);
    }
    AFS_FORCE void store_words(uint32_t* p, Words w) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), (__m256i)w);
    }
    // To the nearest whole numbers, which fit.
    AFS_FORCE void store_whole(int16_t* p, F x) {
        const __m256i whole = _mm256_cvtps_epi32(x);
        _mm_storeu_si128(
            reinterpret_cast<__m128i*>(p),
            _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1)));
    }
};
