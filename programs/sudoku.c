/* Solves a sudoku and explains how. Whatever follows at once is filled in: a cell with one candidate
   left, or a digit with one place left in a row, column or box. When nothing follows, the cell with
   the fewest candidates is guessed, and a guess that ends in a contradiction is taken back.
   Input: 81 cells, row by row, 1 to 9, or . or 0 for a blank; spaces and line ends are skipped. With
   the word unique behind them, the search goes on until it knows whether there is another solution. */
#define HARDMAX_PLAIN_PRINTF
#include "hardmax.h"

enum { CELLS = 81, UNITS = 27, ALL = 0x1ff };

/* A set of digits has bit d - 1 for digit d. */

/* A row, column or box. */
typedef struct {
    unsigned used;        /* the digits in it */
    unsigned once, twice; /* the digits with at least one and two places in it */
} Unit;

/* Blank cells form a ring with `ring` in it. A cell that is filled leaves it but keeps its own links,
   so that cells return to their places when they are taken back, the latest first. */
typedef struct Cell {
    struct Cell *next, *previous;
    Unit *row, *column, *box;
    unsigned digit;      /* as a set of one; empty for a blank */
    unsigned candidates; /* as of the latest look at this cell */
    char row_digit, column_digit;
} Cell;

static Unit unit[UNITS]; /* 9 rows, 9 columns, 9 boxes */
static Cell cell[CELLS], ring;
static Cell *filled[CELLS]; /* the cells filled by now, in this order */
static int fills, guesses, solutions;
static bool prove_unique;

static unsigned lowest(unsigned set) { return set & (0u - set); }
static unsigned without_lowest(unsigned set) { return set & (set - 1); }

/* ---- what is written ---- */

/* The character of the only digit in a set, or of its greatest. */
static char digit(unsigned set) {
    char d = '1';
    for (; set > 1; set >>= 1) d++;
    return d;
}

static void print_cell(const Cell *c) {
    putchar('r');
    putchar(c->row_digit);
    putchar('c');
    putchar(c->column_digit);
}

static void print_grid(void) {
    for (int i = 0; i < CELLS; i++) {
        putchar(cell[i].digit == 0 ? '.' : digit(cell[i].digit));
        unsigned column = (unsigned)i % 9;
        if (column == 8) {
            putchar('\n');
            if (i == 26 || i == 53) puts("------+-------+------");
        } else {
            print(column == 2 || column == 5 ? " | " : " ");
        }
    }
}

/* ---- filling cells and taking back ---- */

static void set_digit(Cell *c, unsigned set) {
    c->digit = set;
    c->row->used |= set;
    c->column->used |= set;
    c->box->used |= set;
}

static void fill(Cell *c, unsigned set) {
    set_digit(c, set);
    c->previous->next = c->next;
    c->next->previous = c->previous;
    filled[fills++] = c;
    putchar(' ');
    print_cell(c);
    putchar('=');
    putchar(digit(set));
}

/* Takes back all that was filled after a moment in which there were so many fills. */
static void take_back(int count) {
    while (fills > count) {
        Cell *c = filled[--fills];
        c->row->used ^= c->digit;
        c->column->used ^= c->digit;
        c->box->used ^= c->digit;
        c->digit = 0;
        c->previous->next = c;
        c->next->previous = c;
    }
}

/* ---- what follows ---- */

typedef enum { NOTHING, PROGRESS, CONTRADICTION } Outcome;

static unsigned candidates(const Cell *c) {
    return ALL & ~(c->row->used | c->column->used | c->box->used);
}

static Cell *fewest; /* the blank cell with the fewest candidates, NULL when there is none */

/* Fills the cells that have one candidate; finds the fewest when there is no such cell. */
static Outcome fill_only_candidates(void) {
    Outcome outcome = NOTHING;
    int fewest_count = 10;
    fewest = NULL;
    for (Cell *c = ring.next; c != &ring; c = c->next) {
        unsigned set = candidates(c), rest = without_lowest(set);
        c->candidates = set;
        if (rest == 0) {
            if (set == 0) {
                print(" but ");
                print_cell(c);
                print(" has no candidate");
                return CONTRADICTION;
            }
            fill(c, set);
            outcome = PROGRESS;
        } else if (fewest_count > 2) {
            int count = 2;
            while ((rest = without_lowest(rest)) != 0) count++;
            if (count < fewest_count) {
                fewest_count = count;
                fewest = c;
            }
        }
    }
    return outcome;
}

static void note_places(Unit *u, unsigned set) {
    u->twice |= u->once & set;
    u->once |= set;
}

