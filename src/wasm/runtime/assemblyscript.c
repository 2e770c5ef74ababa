// What AssemblyScript's own library imports: `env.abort`, by which an exception ends a program.

#include "memory.h"

// A string of UTF-16, whose length in bytes stands before it, as UTF-8. None is at 0.
static inline void print(u32 string) {
    if (string < 4 || !within(string - 4, 4)) return;
    u32 length = words(string)[-1];
    if (!within(string, length)) return;
    const u16 *at = (const u16 *)string;
    for (u32 left = length / 2; left; left--, at++) {
        u32 unit = at[0];
        if (unit < 0x80) {
            output_byte(unit);
            continue;
        }
        if (unit < 0x800) {
            output_byte(0xc0 | unit >> 6);
        } else {
            if (unit >> 10 == 0xd800 >> 10 && left > 1 && at[1] >> 10 == 0xdc00 >> 10) {
                unit = 0x10000 + ((unit & 0x3ff) << 10 | (at[1] & 0x3ff));
                at++, left--;
                output_byte(0xf0 | unit >> 18);
                output_byte(0x80 | (unit >> 12 & 0x3f));
            } else {
                output_byte(0xe0 | unit >> 12);
            }
            output_byte(0x80 | (unit >> 6 & 0x3f));
        }
        output_byte(0x80 | (unit & 0x3f));
    }
}

// Digits come highest first.
static inline void print_number(u32 number) {
    u32 power = 1;
    while (number / power >= 10) power = power * 10;
    for (; power; power /= 10) output_byte('0' + number / power % 10);
}

// Writes what AssemblyScript's programs of WASI write, and traps.
EXPORT("env.abort") void abort_with(u32 message, u32 file, u32 line, u32 column) {
    output_byte('a'), output_byte('b'), output_byte('o'), output_byte('r'), output_byte('t');
    output_byte(':'), output_byte(' ');
    print(message);
    output_byte(' '), output_byte('i'), output_byte('n'), output_byte(' ');
    print(file);
    output_byte('(');
    print_number(line);
    output_byte(':');
    print_number(column);
    output_byte(')'), output_byte('\n');
    __builtin_trap();
}
