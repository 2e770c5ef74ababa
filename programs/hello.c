/* Greets. Input: who is greeted; nothing means the world. */
#include "hardmax.h"

void compute(const char *input) {
    skip_blanks(&input);
    print("Hello, ");
    print(*input != 0 ? input : "world");
    puts("!");
}
