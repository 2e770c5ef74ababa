/* Halve what is even, triple and add one to what is odd, until 1 is reached.
   Input: the first number, from 1 to 4294967295. */
#define HARDMAX_PLAIN_PRINTF
#include "hardmax.h"

enum { PER_LINE = 10 };

void compute(const char *input) {
    unsigned n;
    if (!read_argument(input, 1, UINT_MAX, &n)) {
        puts("error: expected one whole number from 1 to 4294967295");
        return;
    }
    unsigned start = n, greatest = n;
    unsigned steps = 0, in_line = 1;
    print_uint(n);
    while (n != 1) {
        if ((n & 1) == 0) {
            n = n / 2;
        } else if (n <= (UINT_MAX - 1) / 3) {
            n = 3 * n + 1;
        } else {
            printf("\n\nstopped after %u steps: 3 * %u + 1 needs more than 32 bits\n", steps, n);
            return;
        }
        steps++;
        if (n > greatest) greatest = n;
        if (in_line == PER_LINE) {
            putchar('\n');
            in_line = 0;
        } else {
            putchar(' ');
        }
        in_line++;
        print_uint(n);
    }
    printf("\n\n%u reaches 1 in %u steps; the greatest number on the way is %u\n", start, steps, greatest);
}
