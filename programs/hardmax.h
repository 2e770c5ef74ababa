/*
 * hardmax.h: the C runtime of programs for a transformer VM.
 *
 * A program includes this header, alone, and defines
 *
 *     void compute(const char *input);
 *
 * where input is text that ends with a NUL. There is no C library: the only way out is
 * output_byte, all else is below and in C11. The machine knows the 32-bit integer
 * instructions of the first WebAssembly: no floats, no 64-bit integers.
 * The compiler copies structs, and fills arrays that are initialised inside a function, in 64-bit
 * pieces: copy member by member, and make such arrays static. Nor does it do without
 * 64-bit integers in __builtin_mul_overflow.
 *
 * Each executed instruction is about five tokens, multiplication and unsigned division nine.
 * Costly is signed division: 25 to 35 tokens, and above 100 with negative numbers.
 *
 * Compiled with (x.c stands for the program):
 *
 *     clang --target=wasm32 -mcpu=mvp -std=gnu11 -O2 -ffreestanding -nostdlib -funsigned-char
 *           -fno-jump-tables -fno-vectorize -fno-slp-vectorize -fno-unroll-loops
 *           -mllvm -replexitval=never -mllvm -combiner-store-merging=false
 *           -Wl,--no-entry -Wl,--export=compute -Wl,--export=__heap_base
 *           -Wl,--stack-first -Wl,-z,stack-size=16384 -Wl,--strip-debug
 *           -I programs -o x.wasm x.c
 */
#ifndef HARDMAX_H
#define HARDMAX_H

#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The entry of every program. */
void compute(const char *input);

/* Writes one byte, the low one of its argument, to the output. */
#ifdef __wasm__
__attribute__((import_module("env"), import_name("output_byte")))
#endif
void output_byte(int byte);

/* The compiler itself may call the memory functions, so they are real symbols in WebAssembly;
   on a host they must not replace those of its own C library. */
#ifdef __wasm__
#define HARDMAX_MEMORY __attribute__((weak))
#else
#define HARDMAX_MEMORY static inline
#endif

/* ---- stopping ---- */

/* Stops the machine at once. */
_Noreturn static inline void abort(void) { __builtin_trap(); }

/* Stops the machine unless the condition holds. */
#define assert(condition) ((condition) ? (void)0 : abort())

/* ---- memory and strings, as in the C library ---- */

/* Copies n bytes between places that do not overlap. */
HARDMAX_MEMORY void *memcpy(void *to, const void *from, size_t n) {
    unsigned char *t = to;
    const unsigned char *f = from;
    for (; n != 0; n--) *t++ = *f++;
    return to;
}

/* Copies n bytes between places that may overlap. */
HARDMAX_MEMORY void *memmove(void *to, const void *from, size_t n) {
    unsigned char *t = to;
    const unsigned char *f = from;
    if ((uintptr_t)t <= (uintptr_t)f) return memcpy(to, from, n);
    while (n-- != 0) t[n] = f[n];
    return to;
}

/* Sets n bytes to one value. */
HARDMAX_MEMORY void *memset(void *to, int byte, size_t n) {
    unsigned char *t = to;
    for (; n != 0; n--) *t++ = (unsigned char)byte;
    return to;
}

/* Compares n bytes: below, equal to or above 0 as a is less than, equal to or greater than b. */
HARDMAX_MEMORY int memcmp(const void *a, const void *b, size_t n) {
    const unsigned char *x = a, *y = b;
    for (; n != 0; n--, x++, y++)
        if (*x != *y) return *x - *y;
    return 0;
}

/* The number of bytes before the NUL. */
static inline size_t strlen(const char *s) {
    const char *end = s;
    while (*end != 0) end++;
    return (size_t)(end - s);
}

/* Compares two strings, with results as those of memcmp. */
static inline int strcmp(const char *a, const char *b) {
    const unsigned char *x = (const unsigned char *)a, *y = (const unsigned char *)b;
    for (; *x == *y && *x != 0; x++, y++) {
    }
    return *x - *y;
}

/* ---- output ---- */

/* Writes one character and returns it. */
static inline int putchar(int c) {
    output_byte(c);
    return c;
}

/* Writes a string. */
static inline void print(const char *s) {
    for (; *s != 0; s++) output_byte(*s);
}

/* Writes a string and a line end. */
static inline void puts(const char *s) {
    print(s);
    output_byte('\n');
}

/* Writes one character n times; nothing when n is not above 0. */
static inline void print_repeat(char c, int n) {
    for (; n > 0; n--) output_byte(c);
}

/* Writes the digits of a number into the end of a buffer of 10 bytes; returns their count. */
static inline int format_uint(char digits[10], unsigned value, unsigned base) {
    int n = 0;
    do {
        unsigned rest = value / base;
        unsigned digit = value - rest * base;
        digits[9 - n++] = (char)(digit < 10 ? '0' + digit : 'a' - 10 + digit);
        value = rest;
    } while (value != 0);
    return n;
}

