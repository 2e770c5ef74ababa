/*
 * hardmax.h: the C runtime of programs for a transformer VM.
 *
 * A program includes this header, alone, and defines
 *
 *     void compute(const char *input);
 *
 * where input is text that ends with a NUL. There is no C library: the only way out is
 * output_byte, all else is below and in C11. What has the name of a function of the C library does
 * what that does, as far as it says nothing else. Integers of 64 bits, floats and copies of structs are as
 * anywhere; printf knows no floats.
 *
 * Each executed instruction is about five tokens, multiplication and unsigned division nine.
 * Costly are signed division, 25 to 35 tokens, and above 100 with negative numbers; 64 bits, from twice as many
 * to some 1,400 for a division; and floats, hundreds to thousands.
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

/* The same of at most n characters. */
static inline int strncmp(const char *a, const char *b, size_t n) {
    for (; n != 0; n--, a++, b++) {
        if (*a != *b || *a == 0) return (unsigned char)*a - (unsigned char)*b;
    }
    return 0;
}

/* Copies a string with its NUL. */
static inline char *strcpy(char *to, const char *from) {
    char *t = to;
    while ((*t++ = *from++) != 0) {
    }
    return to;
}

/* Copies at most n characters, and fills up with NULs. */
static inline char *strncpy(char *to, const char *from, size_t n) {
    char *t = to;
    for (; n != 0 && *from != 0; n--) *t++ = *from++;
    for (; n != 0; n--) *t++ = 0;
    return to;
}

/* Appends a string to another. */
static inline char *strcat(char *to, const char *from) {
    strcpy(to + strlen(to), from);
    return to;
}

/* The first place of a character, which may be the NUL; or NULL. */
static inline char *strchr(const char *s, int c) {
    for (; *s != (char)c; s++)
        if (*s == 0) return NULL;
    return (char *)s;
}

/* The last such place. */
static inline char *strrchr(const char *s, int c) {
    const char *found = NULL;
    do {
        if (*s == (char)c) found = s;
    } while (*s++ != 0);
    return (char *)found;
}

/* The first place of a string within another, or NULL. */
static inline char *strstr(const char *s, const char *part) {
    size_t n = strlen(part);
    for (; strncmp(s, part, n) != 0; s++)
        if (*s == 0) return NULL;
    return (char *)s;
}

/* How many of the first characters are among some. */
static inline size_t strspn(const char *s, const char *some) {
    size_t n = 0;
    while (s[n] != 0 && strchr(some, s[n]) != NULL) n++;
    return n;
}

/* How many of the first characters are not. */
static inline size_t strcspn(const char *s, const char *some) {
    size_t n = 0;
    while (s[n] != 0 && strchr(some, s[n]) == NULL) n++;
    return n;
}

/* The first place of a byte among n, or NULL. */
static inline void *memchr(const void *from, int byte, size_t n) {
    const unsigned char *f = from;
    for (; n != 0; n--, f++)
        if (*f == (unsigned char)byte) return (void *)f;
    return NULL;
}

/* ---- characters, of ASCII ---- */

