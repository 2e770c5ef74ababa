/* Finds a shortest way through a maze, breadth first.
   Input: the rows of the maze, with blanks between them: # is wall, . is floor, S the start, E the end. */
#define HARDMAX_PLAIN_PRINTF
#include "hardmax.h"

enum { MOST = 64, CELLS = MOST * MOST, NONE = -1 };

static char cell[CELLS]; /* row by row, each row MOST cells long */
static int rows, columns, start = NONE, end = NONE;
static int distance[CELLS]; /* to the end, plus 1; 0 where the search has not been */
static int queue[CELLS];
static int seen;

/* Reads the maze; returns what is wrong with it, or NULL. */
static const char *read_maze(const char *s) {
    for (skip_blanks(&s); *s != 0; skip_blanks(&s)) {
        if (rows == MOST) return "a maze has at most 64 rows";
        int x = 0;
        for (; *s != 0 && !is_blank(*s); s++, x++) {
            if (x == MOST) return "a maze has at most 64 columns";
            if (*s != '#' && *s != '.' && *s != 'S' && *s != 'E') return "only # . S and E can be in a maze";
            int here = rows * MOST + x;
            cell[here] = *s;
            if (*s == 'S') {
                if (start != NONE) return "there are two starts";
                start = here;
            }
            if (*s == 'E') {
                if (end != NONE) return "there are two ends";
                end = here;
            }
        }
        if (rows != 0 && x != columns) return "the rows differ in length";
        columns = x;
        rows++;
    }
    if (rows == 0) return "expected a maze of # . S and E, such as S.# #.. ##E";
    if (start == NONE) return "there is no start S";
    return end == NONE ? "there is no end E" : NULL;
}

/* The cell beside another in direction 0 to 3; NONE outside and at walls. */
static int beside(int here, int direction) {
    int x = (int)((unsigned)here % MOST), y = (int)((unsigned)here / MOST);
    switch (direction) {
    case 0: here = x + 1 < columns ? here + 1 : NONE; break;
    case 1: here = y + 1 < rows ? here + MOST : NONE; break;
    case 2: here = x > 0 ? here - 1 : NONE; break;
    default: here = y > 0 ? here - MOST : NONE;
    }
    return here != NONE && cell[here] != '#' ? here : NONE;
}

/* Measures distances from the end until the start is reached; false when it cannot be. */
static bool measure(void) {
    queue[seen++] = end;
    distance[end] = 1;
    for (int i = 0; i < seen; i++) {
        int here = queue[i];
        if (here == start) return true;
        for (int direction = 0; direction < 4; direction++) {
            int next = beside(here, direction);
            if (next == NONE || distance[next] != 0) continue;
            distance[next] = distance[here] + 1;
            queue[seen++] = next;
        }
    }
    return false;
}

/* Marks the way from the start, each step one nearer to the end. */
static void mark_way(void) {
    for (int here = start; here != end;) {
        int direction = 0, next;
        while ((next = beside(here, direction)) == NONE || distance[next] != distance[here] - 1) direction++;
        here = next;
        if (here != end) cell[here] = 'o';
    }
}

void compute(const char *input) {
    const char *problem = read_maze(input);
    if (problem != NULL) {
        print("error: ");
        puts(problem);
        return;
    }
    bool found = measure();
    if (found) mark_way();
    for (int y = 0; y < rows; y++) {
        for (int x = 0; x < columns; x++) putchar(cell[y * MOST + x] == '.' ? ' ' : cell[y * MOST + x]);
        putchar('\n');
    }
    if (found) {
        printf("\n%d steps from S to E; the search saw %d cells\n", distance[start] - 1, seen);
    } else {
        printf("\nNo way leads from S to E; the search saw %d cells\n", seen);
    }
}