/* Writes an unsigned number in decimal. */
static inline void print_uint(unsigned value) {
    char digits[10];
    for (int n = format_uint(digits, value, 10); n > 0; n--) output_byte(digits[10 - n]);
}

/* Writes a signed number in decimal. */
static inline void print_int(int value) {
    if (value < 0) output_byte('-');
    print_uint(value < 0 ? 0u - (unsigned)value : (unsigned)value);
}

/* Writes the n bytes of a field after an optional sign, filled up to a width: on the left with
   blanks, or with zeros after the sign; on the right with blanks when left is set. */
static inline void print_field(const char *s, int n, bool minus, int width, bool left, bool zeros) {
    int fill = width - n - minus;
    if (!left && !zeros) print_repeat(' ', fill);
    if (minus) output_byte('-');
    if (!left && zeros) print_repeat('0', fill);
    for (int i = 0; i < n; i++) output_byte(s[i]);
    if (left) print_repeat(' ', fill);
}

/* Writes formatted text: %d %u %x %c %s %%, each with an optional - (to the left), 0 (fill with
   zeros) and width. Anything else after a % stops the machine. */
__attribute__((format(printf, 1, 2))) static inline void printf(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    for (; *format != 0; format++) {
        if (*format != '%') {
            output_byte(*format);
            continue;
        }
        bool left = false, zeros = false;
        for (format++; *format == '-' || *format == '0'; format++) {
            left |= *format == '-';
            zeros |= *format == '0';
        }
        int width = 0;
        for (; *format >= '0' && *format <= '9'; format++) width = width * 10 + (*format - '0');
        char digits[10];
        if (*format == 'd') {
            int value = va_arg(arguments, int);
            unsigned magnitude = value < 0 ? 0u - (unsigned)value : (unsigned)value;
            int n = format_uint(digits, magnitude, 10);
            print_field(digits + 10 - n, n, value < 0, width, left, zeros);
        } else if (*format == 'u' || *format == 'x') {
            unsigned value = va_arg(arguments, unsigned);
            int n = format_uint(digits, value, *format == 'u' ? 10 : 16);
            print_field(digits + 10 - n, n, false, width, left, zeros);
        } else if (*format == 's') {
            const char *s = va_arg(arguments, const char *);
            print_field(s, (int)strlen(s), false, width, left, false);
        } else if (*format == 'c') {
            digits[0] = (char)va_arg(arguments, int);
            print_field(digits, 1, false, width, left, false);
        } else {
            assert(*format == '%');
            output_byte('%');
        }
    }
    va_end(arguments);
}

/* ---- input: a cursor is a pointer into the input that moves on as things are read ---- */

/* Whether a character is a blank: space, tab or line end. */
static inline bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

/* Whether a character is a decimal digit. */
static inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Moves the cursor over blanks. */
static inline void skip_blanks(const char **cursor) {
    while (is_blank(**cursor)) ++*cursor;
}

/* Skips blanks; whether the input ends there. */
static inline bool at_end(const char **cursor) {
    skip_blanks(cursor);
    return **cursor == 0;
}

/* Skips blanks; when the given character is next, moves over it and is true. */
static inline bool accept(const char **cursor, char c) {
    skip_blanks(cursor);
    if (**cursor != c) return false;
    ++*cursor;
    return true;
}

/* Skips blanks and reads an unsigned number; false, with the cursor before it, when there is none
   or it needs more than 32 bits. */
static inline bool read_uint(const char **cursor, unsigned *value) {
    skip_blanks(cursor);
    const char *s = *cursor;
    if (!is_digit(*s)) return false;
    unsigned sum = 0;
    for (; is_digit(*s); s++) {
        unsigned digit = (unsigned)(*s - '0');
        if (sum > (UINT_MAX - digit) / 10) return false;
        sum = sum * 10 + digit;
    }
    *cursor = s;
    *value = sum;
    return true;
}

/* Skips blanks and reads a number with an optional sign; false, with the cursor before it, when
   there is none or it does not fit. */
static inline bool read_int(const char **cursor, int *value) {
    skip_blanks(cursor);
    const char *s = *cursor;
    bool minus = *s == '-';
    if (*s == '-' || *s == '+') s++;
    unsigned magnitude;
    if (!is_digit(*s) || !read_uint(&s, &magnitude)) return false;
    if (magnitude > (unsigned)INT_MAX + minus) return false;
    *cursor = s;
    *value = (int)(minus ? 0u - magnitude : magnitude);
    return true;
}

/* Reads an input that is one unsigned number from least to most and nothing else. */
static inline bool read_argument(const char *input, unsigned least, unsigned most, unsigned *value) {
    return read_uint(&input, value) && at_end(&input) && *value >= least && *value <= most;
}

#endif
