/* Adds two decimal numbers of any length the way it is done on paper.
   Input: two numbers without sign, with a blank or a + between them. */
#define HARDMAX_PLAIN_PRINTF
#include "hardmax.h"

enum { MOST_DIGITS = 500 };

/* A number as it stands in the input, without leading zeros. */
typedef struct {
    const char *digits;
    int length;
} Number;

static bool read_number(const char **cursor, Number *number) {
    skip_blanks(cursor);
    const char *s = *cursor;
    if (!is_digit(*s)) return false;
    while (*s == '0' && is_digit(s[1])) s++;
    number->digits = s;
    while (is_digit(*s)) s++;
    number->length = (int)(s - number->digits);
    *cursor = s;
    return true;
}

/* The digit in a column, counted from the right; 0 to the left of the number. */
static int digit_at(const Number *number, int column) {
    return column < number->length ? number->digits[number->length - 1 - column] - '0' : 0;
}

static void print_number(char sign, const Number *number, int columns) {
    print_repeat(' ', 2);
    putchar(sign);
    print_repeat(' ', columns - number->length);
    for (int i = 0; i < number->length; i++) putchar(number->digits[i]);
    putchar('\n');
}

static char sum[MOST_DIGITS + 1];     /* digits of the sum, by column */
static char carried[MOST_DIGITS + 1]; /* what comes into each column */

/* Adds column by column and says so; returns the number of columns of the sum. */
static int add(const Number *a, const Number *b) {
    int columns = a->length > b->length ? a->length : b->length;
    int carry = 0;
    for (int column = 0; column < columns; column++) {
        int x = digit_at(a, column), y = digit_at(b, column);
        int total = x + y + carry;
        printf("column %3d:  %d + %d %s = %2d   write %d", column + 1, x, y, carry ? "+ 1" : "   ", total,
               total >= 10 ? total - 10 : total);
        carried[column] = (char)carry;
        carry = total >= 10;
        sum[column] = (char)(carry ? total - 10 : total);
        puts(carry ? ", carry 1" : "");
    }
    if (carry == 0) return columns;
    carried[columns] = sum[columns] = 1;
    printf("column %3d:  only the carry      write 1\n", columns + 1);
    return columns + 1;
}

void compute(const char *input) {
    Number a, b;
    bool valid = read_number(&input, &a);
    if (valid) {
        accept(&input, '+');
        valid = read_number(&input, &b) && at_end(&input);
    }
    if (!valid) {
        puts("error: expected two whole numbers without sign, such as 95 + 17");
        return;
    }
    if (a.length > MOST_DIGITS || b.length > MOST_DIGITS) {
        printf("error: a number has more than %d digits\n", MOST_DIGITS);
        return;
    }
    int columns = add(&a, &b);
    print("\n   ");
    for (int i = columns - 1; i >= 0; i--) putchar(carried[i] ? '1' : ' ');
    puts("   carries");
    print_number(' ', &a, columns);
    print_number('+', &b, columns);
    print("   ");
    print_repeat('-', columns);
    print("\n   ");
    for (int i = columns - 1; i >= 0; i--) putchar('0' + sum[i]);
    putchar('\n');
}
