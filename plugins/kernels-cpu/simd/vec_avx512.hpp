// 16 lanes of AVX-512. Included inside an anonymous namespace by simd/avx512.cpp only.

struct Vec {
    static constexpr size_t kWidth = 16;
    using F = __m512;

    AFS_FORCE F zero() { return _mm512_setzero_ps(); }
    AFS_FORCE F set(float x) { return _mm512_set1_ps(x); }
    AFS_FORCE F add(F a, F b) { return _mm512_add_ps(a, b); }
    AFS_FORCE F sub(F a, F b) { return _mm512_sub_ps(a, b); }
    AFS_FORCE F mul(F a, F b) { return _mm512_mul_ps(a, b); }
    AFS_FORCE F div(F a, F b) { return _mm512_div_ps(a, b); }
    AFS_FORCE F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
    AFS_FORCE F max(F a, F b) { return _mm512_max_ps(a, b); }  // b where one is NaN
    AFS_FORCE F min(F a, F b) { return _mm512_min_ps(a, b); }
    AFS_FORCE float sum(F a) { return _mm512_reduce_add_ps(a); }
    AFS_FORCE float largest(F a) { return _mm512_reduce_max_ps(a); }
    // Lane r: of all lanes of rows[r].
    AFS_FORCE F sum_of_each(const F (&rows)[16]) {
        return over_each(rows, [](F a, F b) AFS_LAMBDA { return add(a, b); });
    }
    AFS_FORCE F largest_of_each(const F (&rows)[16]) {
        return over_each(rows, [](F a, F b) AFS_LAMBDA { return max(a, b); });
    }
    // Halves the lanes of a row and the rows four times, 16 rows at a time to the end.
    template <class Op>
    AFS_FORCE F over_each(const F (&rows)[16], const Op& op) {
        F half[8], quarter[4], eighth[2];
        AFS_UNROLL
        for (size_t i = 0; i < 8; ++i)  // rows i, i + 8, of 8 lanes
            half[i] = op(_mm512_shuffle_f32x4(rows[i], rows[i + 8], 0x44),
                         _mm512_shuffle_f32x4(rows[i], rows[i + 8], 0xee));
        AFS_UNROLL
        for (size_t i = 0; i < 4; ++i)  // rows i, i + 8, i + 4, i + 12, of 4
            quarter[i] = op(_mm512_shuffle_f32x4(half[i], half[i + 4], 0x88),
                            _mm512_shuffle_f32x4(half[i], half[i + 4], 0xdd));
        AFS_UNROLL
        for (size_t i = 0; i < 2; ++i)
            eighth[i] = op(_mm512_shuffle_ps(quarter[i], quarter[i + 2], 0x44),
                           _mm512_shuffle_ps(quarter[i], quarter[i + 2], 0xee));
        const F all = op(_mm512_shuffle_ps(eighth[0], eighth[1], 0x88),
                         _mm512_shuffle_ps(eighth[0], eighth[1], 0xdd));
        return _mm512_permutexvar_ps(
            _mm512_setr_epi32(0, 2, 1, 3, 8, 10, 9, 11, 4, 6, 5, 7, 12, 14, 13, 15), all);
    }
    AFS_FORCE bool any_equal(F a, F b) { return _mm512_cmpeq_ps_mask(a, b) != 0; }
    // p * 2^n for whole n.
    AFS_FORCE F scale(F p, F n) { return _mm512_scalef_ps(p, n); }
    AFS_FORCE F above_whole(F x) { return _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF); }
    AFS_FORCE F nearest(F x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT); }

    AFS_FORCE F bf16_bits(__m256i x) {
        return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
    }
    // To nearest even in the upper half of each word; NaN as it is.
    AFS_FORCE __m512i nearest_bf16(F x) {
        const __m512i u = _mm512_castps_si512(x);
        const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
        const __m512i half = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
        return _mm512_mask_add_epi32(u, _mm512_cmp_ps_mask(x, x, _CMP_ORD_Q), u, half);
    }
    AFS_FORCE __m256i to_bf16_bits(F x) {  // to nearest even; NaN stays NaN
        constexpr int kSubnormal = 0x20;   // the instruction takes it as 0
        if (__builtin_expect(_mm512_fpclass_ps_mask(x, kSubnormal) == 0, 1))
            return (__m256i)_mm512_cvtneps_pbh(x);
        const __mmask16 is_nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
        const __m512i nearest = nearest_bf16(x), quiet = _mm512_set1_epi32(0x400000);
        return _mm512_cvtepi32_epi16(
            _mm512_srli_epi32(_mm512_mask_or_epi32(nearest, is_nan, nearest, quiet), 16));
    }
    AFS_FORCE __m256i to_fp16_bits(F x) {
        return _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    }

    AFS_FORCE F load(const float* p) { return _mm512_loadu_ps(p); }
    AFS_FORCE F load(const bf16* p) {
        return bf16_bits(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    }
    AFS_FORCE F load(const f16* p) {
        return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    }
    AFS_FORCE void store(float* p, F x) { _mm512_storeu_ps(p, x); }
    AFS_FORCE void store(bf16* p, F x) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), to_bf16_bits(x));
    }
    AFS_FORCE void store(f16* p, F x) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), to_fp16_bits(x));
    }

    // The first n lanes; the others are 0 and are not touched in memory.
    AFS_FORCE __mmask16 first(size_t n) { return static_cast<__mmask16>((1u << n) - 1u); }
    AFS_FORCE F load(const float* p, size_t n) { return _mm512_maskz_loadu_ps(first(n), p); }
    AFS_FORCE F load(const bf16* p, size_t n) {
        return bf16_bits(_mm256_maskz_loadu_epi16(first(n), p));
    }
    AFS_FORCE F load(const f16* p, size_t n) {
        return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first(n), p));
    }
    AFS_FORCE void store(float* p, F x, size_t n) { _mm512_mask_storeu_ps(p, first(n), x); }
    AFS_FORCE void store(bf16* p, F x, size_t n) {
        _mm256_mask_storeu_epi16(p, first(n), to_bf16_bits(x));
    }
    AFS_FORCE void store(f16* p, F x, size_t n) {
        _mm256_mask_storeu_epi16(p, first(n), to_fp16_bits(x));
    }

    // What storing as T would keep; x: a result, so not a signalling NaN.
    AFS_FORCE F rounded(F x, float) { return x; }
    AFS_FORCE F rounded(F x, bf16) {
        return _mm512_castsi512_ps(_mm512_and_si512(nearest_bf16(x), _mm512_set1_epi32(-65536)));
    }
    AFS_FORCE F rounded(F x, f16) { return _mm512_cvtph_ps(to_fp16_bits(x)); }

    // 16 pairs of bf16: the first of each, the second of each.
    AFS_FORCE void load_pairs(const bf16* p, F& first, F& second) {
        const __m512i pairs = _mm512_loadu_si512(p);
        first = _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
        second = _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(-65536)));
    }

    // Subnormals become 0.
    AFS_FORCE void store_pairs(bf16* p, F first, F second) {
        constexpr auto pair = [](int i) { return (16 + i) << 16 | i; };
        const __m512i pairs = _mm512_setr_epi32(
            pair(0), pair(1), pair(2), pair(3), pair(4), pair(5), pair(6), pair(7), pair(8),
            pair(9), pair(10), pair(11), pair(12), pair(13), pair(14), pair(15));
        const auto halves = (__m512i)_mm512_cvtne2ps_pbh(second, first);
        _mm512_storeu_si512(p, _mm512_permutexvar_epi16(pairs, halves));
    }

    // Each lane of a half, twice.
    template <int half>
    AFS_FORCE F twice(F x) {
        constexpr int i = 8 * half;
        const __m512i lanes =
            _mm512_setr_epi32(i, i, i + 1, i + 1, i + 2, i + 2, i + 3, i + 3, i + 4, i + 4, i + 5,
                              i + 5, i + 6, i + 6, i + 7, i + 7);
        return _mm512_permutexvar_ps(lanes, x);
    }

    // Two vectors side by side. Subnormals become 0.
    AFS_FORCE void store_flushed(bf16* p, F lower, F upper) {
        _mm512_storeu_si512(p, (__m512i)_mm512_cvtne2ps_pbh(upper, lower));
    }

    // 16 rows of 16 words of 32 bits, column by column.
    AFS_FORCE void transpose(void* to, const void* const* rows) {
        __m512i row[16], pair[16], four[16];
        AFS_UNROLL
        for (int i = 0; i < 16; ++i) row[i] = _mm512_loadu_si512(rows[i]);
        AFS_UNROLL
        for (int i = 0; i < 16; i += 2) {
            pair[i] = _mm512_unpacklo_epi32(row[i], row[i + 1]);
            pair[i + 1] = _mm512_unpackhi_epi32(row[i], row[i + 1]);
        }
        AFS_UNROLL
        for (int i = 0; i < 16; i += 4) {
            four[i] = _mm512_unpacklo_epi64(pair[i], pair[i + 2]);
            four[i + 1] = _mm512_unpackhi_epi64(pair[i], pair[i + 2]);
            four[i + 2] = _mm512_unpacklo_epi64(pair[i + 1], pair[i + 3]);
            four[i + 3] = _mm512_unpackhi_epi64(pair[i + 1], pair[i + 3]);
        }
        // Quarter q of four[4 g + c] is column 4 q + c of rows 4 g .. 4 g + 3.
        AFS_UNROLL
        for (size_t c = 0; c < 4; ++c) {
            const __m512i even = _mm512_shuffle_i32x4(four[c], four[4 + c], 0x88);
            const __m512i even8 = _mm512_shuffle_i32x4(four[8 + c], four[12 + c], 0x88);
            const __m512i odd = _mm512_shuffle_i32x4(four[c], four[4 + c], 0xdd);
            const __m512i odd8 = _mm512_shuffle_i32x4(four[8 + c], four[12 + c], 0xdd);
            char* column = static_cast<char*>(to) + 64 * c;
            _mm512_storeu_si512(column, _mm512_shuffle_i32x4(even, even8, 0x88));
            _mm512_storeu_si512(column + 256, _mm512_shuffle_i32x4(odd, odd8, 0x88));
            _mm512_storeu_si512(column + 512, _mm512_shuffle_i32x4(even, even8, 0xdd));
            _mm512_storeu_si512(column + 768, _mm512_shuffle_i32x4(odd, odd8, 0xdd));
        }
    }

    // Codes (simd/code_layout.hpp).
    typedef uint32_t Words __attribute__((vector_size(64)));
    AFS_FORCE F load(const int8_t* p) {
        return _mm512_cvtepi32_ps(
            _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
    }
    AFS_FORCE F load(const uint8_t* p) {
        return _mm512_cvtepi32_ps(
            _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
    }
    AFS_FORCE Words load_words(const uint32_t* p) { return (Words)_mm512_loadu_si512(p); }
    // 2 bytes of each word, of pairs of codes.
    AFS_FORCE Words load_halves(const void* p) {
        return (Words)_mm512_cvtepu16_epi32(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
    }
    typedef int32_t Signed __attribute__((vector_size(64)));
    // The code in the nibble (from a table, which looks at the lowest 4 bits) or the byte at a bit
    // of each word.
    AFS_FORCE F nibble(Words w, int bit) {
        const F table = _mm512_setr_ps(-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7);
        return _mm512_permutexvar_ps((__m512i)(w >> bit), table);
    }
    AFS_FORCE F byte(Words w, int bit) {
        return _mm512_cvtepi32_ps((__m512i)((Signed)(w << (24 - bit)) >> 24));
    }
    // Bits of a word that the mask takes, set in a number's.
    AFS_FORCE F or_of(Words w, uint32_t mask, F number) {
        constexpr int kAndOr = 0xea;  // (a & b) | c
        return _mm512_castsi512_ps(
            _mm512_ternarylogic_epi32((__m512i)w, _mm512_set1_epi32(static_cast<int>(mask)),
                                      _mm512_castps_si512(number), kAndOr));
    }
    // The code whose lower 4 bits and whose upper 2 bits stand there in two words.
    AFS_FORCE F six(Words low, int low_bit, Words high, int high_bit) {
        const Words upper = high_bit < 4 ? high << (4 - high_bit) : high >> (high_bit - 4);
        const F lower = or_of(low >> low_bit, 15, set(0x1p23f));
        return sub(or_of(upper, 0x30, lower), set(0x1p23f + 32));
    }

    // Whole numbers of 16 bits, two neighbours in depth to a word (simd/words.hpp).
    AFS_FORCE Words set_words(int32_t x) { return (Words)_mm512_set1_epi32(x); }
    AFS_FORCE F of_words(Words w) { return _mm512_cvtepi32_ps((__m512i)w); }
    AFS_FORCE Words load_code_pairs(const int8_t* p) {  // kWidth pairs
        return (Words)_mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    }
    AFS_FORCE Words top_nibbles(Words w) { return (Words)_mm512_srli_epi16((__m512i)w, 12); }
    AFS_FORCE Words less(Words w, int16_t x) {
        return (Words)_mm512_sub_epi16((__m512i)w, _mm512_set1_epi16(x));
    }
    AFS_FORCE Words lower(Words w, int bits) {  // keeps the sign
        return (Words)((Signed)w >> bits);
    }
    AFS_FORCE Words dot(Words sum, Words x, Words w) {
        return (Words)_mm512_dpwssd_epi32((__m512i)sum, (__m512i)x, (__m512i)w);
    }
    AFS_FORCE void store_words(uint32_t* p, Words w) { _mm512_storeu_si512(p, (__m512i)w); }
    // To the nearest whole numbers, which fit.
    AFS_FORCE void store_whole(int16_t* p, F x) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                            _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(x)));
    }
};
