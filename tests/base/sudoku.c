/* Solves a sudoku by trying digits, cell by cell. Input: 81 digits, 0 for a blank. ?
   stands for no solution.
   It needs only what every machine of the family has: no products, shifts or bit operations, which
   is why there are tables for what would take them. */
#include "hardmax.h"

static char cell[81], row_of[81], column_of[81], box_of[81];
static char in_row[100], in_column[100], in_box[100]; /* by unit and digit, 10 for each unit */
static char ten[10];
static char blank[81]; /* the blank cells, in order */

/* Writes a digit into a cell, or takes it out. */
__attribute__((noinline)) static void mark(int at, int digit, char taken) {
    in_row[ten[row_of[at]] + digit] = taken;
    in_column[ten[column_of[at]] + digit] = taken;
    in_box[ten[box_of[at]] + digit] = taken;
}

/* The next digit, or 10, that its row, column and box are without. */
__attribute__((noinline)) static int next_free(int at, int digit) {
    const char *row = in_row + ten[row_of[at]], *column = in_column + ten[column_of[at]];
    const char *box = in_box + ten[box_of[at]];
    for (;;) {
        digit++;
        if (digit == 10) return digit;
        if (row[digit] != 0) continue;
        if (column[digit] != 0) continue;
        if (box[digit] == 0) return digit;
    }
}

static int read_cells(const char *input) {
    int row = 0, column = 0, band = 0, stack = 0, tens = 0, blanks = 0;
    for (int i = 0; i != 10; i++) {
        ten[i] = (char)tens;
        tens += 10;
    }
    for (int i = 0; i != 81; i++) {
        row_of[i] = (char)row;
        column_of[i] = (char)column;
        box_of[i] = (char)(band + stack);
        int digit = input[i] - '0';
        cell[i] = (char)digit;
        if (digit > 0) mark(i, digit, 1);
        else blank[blanks++] = (char)i;
        column++;
        if (column == 3) stack = 1;
        if (column == 6) stack = 2;
        if (column == 9) {
            column = stack = 0;
            row++;
            if (row == 3) band = 3;
            if (row == 6) band = 6;
        }
    }
    return blanks;
}

void compute(const char *input) {
    int blanks = read_cells(input), filled = 0;
    while (filled != blanks) {
        int at = blank[filled], digit = cell[at];
        if (digit != 0) mark(at, digit, 0);
        digit = next_free(at, digit);
        if (digit == 10) {
            cell[at] = 0;
            if (filled == 0) {
                putchar('?');
                putchar('\n');
                return;
            }
            filled--;
        } else {
            cell[at] = (char)digit;
            mark(at, digit, 1);
            filled++;
        }
    }
    int column = 0;
    for (int i = 0; i != 81; i++) {
        putchar(cell[i] + '0');
        if (++column == 9) {
            putchar('\n');
            column = 0;
        }
    }
}
