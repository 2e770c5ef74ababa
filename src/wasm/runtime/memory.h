// The memory of the program, which the functions that stand for imports read and write.

#include <stdbool.h>

#include "runtime.h"

// Whether so many bytes of it are there.
static inline bool within(u32 begin, u32 length) {
    u32 last = begin + length - 1;
    return !length || (last >= begin && last >> 16 < __builtin_wasm_memory_size(0));
}

// Keeps the C compiler from adding what the offset of an access says for nothing.
#define ONE_ADDRESS(pointer) __asm__("" : "+r"(pointer))

static inline u8 *bytes(u32 address) { return (u8 *)address; }
static inline u32 *words(u32 address) { return (u32 *)address; }
static inline u64 *longs(u32 address) { return (u64 *)address; }
