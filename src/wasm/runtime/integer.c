// What the machine has no instruction for of i64, each named like the instruction of WebAssembly
// that it is. No function may use the instruction that it is.

#include "runtime.h"

EXPORT("i64.clz") u64 clz(u64 a) {
    if (high(a)) return (u32)__builtin_clz(high(a));
    return (u32)a ? 32u + (u32)__builtin_clz((u32)a) : 64u;
}

EXPORT("i64.ctz") u64 ctz(u64 a) {
    if ((u32)a) return (u32)__builtin_ctz((u32)a);
    return high(a) ? 32u + (u32)__builtin_ctz(high(a)) : 64u;
}

// One digit of 16 bits of (remainder * 2^16 + next) / divisor, whose highest bit is 1, and in
// `remainder` what is left. The estimate by the upper half of the divisor is at most 2 too great
// (Knuth, The Art of Computer Programming 4.3.1, theorem B).
static inline __attribute__((always_inline)) u32 digit(u32 *remainder, u32 next, u32 divisor) {
    u32 upper = divisor >> 16, lower = divisor & 0xffff;
    u32 estimate = *remainder / upper, rest = *remainder - estimate * upper;
    while (estimate >> 16 || estimate * lower > (rest << 16 | next)) {
        estimate--;
        rest += upper;
        if (rest >> 16) break;
    }
    *remainder = (*remainder << 16 | next) - estimate * divisor;
    return estimate;
}

// a / b where the quotient is a word.
u32 quotient_of(u64 a, u32 b) {
    u32 shift = (u32)__builtin_clz(b), divisor = b << shift;
    u64 dividend = a << shift;
    u32 remainder = high(dividend);
    u32 first = digit(&remainder, (u32)dividend >> 16, divisor);
    return first << 16 | digit(&remainder, (u32)dividend & 0xffff, divisor);
}

// a / b where b has more than a word, and in `remainder` what is left. Half of a by the 32 highest
// bits of b is an estimate that is right or 1 too great; less 1 it is right or 1 too small.
static inline __attribute__((always_inline)) u64 by_long(u64 a, u64 b, u64 *remainder) {
    u32 shift = (u32)__builtin_clz(high(b));
    u64 estimate = (u64)quotient_of(a >> 1, high(b << shift)) << shift >> 31;
    if (estimate) estimate--;
    u64 rest = a - estimate * b;
    if (rest >= b) {
        rest -= b;
        estimate++;
    }
    *remainder = rest;
    return estimate;
}

EXPORT("i64.div_u") u64 div_u(u64 a, u64 b) {
    u64 rest;
    if (high(b)) return by_long(a, b, &rest);
    if (!(u32)b) __builtin_trap();
    if (!high(a)) return (u32)a / (u32)b;
    u32 first = high(a) / (u32)b;
    return join(first, quotient_of(join(high(a) - first * (u32)b, (u32)a), (u32)b));
}

EXPORT("i64.rem_u") u64 rem_u(u64 a, u64 b) {
    u64 rest;
    if (high(b)) {
        by_long(a, b, &rest);
        return rest;
    }
    if (!(u32)b) __builtin_trap();
    if (!high(a)) return (u32)a % (u32)b;
    u32 last = quotient_of(join(high(a) % (u32)b, (u32)a), (u32)b);
    return (u32)a - last * (u32)b;
}

static inline u64 magnitude(u64 a) { return (i64)a < 0 ? -a : a; }

EXPORT("i64.div_s") u64 div_s(u64 a, u64 b) {
    u64 q = div_u(magnitude(a), magnitude(b));
    if ((i64)(a ^ b) < 0) return -q;
    // -2^63 / -1.
    if ((i64)q < 0) __builtin_trap();
    return q;
}

EXPORT("i64.rem_s") u64 rem_s(u64 a, u64 b) {
    u64 rest = rem_u(magnitude(a), magnitude(b));
    return (i64)a < 0 ? -rest : rest;
}

EXPORT("print.i64") void print_i64(u64 a) {
    if ((i64)a < 0) output_byte('-');
    a = magnitude(a);
    // The greatest power of ten that is not above, so that digits come highest first.
    u64 power = 1;
    while (a / power >= 10) power = power * 10;
    for (; power; power /= 10) {
        u64 q = a / power;
        output_byte('0' + (u32)q);
        a -= q * power;
    }
    output_byte('\n');
}
