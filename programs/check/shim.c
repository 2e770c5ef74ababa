/* Runs a program on the host: main for a program compiled with the host's own compiler. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void compute(const char *input);

void output_byte(int byte) { putchar(byte & 0xff); }

int main(int argc, char **argv) {
    const char *argument = argc > 1 ? argv[1] : "";
    /* A block of just this size, so that reading behind the input is noticed. */
    char *input = malloc(strlen(argument) + 1);
    if (input == NULL) return 1;
    strcpy(input, argument);
    compute(input);
    free(input);
    return 0;
}
