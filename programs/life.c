/* The game of life on a torus: what leaves one side comes in on the other.
   Input: how many generations, from 0 to 1000, and the rows of a board, with # for a living cell and
   . for a dead one and a blank between rows. Without rows a glider flies. */
#define HARDMAX_PLAIN_PRINTF
#include "hardmax.h"

enum { MOST = 64, MOST_GENERATIONS = 1000 };

typedef unsigned char Board[MOST][MOST];

static Board boards[2];
static unsigned width, height;

/* Reads the rows; returns what is wrong with them, or NULL. */
static const char *read_board(const char *s, Board board) {
    for (skip_blanks(&s); *s != 0; skip_blanks(&s)) {
        if (height == MOST) return "a board has at most 64 rows";
        unsigned x = 0;
        for (; *s == '#' || *s == '.'; s++) {
            if (x == MOST) return "a board has at most 64 columns";
            board[height][x++] = *s == '#';
        }
        if (*s != 0 && !is_blank(*s)) return "expected a number of generations and rows of # and .";
        if (height != 0 && x != width) return "the rows differ in length";
        width = x;
        height++;
    }
    return NULL;
}

/* Writes the next generation of a board into another. */
static void step(Board from, Board to) {
    for (unsigned y = 0; y < height; y++) {
        const unsigned char *above = from[y == 0 ? height - 1 : y - 1];
        const unsigned char *here = from[y];
        const unsigned char *below = from[y == height - 1 ? 0 : y + 1];
        /* The living cells in the columns to the left, here and to the right, from above to below. */
        int left = above[width - 1] + here[width - 1] + below[width - 1];
        int middle = above[0] + here[0] + below[0];
        for (unsigned x = 0; x < width; x++) {
            unsigned next = x == width - 1 ? 0 : x + 1;
            int right = above[next] + here[next] + below[next];
            int living = left + middle + right;
            to[y][x] = living == 3 || (living == 4 && here[x]);
            left = middle;
            middle = right;
        }
    }
}

/* Writes the board; returns the number of living cells. */
static unsigned print_board(Board board, unsigned generation) {
    unsigned living = 0;
    printf("generation %u\n", generation);
    for (unsigned y = 0; y < height; y++) {
        for (unsigned x = 0; x < width; x++) {
            living += board[y][x];
            print(board[y][x] ? " #" : " .");
        }
        putchar('\n');
    }
    return living;
}

static bool same(Board a, Board b) {
    for (unsigned y = 0; y < height; y++)
        if (memcmp(a[y], b[y], width) != 0) return false;
    return true;
}

void compute(const char *input) {
    unsigned generations;
    const char *problem = NULL;
    if (!read_uint(&input, &generations) || generations > MOST_GENERATIONS) {
        problem = "expected a number of generations, from 0 to 1000, and rows of # and .";
    } else {
        problem = read_board(at_end(&input) ? ".#...... ..#..... ###..... ........ ........ ........" : input, boards[0]);
    }
    if (problem != NULL) {
        print("error: ");
        puts(problem);
        return;
    }
    for (unsigned i = 0;; i++) {
        unsigned char(*board)[MOST] = boards[i & 1], (*next)[MOST] = boards[(i & 1) ^ 1];
        unsigned living = print_board(board, i);
        if (living == 0) {
            puts("\nNothing lives any more.");
            return;
        }
        if (i == generations) {
            printf("\n%u cells live after %u generations.\n", living, generations);
            return;
        }
        step(board, next);
        if (same(board, next)) {
            printf("\n%u cells live and nothing changes any more.\n", living);
            return;
        }
    }
}
