/* All ways to put n queens on an n by n board so that none attacks another. Input: n, from 1 to 16. */
#define HARDMAX_PLAIN_PRINTF
#include "hardmax.h"

enum { MOST = 16 };

static unsigned n;
static unsigned queen[MOST]; /* the square of each row's queen, as one bit */
static unsigned solutions, placed;

static void print_board(void) {
    for (unsigned row = 0; row < n; row++) {
        for (unsigned bit = 1u << (n - 1); bit != 0; bit >>= 1) print(queen[row] & bit ? " Q" : " .");
        putchar('\n');
    }
}

/* Fills the rows from this one on. Each bit is a column; columns and both kinds of diagonals that
   are attacked are masks, and diagonals shift by one from row to row. */
static void fill(unsigned row, unsigned columns, unsigned left, unsigned right) {
    if (row == n) {
        if (solutions++ == 0) print_board();
        return;
    }
    unsigned free = ((1u << n) - 1) & ~(columns | left | right);
    while (free != 0) {
        unsigned bit = free & (0u - free);
        free ^= bit;
        queen[row] = bit;
        placed++;
        fill(row + 1, columns | bit, (left | bit) << 1, (right | bit) >> 1);
    }
}

void compute(const char *input) {
    if (!read_argument(input, 1, MOST, &n)) {
        printf("error: expected one whole number from 1 to %d\n", MOST);
        return;
    }
    fill(0, 0, 0, 0);
    if (solutions != 0) putchar('\n');
    printf("%u queens: %u solution%s, %u placements tried\n", n, solutions, solutions == 1 ? "" : "s", placed);
}