/* Finds the digits with one place in a unit and leaves them in `once`. */
static Outcome find_only_places(void) {
    for (int i = 0; i < UNITS; i++) unit[i].once = unit[i].twice = 0;
    for (Cell *c = ring.next; c != &ring; c = c->next) {
        note_places(c->row, c->candidates);
        note_places(c->column, c->candidates);
        note_places(c->box, c->candidates);
    }
    unsigned any = 0;
    for (int i = 0; i < UNITS; i++) {
        Unit *u = &unit[i];
        unsigned missing = ALL & ~(u->once | u->used);
        if (missing != 0) {
            print(" but ");
            putchar(digit(missing));
            print(i < 9 ? " has no place in row " : i < 18 ? " has no place in column " : " has no place in box ");
            putchar((int)('1' + (unsigned)i % 9));
            return CONTRADICTION;
        }
        u->once &= ~u->twice;
        any |= u->once;
    }
    return any != 0 ? PROGRESS : NOTHING;
}

/* Fills the digits that have one place in a unit. */
static Outcome fill_only_places(void) {
    Outcome outcome = find_only_places();
    if (outcome != PROGRESS) return outcome;
    for (Cell *c = ring.next; c != &ring; c = c->next) {
        unsigned set = c->candidates & (c->row->once | c->column->once | c->box->once);
        if (set == 0 || (set &= candidates(c)) == 0) continue;
        if (without_lowest(set) != 0) {
            print(" but ");
            print_cell(c);
            print(" is the only place of two digits");
            return CONTRADICTION;
        }
        fill(c, set);
    }
    return PROGRESS;
}

/* Fills in all that follows; false after a contradiction. */
static bool propagate(void) {
    Outcome outcome;
    do {
        outcome = fill_only_candidates();
        if (outcome == NOTHING && fewest != NULL) outcome = fill_only_places();
    } while (outcome == PROGRESS);
    return outcome != CONTRADICTION;
}

/* ---- the search ---- */

static void found(void) {
    solutions++;
    print(solutions == 1 ? "\n\nSolution" : "\n\nAnother solution");
    printf(" after %d guess%s:\n", guesses, guesses == 1 ? "" : "es");
    print_grid();
}

/* Solves what is left, below so many guesses; true when the search is over. */
static bool search(int depth) {
    if (!propagate()) return false;
    if (fewest == NULL) {
        found();
        return !prove_unique || solutions == 2;
    }
    Cell *c = fewest;
    int before = fills;
    for (unsigned open = c->candidates; open != 0; open = without_lowest(open)) {
        bool last = without_lowest(open) == 0;
        take_back(before);
        putchar('\n');
        print_repeat(' ', 2 * depth);
        print(last ? "must:" : "guess:");
        guesses += !last;
        fill(c, lowest(open));
        print(" ->");
        if (search(depth + 1)) return true;
    }
    return false;
}

/* Ties the cells to their units and begins the ring. */
static void prepare(void) {
    ring.next = ring.previous = &ring;
    for (unsigned i = 0; i < CELLS; i++) {
        Cell *c = &cell[i];
        unsigned row = i / 9, column = i % 9;
        c->row = &unit[row];
        c->column = &unit[9 + column];
        c->box = &unit[18 + row / 3 * 3 + column / 3];
        c->row_digit = (char)('1' + row);
        c->column_digit = (char)('1' + column);
    }
}

/* Reads the grid and whether to prove uniqueness; false when something is wrong, and says what. */
static bool read(const char *s) {
    for (int i = 0; i < CELLS; i++, s++) {
        Cell *c = &cell[i];
        skip_blanks(&s);
        if (*s == '.' || *s == '0') {
            c->previous = ring.previous;
            c->next = &ring;
            c->previous->next = ring.previous = c;
        } else if (is_digit(*s)) {
            unsigned set = 1u << (*s - '1');
            if ((candidates(c) & set) == 0) {
                print("invalid: ");
                print_cell(c);
                printf(" repeats the %c of its row, column or box\n", *s);
                return false;
            }
            set_digit(c, set);
        } else {
            printf("error: expected 81 cells, each a digit or a point, but cell %d is ", i + 1);
            puts(*s == 0 ? "missing" : "something else");
            return false;
        }
    }
    skip_blanks(&s);
    prove_unique = *s != 0;
    if (*s == 0 || strcmp(s, "unique") == 0) return true;
    puts("error: after the 81 cells only the word unique may follow");
    return false;
}

void compute(const char *input) {
    prepare();
    if (!read(input)) return;
    print_grid();
    int given = 0;
    for (int i = 0; i < CELLS; i++) given += cell[i].digit != 0;
    printf("\n%d digits are given. It follows:", given);
    search(0);
    if (solutions == 0) puts("\n\nThere is no solution.");
    if (solutions == 1 && prove_unique) puts("\n\nThere is no other solution.");
    if (solutions == 2) puts("\nThe solution is not unique.");
}
