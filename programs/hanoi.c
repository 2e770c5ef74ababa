/* The towers of Hanoi: moves a tower of n disks from A to C, one disk at a time, never a greater
   disk onto a smaller one. Input: n, from 1 to 16. */
#define HARDMAX_PLAIN_PRINTF
#include "hardmax.h"

enum { MOST = 16 };

static int peg[3][MOST], height[3];
static unsigned moves;

static void print_pegs(void) {
    for (int p = 0; p < 3; p++) {
        printf("   %c:", 'A' + p);
        for (int i = 0; i < height[p]; i++) {
            putchar(' ');
            print_int(peg[p][i]);
        }
    }
    putchar('\n');
}

static void move_disk(int from, int to) {
    int disk = peg[from][--height[from]];
    assert(height[to] == 0 || peg[to][height[to] - 1] > disk);
    peg[to][height[to]++] = disk;
    moves++;
    printf("%5u  disk %2d  %c -> %c", moves, disk, 'A' + from, 'A' + to);
    print_pegs();
}

static void move_tower(int disks, int from, int to) {
    if (disks == 0) return;
    int other = 3 - from - to;
    move_tower(disks - 1, from, other);
    move_disk(from, to);
    move_tower(disks - 1, other, to);
}

void compute(const char *input) {
    unsigned n;
    if (!read_argument(input, 1, MOST, &n)) {
        printf("error: expected one whole number from 1 to %d\n", MOST);
        return;
    }
    for (int disk = (int)n; disk > 0; disk--) peg[0][height[0]++] = disk;
    print("start                 ");
    print_pegs();
    move_tower((int)n, 0, 2);
    printf("\n%u move%s, the fewest possible\n", moves, moves == 1 ? "" : "s");
}
