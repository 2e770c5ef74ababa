/* A calculator in reverse Polish notation, for whole numbers of 32 bits; shows the stack after each step.
   Input: numbers and + - * / %, an operator behind its operands. Division rounds towards 0. */
#define HARDMAX_PLAIN_PRINTF
#include "hardmax.h"

enum { MOST = 64 };

static int stack[MOST];
static int depth;

/* a * b into result; false when it does not fit. */
static bool multiply(int a, int b, int *result) {
    bool minus = (a < 0) != (b < 0);
    unsigned x = a < 0 ? 0u - (unsigned)a : (unsigned)a;
    unsigned y = b < 0 ? 0u - (unsigned)b : (unsigned)b;
    unsigned most = (unsigned)INT_MAX + minus;
    if (y != 0 && x > most / y) return false;
    *result = (int)(minus ? 0u - x * y : x * y);
    return true;
}

/* Replaces the two topmost numbers by the result of an operator; returns what is wrong, or NULL. */
static const char *apply(char operator) {
    if (depth < 2) return "an operator needs two numbers before it";
    int a = stack[depth - 2], b = stack[depth - 1], result;
    bool fits;
    if (operator == '+') {
        fits = b >= 0 ? a <= INT_MAX - b : a >= INT_MIN - b;
        result = (int)((unsigned)a + (unsigned)b);
    } else if (operator == '-') {
        fits = b >= 0 ? a >= INT_MIN + b : a <= INT_MAX + b;
        result = (int)((unsigned)a - (unsigned)b);
    } else if (operator == '*') {
        result = 0;
        fits = multiply(a, b, &result);
    } else {
        if (b == 0) return "division by zero";
        fits = a != INT_MIN || b != -1;
        result = !fits ? 0 : operator == '/' ? a / b : a % b;
    }
    if (!fits) return "the result does not fit in 32 bits";
    stack[--depth - 1] = result;
    return NULL;
}

/* Takes one number or operator; returns what is wrong, or NULL. */
static const char *take(const char **cursor) {
    int value;
    if (read_int(cursor, &value)) {
        if (depth == MOST) return "more than 64 numbers wait for an operator";
        stack[depth++] = value;
        return NULL;
    }
    char c = **cursor;
    /* Digits here are those of a number that read_int refused. */
    if ((c == '+' || c == '-') && is_digit((*cursor)[1])) return "a number does not fit in 32 bits";
    if (is_digit(c)) return "a number does not fit in 32 bits";
    if (c != '+' && c != '-' && c != '*' && c != '/' && c != '%') return "expected numbers and + - * / %";
    ++*cursor;
    return apply(c);
}

void compute(const char *input) {
    const char *problem = at_end(&input) ? "expected numbers and operators, such as 2 3 + 4 *" : NULL;
    while (problem == NULL && !at_end(&input)) {
        const char *start = input;
        problem = take(&input);
        if (problem != NULL) break;
        int length = (int)(input - start);
        for (int i = 0; i < length; i++) putchar(start[i]);
        print_repeat(' ', 12 - length);
        for (int i = 0; i < depth; i++) {
            putchar(' ');
            print_int(stack[i]);
        }
        putchar('\n');
    }
    if (problem == NULL && depth != 1) problem = "more than one number is left";
    if (problem != NULL) {
        print("error: ");
        puts(problem);
        return;
    }
    printf("\n= %d\n", stack[0]);
}
