/* Digits of pi by a spigot: pi = 2 + 1/3 (2 + 2/5 (2 + 3/7 (2 + ...))), which is 2.222... in a base
   whose places are worth 1/3, 2/5, 3/7 and so on. Multiplying that number by ten, place by place
   from the far end, pushes one decimal digit out at the front.
   Input: how many digits after the point, from 1 to 1000. */
#define HARDMAX_PLAIN_PRINTF
#include "hardmax.h"

enum { MOST_DIGITS = 1000, GROUP = 10, PER_LINE = 50 };

static unsigned place[(MOST_DIGITS + 2) * 10 / 3 + 2];

/* Multiplies by ten and takes the whole part away; it is below 100, and its tens are a carry
   into the digits already taken. */
static unsigned next_digit(unsigned places) {
    unsigned carry = 0;
    for (unsigned i = places - 1; i > 0; i--) {
        unsigned value = 10 * place[i] + carry;
        unsigned quotient = value / (2 * i + 1);
        place[i] = value - quotient * (2 * i + 1);
        carry = quotient * i;
    }
    unsigned value = 10 * place[0] + carry;
    place[0] = value % 10;
    return value / 10;
}

static unsigned printed; /* digits so far, with the 3 */
static unsigned wanted;

static void print_digit(unsigned digit) {
    if (printed > wanted) return;
    putchar((int)('0' + digit));
    if (printed == 0) {
        print(".\n");
    } else if (printed % PER_LINE == 0 || printed == wanted) {
        putchar('\n');
    } else if (printed % GROUP == 0) {
        putchar(' ');
    }
    printed++;
}

void compute(const char *input) {
    if (!read_argument(input, 1, MOST_DIGITS, &wanted)) {
        printf("error: expected one whole number from 1 to %d\n", MOST_DIGITS);
        return;
    }
    unsigned places = (wanted + 2) * 10 / 3 + 2; /* each place is worth more than 3/10 of a digit */
    for (unsigned i = 0; i < places; i++) place[i] = 2;
    /* A later carry changes the last digit taken, and through it a run of nines: hold those back. */
    unsigned held = 0, nines = 0;
    bool first = true;
    while (printed <= wanted) {
        unsigned digit = next_digit(places);
        if (digit == 9) {
            nines++;
            continue;
        }
        bool carry = digit >= 10;
        if (!first) print_digit(held + carry);
        for (; nines > 0; nines--) print_digit(carry ? 0 : 9);
        held = carry ? digit - 10 : digit;
        first = false;
    }
}
