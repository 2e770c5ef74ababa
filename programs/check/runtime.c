/* Exercises hardmax.h; what it must write stands in check.mjs. Input: "-17 +4 4294967295 , 4294967296". */
#include "hardmax.h"

/* Hides a value from the compiler, which would evaluate all of this while compiling. */
static int opaque(int value) {
    volatile int hidden = value;
    return hidden;
}

static void check_printf(void) {
    printf("[%d] [%d] [%d] [%u]\n", opaque(0), opaque(INT_MIN), opaque(INT_MAX), (unsigned)opaque(-1));
    printf("[%5d] [%-5d] [%05d] [%2d]\n", opaque(-42), opaque(-42), opaque(-42), opaque(-420));
    printf("[%x] [%08x] [%8x] [%-8x]\n", (unsigned)opaque(-559038737), 0xbeefu, 0xbeefu, 0xbeefu);
    printf("[%s] [%5s] [%-5s] [%c] [%3c] [%-3c] [%12u] 100%%\n", "abc", "abc", "abc", opaque('x'), 'y', 'z', 4294967295u);
    printf("%s|%s\n", "", "longer than a field");
}

static void check_memory(void) {
    char text[16];
    memset(text, 'a' + opaque(0), 15);
    text[15] = 0;
    puts(text);
    memcpy(text + 2, "123456789", (size_t)opaque(9));
    puts(text);
    memmove(text + 4, text + 2, (size_t)opaque(9));
    puts(text);
    memmove(text, text + 2, (size_t)opaque(13));
    puts(text);
    printf("%d %d %d\n", memcmp("abc", "abd", 3) < 0, memcmp("abc", "abd", 2), memcmp("\xff", "a", 1) > 0);
    printf("%d %d %d %d\n", strcmp("a", "b") < 0, strcmp("ab", "a") > 0, strcmp("ab", "ab"), strcmp("\xff", "a") > 0);
    printf("%u %u\n", (unsigned)strlen(""), (unsigned)strlen(text));
}

static void check_reading(const char *input) {
    int a = 0, b = 0, d = 0;
    unsigned c = 0;
    bool read_a = read_int(&input, &a), read_b = read_int(&input, &b);
    print_int(a);
    putchar(' ');
    print_int(b);
    printf(" %d %d\n", read_a, read_b);
    bool too_great = read_int(&input, &d);
    bool read_c = read_uint(&input, &c);
    printf("%d %d %u\n", too_great, read_c, c);
    bool comma = accept(&input, ','), no_comma = accept(&input, ',');
    too_great = read_uint(&input, &c);
    printf("%d %d %d %s\n", comma, no_comma, too_great, input);
    const char *odd = "- 5";
    bool sign_alone = read_int(&odd, &d);
    const char *least = "-2147483648 -2147483649";
    bool read_least = read_int(&least, &d), read_less = read_int(&least, &a);
    printf("%d %d %d %d %d\n", sign_alone, read_least, d, read_less, at_end(&least));
    printf("%d %d %d %d\n", read_argument(" 7 ", 1, 9, &c), read_argument("7 8", 1, 9, &c), read_argument("", 0, 9, &c),
           read_argument("10", 1, 9, &c));
}

void compute(const char *input) {
    check_printf();
    check_memory();
    check_reading(input);
}
