// What both halves of the runtime are written with.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int i32;
typedef long long i64;

#define EXPORT(name) __attribute__((export_name(name)))

__attribute__((import_module("env"), import_name("output_byte"))) void output_byte(u32 byte);

// Stops the program with an exit code.
__attribute__((import_module("machine"), import_name("exit"), noreturn)) void machine_exit(u32 code);

static inline u32 high(u64 a) { return (u32)(a >> 32); }

// The machine's instruction, which the C compiler knows nothing of: by shifts and `|` it would cost more.
__attribute__((import_module("machine"), import_name("i64.join"))) u64 join(u32 high, u32 low);

// Makes a branch stay one. Without, the C compiler computes both ways and selects, which for a
// transformer costs the tokens of both.
#define BRANCH __asm__ volatile("")

// For what is rare: it costs a call where it happens, and nothing where it does not.
#define RARE __attribute__((noinline))

// The product of two words, which the compiler makes of the machine's two halves.
static inline u64 product(u32 a, u32 b) { return (u64)a * b; }

// a / b where the quotient is a word, in integer.c.
u32 quotient_of(u64 a, u32 b);
