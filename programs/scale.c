/* A run as long as one asks for: n steps of mixing pseudo-random numbers into a table. Each step
   multiplies, shifts, compares, branches, reads and writes memory, in about 32 instructions: n = 1000000
   makes about 170 million tokens. Input: n, from 0 to 4294967295. */
#define HARDMAX_PLAIN_PRINTF
#include "hardmax.h"

enum { SIZE = 256 };

static unsigned table[SIZE];

void compute(const char *input) {
    unsigned n;
    if (!read_argument(input, 0, UINT_MAX, &n)) {
        puts("error: expected one whole number from 0 to 4294967295");
        return;
    }
    unsigned x = 1, swaps = 0;
    for (unsigned i = 0; i < n; i++) {
        x = x * 1664525 + 1013904223; /* all 2^32 numbers come, in an order without simple pattern */
        unsigned *entry = &table[x >> 24];
        unsigned old = *entry;
        if (old > x) {
            *entry = x;
            swaps++;
        } else {
            *entry = old + (x ^ i);
        }
    }
    unsigned checksum = 0;
    for (int i = 0; i < SIZE; i++) checksum = checksum * 31 + table[i];
    printf("%u steps, %u swaps, checksum %08x\n", n, swaps, checksum);
}
