/* Sorts the numbers that it is given: hardmax run FILE --args "3 1 2" */
#include <stdio.h>
#include <stdlib.h>

/* All of stdio.h, stdlib.h, string.h, math.h ... is there, as far as WASI has it. --args and --input are the standard input;
   what stands behind -- are the arguments; what main returns is the exit code. */

static int ascending(const void *a, const void *b) {
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

int main(void) {
    static int numbers[100];
    size_t count = 0;
    while (count < 100 && scanf("%d", &numbers[count]) == 1) count++;
    if (!feof(stdin)) {
        fprintf(stderr, "error: expected at most 100 whole numbers\n");
        return 1;
    }
    qsort(numbers, count, sizeof numbers[0], ascending);
    for (size_t i = 0; i < count; i++) printf(i == 0 ? "%d" : " %d", numbers[i]);
    printf("\n");
    return 0;
}
