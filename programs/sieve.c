/* The sieve of Eratosthenes. Input: n, from 2 to 1000000; all primes up to n are printed. */
#define HARDMAX_PLAIN_PRINTF
#include "hardmax.h"

enum { MOST = 1000000, PER_LINE = 15 };

static bool crossed_out[MOST + 1];

void compute(const char *input) {
    unsigned n;
    if (!read_argument(input, 2, MOST, &n)) {
        printf("error: expected one whole number from 2 to %d\n", MOST);
        return;
    }
    /* A composite number up to n has a prime factor whose square is at most n, and every smaller
       multiple of p than p * p has a smaller factor than p. */
    for (unsigned p = 2; p * p <= n; p++) {
        if (crossed_out[p]) continue;
        for (unsigned multiple = p * p; multiple <= n; multiple += p) crossed_out[multiple] = true;
    }
    unsigned count = 0, in_line = 0;
    for (unsigned i = 2; i <= n; i++) {
        if (crossed_out[i]) continue;
        if (count != 0) putchar(in_line == 0 ? '\n' : ' ');
        print_uint(i);
        count++;
        in_line = in_line == PER_LINE - 1 ? 0 : in_line + 1;
    }
    printf("\n\n%u primes up to %u\n", count, n);
}
