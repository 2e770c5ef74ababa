/* Sorts the numbers that it is given: hardmax run FILE --args "3 1 2" */
#include "hardmax.h"

/* Besides what the C library has by these names, hardmax.h has
     read_int, read_uint, accept, at_end    to read the input bit by bit
     print, print_int, print_uint           for text and numbers that no format is needed for
   `hardmax programs --write DIR` writes it, with all bundled programs, to be read. */

#define MOST 100

static int ascending(const void *a, const void *b) {
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/* The input ends with a NUL. What is written by printf, puts or output_byte is the output. */
void compute(const char *input) {
    static int numbers[MOST];
    size_t count = 0;
    while (count < MOST && read_int(&input, &numbers[count])) count++;
    if (!at_end(&input)) {
        printf("error: expected at most %d whole numbers\n", MOST);
        return;
    }
    qsort(numbers, count, sizeof numbers[0], ascending);
    for (size_t i = 0; i < count; i++) printf(i == 0 ? "%d" : " %d", numbers[i]);
    printf("\n");
}