static inline int isdigit(int c) { return c >= '0' && c <= '9'; }
static inline int islower(int c) { return c >= 'a' && c <= 'z'; }
static inline int isupper(int c) { return c >= 'A' && c <= 'Z'; }
static inline int isalpha(int c) { return islower(c) || isupper(c); }
static inline int isalnum(int c) { return isalpha(c) || isdigit(c); }
static inline int isspace(int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static inline int isprint(int c) { return c >= ' ' && c <= '~'; }
static inline int ispunct(int c) { return c > ' ' && c <= '~' && !isalnum(c); }
static inline int isxdigit(int c) {
    return isdigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
static inline int tolower(int c) { return isupper(c) ? c - 'A' + 'a' : c; }
static inline int toupper(int c) { return islower(c) ? c - 'a' + 'A' : c; }

/* ---- allocation ---- */

#ifdef __wasm__
/* A block that is free, in a list by addresses, or what stands before one that is not. */
struct hardmax_block {
    size_t size; /* of what lies behind this, a multiple of 8 */
    struct hardmax_block *next;
};

static struct hardmax_block hardmax_free;

/* Gives back what malloc gave, or nothing. */
static inline void free(void *place) {
    if (place == NULL) return;
    struct hardmax_block *block = (struct hardmax_block *)place - 1, *before = &hardmax_free;
    while (before->next != NULL && before->next < block) before = before->next;
    block->next = before->next;
    before->next = block;
    /* Neighbours become one. */
    if ((char *)(block + 1) + block->size == (char *)block->next) {
        block->size += sizeof *block + block->next->size;
        block->next = block->next->next;
    }
    if (before != &hardmax_free && (char *)(before + 1) + before->size == (char *)block) {
        before->size += sizeof *block + block->size;
        before->next = block->next;
    }
}

/* Room for n bytes, aligned to 8; NULL where memory cannot grow so far. Memory only grows by this, so the
   input and the stack lie before all of it. */
static inline void *malloc(size_t n) {
    if (n > PTRDIFF_MAX) return NULL;
    n = n < 8 ? 8 : (n + 7) & ~(size_t)7;
    for (;;) {
        for (struct hardmax_block *before = &hardmax_free; before->next != NULL; before = before->next) {
            struct hardmax_block *block = before->next;
            if (block->size < n) continue;
            if (block->size - n >= 2 * sizeof *block) {
                struct hardmax_block *rest = (struct hardmax_block *)((char *)(block + 1) + n);
                rest->size = block->size - n - sizeof *block;
                rest->next = block->next;
                block->size = n;
                block->next = rest;
            }
            before->next = block->next;
            return block + 1;
        }
        size_t pages = (n + sizeof hardmax_free + 65535) / 65536;
        size_t begin = __builtin_wasm_memory_grow(0, pages);
        if (begin == SIZE_MAX) return NULL;
        struct hardmax_block *block = (struct hardmax_block *)(begin * 65536);
        block->size = pages * 65536 - sizeof *block;
        free(block + 1);
    }
}

/* How many bytes a place has that malloc gave. */
static inline size_t hardmax_size(void *place) { return ((struct hardmax_block *)place - 1)->size; }
#else
void *malloc(size_t n);
void free(void *place);
static inline size_t hardmax_size(void *place) { return (void)place, 0; }
#endif

/* Room for n times so many bytes, all 0. */
static inline void *calloc(size_t n, size_t size) {
    if (size != 0 && n > SIZE_MAX / size) return NULL;
    void *place = malloc(n * size);
    return place == NULL ? NULL : memset(place, 0, n * size);
}

#ifdef __wasm__
/* The same bytes, as far as they fit, in room for n; the old place is given back. */
static inline void *realloc(void *place, size_t n) {
    if (place == NULL) return malloc(n);
    size_t size = hardmax_size(place);
    if (n <= size) return place;
    void *larger = malloc(n);
    if (larger == NULL) return NULL;
    memcpy(larger, place, size);
    free(place);
    return larger;
}
#else
void *realloc(void *place, size_t n);
#endif

/* ---- numbers ---- */

static inline int abs(int n) { return n < 0 ? -n : n; }

/* Reads the digits of a number of a base from 2 to 36, or of the base that its beginning says, if that is 0;
   *end is where they end, or s where there is none. No number is greater than most. */
static inline unsigned long hardmax_digits(const char *s, char **end, int base, bool *minus, unsigned long most) {
    const char *begin = s, *after = s;
    while (isspace(*s)) s++;
    *minus = *s == '-';
    if (*s == '-' || *s == '+') s++;
    bool is_hexadecimal = s[0] == '0' && (s[1] | 32) == 'x' && isxdigit(s[2]);
    if ((base == 0 || base == 16) && is_hexadecimal) {
        s += 2;
        base = 16;
    } else if (base == 0) {
        base = *s == '0' ? 8 : 10;
    }
    unsigned long sum = 0;
    for (;; after = ++s) {
        unsigned digit = isdigit(*s) ? (unsigned)(*s - '0') : isalpha(*s) ? (unsigned)((*s | 32) - 'a' + 10) : 99;
        if (digit >= (unsigned)base) break;
        bool is_greater = sum > (ULONG_MAX - digit) / (unsigned)base;
        sum = is_greater ? ULONG_MAX : sum * (unsigned)base + digit;
    }
    if (end != NULL) *end = (char *)(after == begin ? begin : after);
    return sum > most + (*minus && most != ULONG_MAX) ? most + (*minus && most != ULONG_MAX) : sum;
}

/* A number, or the nearest there is; there is no errno. */
static inline long strtol(const char *s, char **end, int base) {
    bool minus;
    unsigned long magnitude = hardmax_digits(s, end, base, &minus, LONG_MAX);
    return (long)(minus ? 0 - magnitude : magnitude);
}

static inline unsigned long strtoul(const char *s, char **end, int base) {
    bool minus;
    unsigned long magnitude = hardmax_digits(s, end, base, &minus, ULONG_MAX);
    return minus && magnitude != ULONG_MAX ? 0 - magnitude : magnitude;
}

static inline int atoi(const char *s) { return (int)strtol(s, NULL, 10); }

/* ---- sorted arrays ---- */

static inline void hardmax_swap(char *a, char *b, size_t size) {
    for (; size != 0; size--, a++, b++) {
        char byte = *a;
        *a = *b;
        *b = byte;
    }
}

/* Sorts n elements of so many bytes: by a heap, so never in more than about 2 n log n comparisons. */
static inline void qsort(void *base, size_t n, size_t size, int (*compare)(const void *, const void *)) {
    char *elements = base;
    /* Elements from `begin` on are no greater than those above them in the heap. */
    for (size_t begin = n / 2, count = n; count > 1;) {
        if (begin > 0) {
            begin--;
        } else {
            hardmax_swap(elements, elements + --count * size, size);
        }
        for (size_t at = begin, child; (child = 2 * at + 1) < count; at = child) {
            char *greater = elements + child * size;
            if (child + 1 < count && compare(greater, greater + size) < 0) {
                child++;
                greater += size;
            }
            if (compare(elements + at * size, greater) >= 0) break;
            hardmax_swap(elements + at * size, greater, size);
        }
    }
}

/* An element of a sorted array that equals a key, or NULL. */
static inline void *bsearch(const void *key, const void *base, size_t n, size_t size,
                            int (*compare)(const void *, const void *)) {
    for (const char *from = base; n != 0;) {
        const char *middle = from + n / 2 * size;
        int order = compare(key, middle);
        if (order == 0) return (void *)middle;
        if (order > 0) {
            from = middle + size;
            n--;
        }
        n /= 2;
    }
    return NULL;
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

#ifdef HARDMAX_PLAIN_PRINTF
/* For programs that need no more: %d %u %x %c %s %%, each with an optional - (to the left), 0 (fill with
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
#else
/* Where formatted text goes: to the output, or into a buffer of so many bytes, as far as they reach. */
struct hardmax_text {
    char *buffer;
    size_t size, written;
};

static inline void hardmax_put(struct hardmax_text *text, char c) {
    if (text->buffer == NULL) output_byte(c);
    else if (text->written + 1 < text->size) text->buffer[text->written] = c;
    text->written++;
}

/* The digits of a number, into the end of a buffer of 22 bytes; returns their count. */
static inline int hardmax_format(char digits[22], unsigned long long value, unsigned base, char ten) {
    int n = 0;
    /* Division of 32 bits is far cheaper. */
    for (; value > UINT_MAX; value /= base) {
        unsigned digit = (unsigned)(value % base);
        digits[21 - n++] = (char)(digit < 10 ? '0' + digit : ten + digit - 10);
    }
    for (unsigned rest = (unsigned)value; rest != 0; rest /= base) {
        unsigned digit = rest % base;
        digits[21 - n++] = (char)(digit < 10 ? '0' + digit : ten + digit - 10);
    }
    return n;
}

static inline void hardmax_fill(struct hardmax_text *text, char c, int n) {
    for (; n > 0; n--) hardmax_put(text, c);
}

/* Formatted text as in C, without floats: flags - + 0 blank #, width and precision, both also *; hh h l ll z t j;
   d i u o x X c s p %. Anything else after a % stops the machine. */
static inline int hardmax_print(struct hardmax_text *text, const char *format, va_list arguments) {
    for (; *format != 0; format++) {
        if (*format != '%') {
            hardmax_put(text, *format);
            continue;
        }
        bool left = false, zeros = false, sharp = false;
        char sign = 0;
        for (format++;; format++) {
            if (*format == '-') left = true;
            else if (*format == '0') zeros = true;
            else if (*format == '#') sharp = true;
            else if (*format == '+') sign = '+';
            else if (*format == ' ') sign = sign == 0 ? ' ' : sign;
            else break;
        }
        int width = 0, precision = -1;
        if (*format == '*') {
            width = va_arg(arguments, int);
            left |= width < 0;
            width = width < 0 ? -width : width;
            format++;
        }
        for (; isdigit(*format); format++) width = width * 10 + (*format - '0');
        if (*format == '.') {
            precision = 0;
            if (*++format == '*') {
                precision = va_arg(arguments, int);
                format++;
            }
            for (; isdigit(*format); format++) precision = precision * 10 + (*format - '0');
        }
        int bytes = sizeof(int);
        for (;; format++) {
            if (*format == 'h') bytes /= 2;
            else if (*format == 'l') bytes = bytes == sizeof(int) ? sizeof(long) : sizeof(long long);
            else if (*format == 'z' || *format == 't') bytes = sizeof(size_t);
            else if (*format == 'j') bytes = sizeof(long long);
            else break;
            /* long may be as short as int: the second l says long long. */
            if (*format == 'l' && format[1] == 'l') {
                bytes = sizeof(long long);
                format++;
            }
        }
        char digits[22];
        const char *s = digits;
        const char *prefix = "";
        int n = 0, prefixes = 0, least = 0;
        char kind = *format;
        if (kind == 'd' || kind == 'i') {
            long long value = bytes == sizeof(long long) ? va_arg(arguments, long long) : va_arg(arguments, int);
            if (bytes == 1) value = (signed char)value;
            if (bytes == 2) value = (short)value;
            if (value < 0) sign = '-';
            unsigned long long magnitude = (unsigned long long)value;
            n = hardmax_format(digits, value < 0 ? 0 - magnitude : magnitude, 10, 'a');
            prefix = &sign;
            prefixes = sign != 0;
        } else if (kind == 'u' || kind == 'o' || kind == 'x' || kind == 'X' || kind == 'p') {
            if (kind == 'p') {
                bytes = sizeof(void *);
                sharp = true;
            }
            unsigned long long value =
                bytes == sizeof(long long) ? va_arg(arguments, unsigned long long) : va_arg(arguments, unsigned);
            if (bytes == 1) value = (unsigned char)value;
            if (bytes == 2) value = (unsigned short)value;
            unsigned base = kind == 'u' ? 10 : kind == 'o' ? 8 : 16;
            n = hardmax_format(digits, value, base, kind == 'X' ? 'A' : 'a');
            if (sharp && base == 16 && (value != 0 || kind == 'p')) {
                prefix = kind == 'X' ? "0X" : "0x";
                prefixes = 2;
            }
            if (sharp && base == 8) least = n + 1;
        } else if (kind == 'c') {
            digits[0] = (char)va_arg(arguments, int);
            n = 1;
        } else if (kind == 's') {
            s = va_arg(arguments, const char *);
            for (n = 0; (precision < 0 || n < precision) && s[n] != 0;) n++;
        } else {
            assert(kind == '%');
            hardmax_put(text, '%');
            continue;
        }
        bool is_number = kind != 'c' && kind != 's';
        if (is_number) {
            s = digits + 22 - n;
            /* A precision is how many digits there are at least; zeros fill only where there is none. */
            least = precision >= 0 ? (precision > least ? precision : least) : (least > 1 ? least : 1);
            if (zeros && !left && precision < 0) least = width - prefixes > least ? width - prefixes : least;
        }
        int more = least > n ? least - n : 0, fill = width - prefixes - more - n;
        if (!left) hardmax_fill(text, ' ', fill);
        for (int i = 0; i < prefixes; i++) hardmax_put(text, prefix[i]);
        hardmax_fill(text, '0', more);
        for (int i = 0; i < n; i++) hardmax_put(text, s[i]);
        if (left) hardmax_fill(text, ' ', fill);
    }
    if (text->buffer != NULL && text->size > 0)
        text->buffer[text->written < text->size ? text->written : text->size - 1] = 0;
    return (int)text->written;
}

/* Writes formatted text, and returns how many bytes. */
static inline int vprintf(const char *format, va_list arguments) {
    struct hardmax_text text = {NULL, 0, 0};
    return hardmax_print(&text, format, arguments);
}

__attribute__((format(printf, 1, 2))) static inline int printf(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int written = vprintf(format, arguments);
    va_end(arguments);
    return written;
}

/* The same into a buffer, of which size bytes are used at most, a NUL among them; returns how many there would be. */
static inline int vsnprintf(char *buffer, size_t size, const char *format, va_list arguments) {
    char nothing;
    struct hardmax_text text = {size == 0 ? &nothing : buffer, size, 0};
    return hardmax_print(&text, format, arguments);
}

__attribute__((format(printf, 3, 4))) static inline int snprintf(char *buffer, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(buffer, size, format, arguments);
    va_end(arguments);
    return written;
}

__attribute__((format(printf, 2, 3))) static inline int sprintf(char *buffer, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(buffer, PTRDIFF_MAX, format, arguments);
    va_end(arguments);
    return written;
}
#endif

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
