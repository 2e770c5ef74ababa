/* The Collatz sequence from a number to 1. Input: the number, in decimal.
   It needs only what every machine of the family has: no products, shifts or bit operations. Numbers are
   decimal digits, the lowest first. */
#include "hardmax.h"

static char digit[40], half_of[20];
/* What stands here the compiler does not look through. */
#define HIDE(x) __asm__ volatile("" : "+r"(x))
void compute(const char *input) {
    int n = 0;
    while (input[n]) n++;
    const char *from = input;
    for (char *to = digit + n; to != digit;) { to--; *to = *from; from++; HIDE(to); }
    for (int i = 0; i != n; i++) { int d = digit[i]; d -= '0'; HIDE(d); digit[i] = (char)d; }
    int h = 0;
    for (int i = 0; i != 20; i++) { half_of[i] = (char)h; i++; half_of[i] = (char)h; h++; }
    for (;;) {
        for (int i = n; i != 0; i--) putchar(digit[i - 1] + '0');
        putchar('\n');
        if (n == 1) if (digit[0] == 1) return;
        int low = digit[0], odd = 0;
        while (low != 0) {
            low--;
            HIDE(low);
            if (odd) odd = 0; else odd = 1;
            HIDE(odd);
        }
        if (!odd) {
            int rest = 0;
            for (int i = n; i != 0; i--) {
                int d = digit[i - 1];
                if (rest) d += 10;
                HIDE(d);
                int h = half_of[d];
                rest = d - h;
                HIDE(rest);
                rest -= h;
                digit[i - 1] = (char)h;
            }
            if (digit[n - 1] == 0) n--;
        } else {
            int carry = 1;
            for (int i = 0; i != n; i++) {
                int one = digit[i], d = one;
                HIDE(d);
                d += one;
                HIDE(d);
                d += one + carry;
                carry = 0;
                while (d >= 10) { d -= 10; carry++; HIDE(d); HIDE(carry); }
                digit[i] = (char)d;
            }
            if (carry) digit[n++] = (char)carry;
        }
    }
}
