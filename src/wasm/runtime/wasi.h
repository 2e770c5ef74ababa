// What the functions of WASI share: what a program is given, the words of the runtime that keep their
// values from call to call, and the program's memory.

#include "memory.h"

// The byte at this index of what the program is given, which lies outside of its memory.
__attribute__((import_module("machine"), import_name("input_byte"))) u32 input_byte(u32 index);

// What the program is given (src/wasm/wasi.rs has the layout): from GIVEN on five words, then the
// arguments, the environment and the standard input.
enum {
    GIVEN = 256,
    ARGUMENTS = GIVEN,
    ARGUMENT_BYTES = GIVEN + 4,
    VARIABLES = GIVEN + 8,
    VARIABLE_BYTES = GIVEN + 12,
    INPUT_BYTES = GIVEN + 16,
    CONTENTS = GIVEN + 20,
};

static inline u32 given(u32 index) {
    return input_byte(index) | input_byte(index + 1) << 8 | input_byte(index + 2) << 16 |
           input_byte(index + 3) << 24;
}

// A global of WebAssembly, for the runtime has no memory of its own. It begins as 0.
#define GLOBAL(type, wasm_type, name)                                                      \
    __asm__(".globaltype " #name ", " #wasm_type "\n.globl " #name "\n" #name ":\n");      \
    static inline type name##_get(void) {                                                  \
        type value;                                                                        \
        __asm__ volatile("global.get " #name "\n\tlocal.set %0" : "=r"(value));            \
        return value;                                                                      \
    }                                                                                      \
    static inline void name##_set(type value) {                                            \
        __asm__ volatile("local.get %0\n\tglobal.set " #name : : "r"(value));              \
    }

enum { SUCCESS = 0, BADF = 8, FAULT = 21, INVAL = 28, NOSYS = 52, SPIPE = 70 };

// Every function is named like the one of WASI that it is, and returns one of these errors.
#define WASI(name) EXPORT("wasi." name) u32
