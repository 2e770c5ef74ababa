// Floats as their bits, each function named like the instruction of WebAssembly that it is. Every
// result is rounded once, to the nearest, ties to even. A NaN is the canonical one, which the
// specification allows whatever NaNs went in.

#include "runtime.h"

// What there is for f32 and f64 alike: WORD is the type of the bits, WIDTH how many there are,
// FRACTION how many the fraction has.
#define FORMAT(NAME, T, WORD, WIDTH, FRACTION)                                                     \
    static const u32 T##_ALL = (1u << (WIDTH - 1 - FRACTION)) - 1;                                 \
    static const WORD T##_SIGN = (WORD)1 << (WIDTH - 1);                                           \
    static const WORD T##_ONE = (WORD)1 << FRACTION;                                               \
    static const WORD T##_INFINITY = ((WORD)1 << (WIDTH - 1)) - ((WORD)1 << FRACTION);             \
    static const WORD T##_NAN =                                                                    \
        ((WORD)1 << (WIDTH - 1)) - ((WORD)1 << FRACTION) + ((WORD)1 << (FRACTION - 1));            \
    static inline WORD T##_magnitude(WORD a) { return a & (T##_SIGN - 1); }                        \
    static inline u32 T##_is_nan(WORD a) { return T##_magnitude(a) > T##_INFINITY; }               \
    static inline u32 T##_exponent(WORD a) { return (u32)(a >> FRACTION) & T##_ALL; }              \
                                                                                                   \
    /* An order of all floats but NaN, as signed numbers. */                                       \
    static inline WORD T##_order(WORD a) {                                                         \
        return a & T##_SIGN ? T##_SIGN - a : a;                                                    \
    }                                                                                              \
                                                                                                   \
    EXPORT(NAME ".abs") WORD T##_abs(WORD a) { return T##_magnitude(a); }                          \
    EXPORT(NAME ".neg") WORD T##_neg(WORD a) { return a ^ T##_SIGN; }                              \
    EXPORT(NAME ".copysign") WORD T##_copysign(WORD a, WORD b) {                                   \
        return T##_magnitude(a) | (b & T##_SIGN);                                                  \
    }                                                                                              \
    EXPORT(NAME ".eq") u32 T##_eq(WORD a, WORD b) {                                                \
        if (T##_is_nan(a) || T##_is_nan(b)) return 0;                                              \
        return a == b || T##_magnitude(a | b) == 0;                                                \
    }                                                                                              \
    EXPORT(NAME ".ne") u32 T##_ne(WORD a, WORD b) { return !T##_eq(a, b); }                        \
    EXPORT(NAME ".lt") u32 T##_lt(WORD a, WORD b) {                                                \
        if (T##_is_nan(a) || T##_is_nan(b)) return 0;                                              \
        return (S##WORD)T##_order(a) < (S##WORD)T##_order(b);                                      \
    }                                                                                              \
    EXPORT(NAME ".gt") u32 T##_gt(WORD a, WORD b) { return T##_lt(b, a); }                         \
    EXPORT(NAME ".le") u32 T##_le(WORD a, WORD b) {                                                \
        if (T##_is_nan(a) || T##_is_nan(b)) return 0;                                              \
        return (S##WORD)T##_order(a) <= (S##WORD)T##_order(b);                                     \
    }                                                                                              \
    EXPORT(NAME ".ge") u32 T##_ge(WORD a, WORD b) { return T##_le(b, a); }                         \
    EXPORT(NAME ".min") WORD T##_min(WORD a, WORD b) {                                             \
        if (T##_is_nan(a) || T##_is_nan(b)) return T##_NAN;                                        \
        if (T##_magnitude(a | b) == 0) return a | b;                                               \
        return (S##WORD)T##_order(a) < (S##WORD)T##_order(b) ? a : b;                              \
    }                                                                                              \
    EXPORT(NAME ".max") WORD T##_max(WORD a, WORD b) {                                             \
        if (T##_is_nan(a) || T##_is_nan(b)) return T##_NAN;                                        \
        if (T##_magnitude(a | b) == 0) return a & b;                                               \
        return (S##WORD)T##_order(a) < (S##WORD)T##_order(b) ? b : a;                              \
    }                                                                                              \
                                                                                                   \
    /* To a whole number: `unit` is its last whole bit. */                                         \
    EXPORT(NAME ".trunc") WORD T##_trunc(WORD a) {                                                 \
        u32 e = T##_exponent(a), bias = T##_ALL >> 1;                                              \
        if (e < bias) return a & T##_SIGN;                                                         \
        if (e >= bias + FRACTION) return T##_is_nan(a) ? T##_NAN : a;                              \
        return a & -(T##_ONE >> (e - bias));                                                       \
    }                                                                                              \
    static WORD T##_away(WORD a, WORD sign) {                                                      \
        u32 e = T##_exponent(a), bias = T##_ALL >> 1;                                              \
        if ((a & T##_SIGN) != sign) return T##_trunc(a);                                           \
        if (e >= bias + FRACTION) return T##_is_nan(a) ? T##_NAN : a;                              \
        if (T##_magnitude(a) == 0) return a;                                                       \
        if (e < bias) return sign | (WORD)bias << FRACTION;                                        \
        WORD unit = T##_ONE >> (e - bias);                                                         \
        return (a + unit - 1) & -unit;                                                             \
    }                                                                                              \
    EXPORT(NAME ".ceil") WORD T##_ceil(WORD a) { return T##_away(a, 0); }                          \
    EXPORT(NAME ".floor") WORD T##_floor(WORD a) { return T##_away(a, T##_SIGN); }                 \
    EXPORT(NAME ".nearest") WORD T##_nearest(WORD a) {                                             \
        u32 e = T##_exponent(a), bias = T##_ALL >> 1;                                              \
        WORD sign = a & T##_SIGN, one = (WORD)bias << FRACTION;                                    \
        if (e >= bias + FRACTION) return T##_is_nan(a) ? T##_NAN : a;                              \
        /* 1/2 itself goes to 0, the even one. */                                                  \
        if (e < bias) return T##_magnitude(a) > one - T##_ONE ? sign | one : sign;                 \
        WORD unit = T##_ONE >> (e - bias);                                                         \
        WORD odd = e == bias ? 1 : (a & unit) != 0;                                                \
        return (a + (unit >> 1) - 1 + odd) & -unit;                                                \
    }

typedef i32 Su32;
typedef i64 Su64;

FORMAT("f32", f32, u32, 32, 23)
FORMAT("f64", f64, u64, 64, 52)

// Leading zeros of what is not 0.
static inline u32 f32_zeros(u32 a) { return (u32)__builtin_clz(a); }
static u32 f64_zeros(u64 a) { return high(a) ? f32_zeros(high(a)) : 32u + f32_zeros((u32)a); }

// What rounds, of f32 and f64 alike. A significand has the highest bit of its word, of which FRACTION
// + 1 are kept and the others, BEYOND of them, are rounded.
#define ROUNDED(NAME, T, WORD, WIDTH, FRACTION, BEYOND)                                            \
    /* a >> by, the lowest bit 1 if any bit got lost. */                                           \
    static inline WORD T##_jam(WORD a, u32 by) {                                                   \
        if (by == 0) return a;                                                                     \
        if (by > WIDTH - 1) return a != 0;                                                         \
        return a >> by | ((a << (WIDTH - by)) != 0);                                               \
    }                                                                                              \
                                                                                                   \
    /* The float nearest to m * 2^(e - bias - WIDTH + 1), for m with its highest bit 1, whose */   \
    /* lowest may be jammed. A subnormal has no implicit bit; its place is the exponent's, which */ \
    /* takes it when rounding brings it. */                                                        \
    static WORD T##_round(WORD sign, i32 e, WORD m) {                                              \
        if (e >= (i32)T##_ALL) return sign | T##_INFINITY;                                         \
        if (e <= 0) {                                                                              \
            BRANCH;                                                                                \
            m = T##_jam(m, (u32)(1 - e));                                                          \
            e = 0;                                                                                 \
        }                                                                                          \
        u32 rest = (u32)m & ((1u << BEYOND) - 1), half = 1u << (BEYOND - 1);                       \
        WORD bits = ((WORD)(u32)e << FRACTION) + (m >> BEYOND & (T##_ONE - 1));                    \
        bits += rest > half || (rest == half && (bits & 1));                                       \
        return sign | bits;                                                                        \
    }                                                                                              \
                                                                                                   \
    /* Of a subnormal number; two functions, for none here has memory to give two results. */      \
    static RARE WORD T##_normal(WORD m) { return m << T##_zeros(m); }                              \
    static RARE i32 T##_subnormal(WORD m) { return 1 - (i32)T##_zeros(m); }                        \
                                                                                                   \
    /* The magnitude of a number that is neither 0 nor infinite nor NaN: its significand, and */   \
    /* the exponent that belongs to it. */                                                         \
    static inline WORD T##_significand(WORD a, i32 *e) {                                           \
        *e = (i32)T##_exponent(a);                                                                 \
        WORD m = a << BEYOND;                                                                      \
        if (*e) return m | T##_SIGN;                                                               \
        *e = T##_subnormal(m);                                                                     \
        return T##_normal(m);                                                                      \
    }                                                                                              \
                                                                                                   \
    EXPORT(NAME ".add") WORD T##_add(WORD a, WORD b) {                                             \
        if (T##_magnitude(a) < T##_magnitude(b)) {                                                 \
            WORD c = a;                                                                            \
            a = b;                                                                                 \
            b = c;                                                                                 \
        }                                                                                          \
        if (T##_magnitude(a) >= T##_INFINITY) {                                                    \
            u32 both = T##_magnitude(b) == T##_INFINITY;                                           \
            return T##_is_nan(a) || (both && a != b) ? T##_NAN : a;                                \
        }                                                                                          \
        if (T##_magnitude(b) == 0) return T##_magnitude(a) ? a : a & b;                            \
        i32 e, other;                                                                              \
        WORD m = T##_significand(a, &e) >> 1, n = T##_significand(b, &other) >> 1;                 \
        n = T##_jam(n, (u32)(e - other));                                                          \
        m = (a ^ b) & T##_SIGN ? m - n : m + n;                                                    \
        if (m == 0) return 0;                                                                      \
        u32 shift = T##_zeros(m);                                                                  \
        return T##_round(a & T##_SIGN, e + 1 - (i32)shift, m << shift);                            \
    }                                                                                              \
    EXPORT(NAME ".sub") WORD T##_sub(WORD a, WORD b) { return T##_add(a, b ^ T##_SIGN); }          \
                                                                                                   \
    /* Whether an operand is 0, infinite or NaN; and what the product and the quotient are then. */ \
    static inline u32 T##_is_special(WORD a, WORD b) {                                             \
        return T##_exponent(a) == T##_ALL || T##_exponent(b) == T##_ALL ||                         \
               T##_magnitude(a) == 0 || T##_magnitude(b) == 0;                                     \
    }                                                                                              \
    static RARE WORD T##_special_product(WORD a, WORD b) {                                         \
        WORD sign = (a ^ b) & T##_SIGN;                                                            \
        u32 nothing = T##_magnitude(a) == 0 || T##_magnitude(b) == 0;                              \
        u32 infinite = T##_exponent(a) == T##_ALL || T##_exponent(b) == T##_ALL;                   \
        if (T##_is_nan(a) || T##_is_nan(b) || (nothing && infinite)) return T##_NAN;               \
        return nothing ? sign : sign | T##_INFINITY;                                               \
    }                                                                                              \
    static RARE WORD T##_special_quotient(WORD a, WORD b) {                                        \
        WORD sign = (a ^ b) & T##_SIGN;                                                            \
        u32 a_infinite = T##_exponent(a) == T##_ALL, b_infinite = T##_exponent(b) == T##_ALL;      \
        u32 a_nothing = T##_magnitude(a) == 0, b_nothing = T##_magnitude(b) == 0;                  \
        u32 undefined = (a_infinite && b_infinite) || (a_nothing && b_nothing);                    \
        if (T##_is_nan(a) || T##_is_nan(b) || undefined) return T##_NAN;                           \
        return a_infinite || b_nothing ? sign | T##_INFINITY : sign;                               \
    }

ROUNDED("f32", f32, u32, 32, 23, 8)
ROUNDED("f64", f64, u64, 64, 52, 11)

EXPORT("f64.mul") u64 f64_mul(u64 a, u64 b) {
    if (f64_is_special(a, b)) return f64_special_product(a, b);
    i32 e, other;
    u64 m = f64_significand(a, &e), n = f64_significand(b, &other);
    u64 low = product((u32)m, (u32)n);
    u64 middle = product((u32)m, high(n)) + high(low);
    u64 more = product(high(m), (u32)n) + (u32)middle;
    u64 top = product(high(m), high(n)) + high(middle) + high(more);
    if ((u32)more | (u32)low) top |= 1;
    e += other - 1022;
    if ((i64)top >= 0) {
        top <<= 1;
        e--;
    }
    return f64_round((a ^ b) & f64_SIGN, e, top);
}

EXPORT("f32.mul") u32 f32_mul(u32 a, u32 b) {
    if (f32_is_special(a, b)) return f32_special_product(a, b);
    i32 e, other;
    u32 m = f32_significand(a, &e), n = f32_significand(b, &other);
    u64 whole = product(m, n);
    u32 top = high(whole);
    if ((u32)whole) top |= 1;
    e += other - 126;
    if ((i32)top >= 0) {
        top <<= 1;
        e--;
    }
    return f32_round((a ^ b) & f32_SIGN, e, top);
}

// The next 11 bits of m/n < 1, for 2^52 <= n < 2^53, and in m what is left, times 2^11. The
// estimate by the upper halves is not too great: its divisor is more than n / 2^32.
static inline __attribute__((always_inline)) u32 quotient_bits(u64 *m, u64 n) {
    u32 q = high(*m << 11) / (high(n) + 1);
    u64 multiple = join(q * high(n), 0) + ((u64)(q * ((u32)n >> 16)) << 16) + q * ((u32)n & 0xffff);
    u64 rest = (*m << 11) - multiple;
    while (rest >= n) {
        BRANCH;
        rest -= n;
        q++;
    }
    *m = rest;
    return q;
}

EXPORT("f64.div") u64 f64_div(u64 a, u64 b) {
    if (f64_is_special(a, b)) return f64_special_quotient(a, b);
    i32 e, other;
    u64 m = f64_significand(a, &e) >> 11, n = f64_significand(b, &other) >> 11;
    e += 1023 - other;
    if (m < n) {
        m <<= 1;
        e--;
    }
    // 1 <= m/n < 2: five times eleven bits behind the first, which is 1.
    u64 q = 1;
    m -= n;
    for (u32 digit = 0; digit < 5; digit++) q = q << 11 | quotient_bits(&m, n);
    return f64_round((a ^ b) & f64_SIGN, e, q << 8 | (m != 0));
}

EXPORT("f32.div") u32 f32_div(u32 a, u32 b) {
    if (f32_is_special(a, b)) return f32_special_quotient(a, b);
    i32 e, other;
    u32 m = f32_significand(a, &e) >> 8, n = f32_significand(b, &other) >> 8;
    e += 127 - other;
    if (m < n) {
        m <<= 1;
        e--;
    }
    // 1 <= m/n < 2: three times eight bits behind the first, which is 1.
    u32 q = 1;
    m -= n;
    for (u32 digit = 0; digit < 3; digit++) {
        m <<= 8;
        q = q << 8 | m / n;
        m %= n;
    }
    return f32_round((a ^ b) & f32_SIGN, e, q << 7 | (m != 0));
}

// The root of m < 2^28, rounded down, bit by bit, and in m what is left.
static inline __attribute__((always_inline)) u32 short_root(u32 *m) {
    u32 rest = *m, root = 0;
    for (u32 bit = 1u << 26; bit; bit >>= 2) {
        u32 with = root + bit;
        root >>= 1;
        if (with <= rest) {
            BRANCH;
            rest -= with;
            root += bit;
        }
    }
    *m = rest;
    return root;
}

// Roots grow: where `first` is the root of m and `rest` what is left, that of m * 2^2k + low is
// first * 2^k + t with t = (rest * 2^k + low / 2^k) / (2 first), or 1 less if t^2 is more than what
// that leaves (P. Zimmermann, Karatsuba Square Root, INRIA 1999).

EXPORT("f64.sqrt") u64 f64_sqrt(u64 a) {
    if (f64_magnitude(a) == 0) return a;
    if (f64_is_nan(a) || (i64)a < 0) return f64_NAN;
    if (f64_exponent(a) == f64_ALL) return a;
    i32 e;
    // 1 <= m < 4 in units of 2^-54, of an even exponent.
    u64 m = f64_significand(a, &e) >> 8;
    e -= 1023;
    if (!(e & 1)) m >>= 1;
    e = (e >> 1) + 1023;
    // 14 bits of the root from the first 28 of m, 28 from all 56, and 55 from m * 2^54.
    u32 rest = (u32)(m >> 28), first = short_root(&rest);
    u32 low = (u32)m & 0xfffffff, upper = rest << 14 | low >> 14;
    u32 t = upper / (2 * first);
    i32 left = (i32)((upper % (2 * first)) << 14 | (low & 0x3fff)) - (i32)(t * t);
    u32 second = (first << 14) + t;
    if (left < 0) {
        BRANCH;
        second--;
        left += (i32)(2 * second + 1);
    }
    u64 numerator = (u64)(u32)left << 27;
    u32 last = quotient_of(numerator, 2 * second);
    i64 over = (i64)((u64)((u32)numerator - last * 2 * second) << 27) - (i64)product(last, last);
    u64 root = ((u64)second << 27) + last;
    if (over < 0) {
        BRANCH;
        root--;
        over += (i64)(2 * root + 1);
    }
    return f64_round(0, e, root << 9 | (over != 0));
}

EXPORT("f32.sqrt") u32 f32_sqrt(u32 a) {
    if (f32_magnitude(a) == 0) return a;
    if (f32_is_nan(a) || (i32)a < 0) return f32_NAN;
    if (f32_exponent(a) == f32_ALL) return a;
    i32 e;
    u32 m = f32_significand(a, &e) >> 4;
    e -= 127;
    if (!(e & 1)) m >>= 1;
    e = (e >> 1) + 127;
    // 14 bits of the root from m, 27 from m * 2^26.
    u32 rest = m, first = short_root(&rest);
    u32 t = (rest << 13) / (2 * first);
    i32 left = (i32)(((rest << 13) % (2 * first)) << 13) - (i32)(t * t);
    u32 root = (first << 13) + t;
    if (left < 0) {
        BRANCH;
        root--;
        left += (i32)(2 * root + 1);
    }
    return f32_round(0, e, root << 5 | (left != 0));
}

EXPORT("f64.promote_f32") u64 promote(u32 a) {
    u64 sign = (u64)(a & f32_SIGN) << 32;
    if (f32_is_nan(a)) return f64_NAN;
    if (f32_exponent(a) == f32_ALL) return sign | f64_INFINITY;
    if (f32_magnitude(a) == 0) return sign;
    i32 e;
    u32 m = f32_significand(a, &e);
    return sign | ((u64)(u32)(e + 1023 - 127) << 52) | (u64)(m << 1) << 20;
}

EXPORT("f32.demote_f64") u32 demote(u64 a) {
    u32 sign = high(a) & f32_SIGN;
    if (f64_is_nan(a)) return f32_NAN;
    if (f64_exponent(a) == f64_ALL) return sign | f32_INFINITY;
    // Below half of the least float of 32 bits all is 0.
    if (f64_exponent(a) < 1023 - 151) return sign;
    i32 e;
    u64 m = f64_significand(a, &e);
    return f32_round(sign, e - (1023 - 127), high(m) | ((u32)m != 0));
}

static u64 f64_of(u64 sign, u64 magnitude) {
    if (magnitude == 0) return 0;
    u32 shift = f64_zeros(magnitude);
    return f64_round(sign, 1023 + 63 - (i32)shift, magnitude << shift);
}

static u32 f32_of(u32 sign, u64 magnitude) {
    if (magnitude == 0) return 0;
    u32 shift = f64_zeros(magnitude);
    u64 m = magnitude << shift;
    return f32_round(sign, 127 + 63 - (i32)shift, high(m) | ((u32)m != 0));
}

static inline u64 unsigned_of(u64 a) { return (i64)a < 0 ? -a : a; }

EXPORT("f64.convert_i64_u") u64 f64_of_u64(u64 a) { return f64_of(0, a); }
EXPORT("f64.convert_i64_s") u64 f64_of_i64(u64 a) { return f64_of(a & f64_SIGN, unsigned_of(a)); }
EXPORT("f64.convert_i32_u") u64 f64_of_u32(u32 a) { return f64_of(0, a); }
EXPORT("f64.convert_i32_s") u64 f64_of_i32(u32 a) { return f64_of_i64((u64)(i64)(i32)a); }
EXPORT("f32.convert_i64_u") u32 f32_of_u64(u64 a) { return f32_of(0, a); }
EXPORT("f32.convert_i64_s") u32 f32_of_i64(u64 a) {
    return f32_of(high(a) & f32_SIGN, unsigned_of(a));
}
EXPORT("f32.convert_i32_u") u32 f32_of_u32(u32 a) { return f32_of(0, a); }
EXPORT("f32.convert_i32_s") u32 f32_of_i32(u32 a) { return f32_of_i64((u64)(i64)(i32)a); }

// The whole part of a magnitude below 2^64.
static inline u64 whole(u64 a) {
    u32 e = f64_exponent(a);
    if (e < 1023) return 0;
    return (a << 11 | 1ull << 63) >> (1023 + 63 - e);
}

// What is too great or NaN: a trap, or the nearest there is and 0. `BELOW` and `ABOVE` are the first
// magnitudes that are too great, of negative and of other numbers, as f64: every f32 is one.
#define TRUNC(T, WORD, BELOW, ABOVE, LOW, HIGH)                                                    \
    static WORD T(u64 a, u32 traps) {                                                              \
        u64 magnitude = f64_magnitude(a);                                                          \
        u32 negative = (i64)a < 0;                                                                 \
        if (magnitude >= (negative ? BELOW : ABOVE)) {                                             \
            if (traps) __builtin_trap();                                                           \
            return magnitude > f64_INFINITY ? 0 : negative ? LOW : HIGH;                           \
        }                                                                                          \
        u64 result = whole(magnitude);                                                             \
        return (WORD)(negative ? -result : result);                                                \
    }

// 1, 2^31, 2^31 + 1, 2^32, 2^63, the next above it and 2^64 as floats.
#define F1 0x3ff0000000000000ull
#define F31 0x41e0000000000000ull
#define F31_1 0x41e0000000200000ull
#define F32 0x41f0000000000000ull
#define F63 0x43e0000000000000ull
#define F63_1 0x43e0000000000001ull
#define F64 0x43f0000000000000ull

TRUNC(to_i32, u32, F31_1, F31, 0x80000000u, 0x7fffffffu)
TRUNC(to_u32, u32, F1, F32, 0u, 0xffffffffu)
TRUNC(to_i64, u64, F63_1, F63, 0x8000000000000000ull, 0x7fffffffffffffffull)
TRUNC(to_u64, u64, F1, F64, 0ull, 0xffffffffffffffffull)

#define CONVERT(TO, KIND, WORD, CONVERSION)                                                        \
    EXPORT(TO ".trunc_f64_" KIND) WORD CONVERSION##_f64(u64 a) { return CONVERSION(a, 1); }        \
    EXPORT(TO ".trunc_f32_" KIND) WORD CONVERSION##_f32(u32 a) {                                   \
        return CONVERSION(promote(a), 1);                                                          \
    }                                                                                              \
    EXPORT(TO ".trunc_sat_f64_" KIND) WORD CONVERSION##_sat_f64(u64 a) {                           \
        return CONVERSION(a, 0);                                                                   \
    }                                                                                              \
    EXPORT(TO ".trunc_sat_f32_" KIND) WORD CONVERSION##_sat_f32(u32 a) {                           \
        return CONVERSION(promote(a), 0);                                                          \
    }

CONVERT("i32", "s", u32, to_i32)
CONVERT("i32", "u", u32, to_u32)
CONVERT("i64", "s", u64, to_i64)
CONVERT("i64", "u", u64, to_u64)

static void print_hex(u32 word) {
    for (u32 left = 8; left--;) {
        u32 digit = word >> 28;
        output_byte(digit < 10 ? '0' + digit : 'a' - 10 + digit);
        word <<= 4;
    }
}

EXPORT("print.f32") void print_f32(u32 a) {
    output_byte('0');
    output_byte('x');
    print_hex(a);
    output_byte('\n');
}

EXPORT("print.f64") void print_f64(u64 a) {
    output_byte('0');
    output_byte('x');
    print_hex(high(a));
    print_hex((u32)a);
    output_byte('\n');
}
