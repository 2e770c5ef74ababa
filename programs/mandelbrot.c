/* The Mandelbrot set, drawn with characters: the darker, the longer a point stays near 0.
   Input: the most steps for a point, from 1 to 1000, and optionally the width in characters, from 8 to 200. */
#define HARDMAX_PLAIN_PRINTF
#include "hardmax.h"

/* Numbers have 12 binary places. Points have |z| <= 2 before each step and |c| < 3, so nothing is
   above 7 and no product above 49, which is below 2^30 with its 24 places. */
enum { PLACES = 12, ONE = 1 << PLACES };

/* Rounds down, by an arithmetic shift: much cheaper here than a signed division. */
static int multiply(int a, int b) { return a * b >> PLACES; }

static unsigned steps_until_far(int cx, int cy, unsigned most) {
    int x = 0, y = 0;
    for (unsigned steps = 0; steps < most; steps++) {
        int xx = multiply(x, x), yy = multiply(y, y);
        if (xx + yy > 4 * ONE) return steps;
        y = 2 * multiply(x, y) + cy;
        x = xx - yy + cx;
    }
    return most;
}

void compute(const char *input) {
    static const char shades[] = " .:-=+*#%";
    unsigned most, width = 64;
    bool valid = read_uint(&input, &most) && most >= 1 && most <= 1000;
    if (valid && !at_end(&input)) valid = read_uint(&input, &width) && at_end(&input) && width >= 8 && width <= 200;
    if (!valid) {
        puts("error: expected the most steps, from 1 to 1000, and perhaps a width from 8 to 200");
        return;
    }
    /* From -2.1 to 0.7 and from -1.2 to 1.2; a character is twice as high as wide. */
    int step = 28 * ONE / 10 / (int)width;
    int rows = 24 * ONE / 10 / (2 * step);
    int inside = 0;
    for (int row = 0; row < rows; row++) {
        int cy = (2 * row - rows + 1) * step;
        for (int column = 0; column < (int)width; column++) {
            unsigned steps = steps_until_far(column * step - 21 * ONE / 10, cy, most);
            inside += steps == most;
            putchar(steps == most ? '@' : shades[steps < 9 ? steps : 8]);
        }
        putchar('\n');
    }
    printf("%d of %d points stay near 0 for %u step%s\n", inside, rows * (int)width, most, most == 1 ? "" : "s");
}
