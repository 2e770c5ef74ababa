/* The Fibonacci numbers F(0) to F(n), exactly, however long they become.
   Input: n, from 0 to 1000. */
#define HARDMAX_PLAIN_PRINTF
#include "hardmax.h"

/* A number in base 10^9, lowest limb first; F(1000) has 209 digits. */
enum { BASE = 1000000000, MOST_LIMBS = 24 };
typedef struct {
    unsigned limb[MOST_LIMBS];
    int length;
} Big;

static void print_big(const Big *n) {
    print_uint(n->limb[n->length - 1]);
    for (int i = n->length - 2; i >= 0; i--) printf("%09u", n->limb[i]);
}

/* a += b. */
static void add_to(Big *a, const Big *b) {
    unsigned carry = 0;
    int i = 0;
    for (; i < a->length || i < b->length; i++) {
        unsigned sum = carry;
        if (i < a->length) sum += a->limb[i];
        if (i < b->length) sum += b->limb[i];
        carry = sum >= BASE;
        a->limb[i] = carry ? sum - BASE : sum;
    }
    if (carry) {
        assert(i < MOST_LIMBS);
        a->limb[i++] = 1;
    }
    a->length = i;
}

void compute(const char *input) {
    unsigned n;
    if (!read_argument(input, 0, 1000, &n)) {
        puts("error: expected one whole number from 0 to 1000");
        return;
    }
    static Big numbers[2]; /* F(i) for even and for odd i */
    numbers[0].length = numbers[1].length = 1;
    numbers[1].limb[0] = 1;
    for (unsigned i = 0; i <= n; i++) {
        if (i >= 2) add_to(&numbers[i & 1], &numbers[(i & 1) ^ 1]);
        printf("F(%u) = ", i);
        print_big(&numbers[i & 1]);
        putchar('\n');
    }
}
