/* What hardmax.h has, in ways that a C library knows, too: with HOST it is a program of its own. */
#ifdef HOST
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ctype.h>
#include <stdint.h>
#include <limits.h>
#include <stddef.h>
#include <stdbool.h>
#else
#include "hardmax.h"
#endif
struct pair { int key; char name[12]; long long wide; };
static int by_key(const void *a, const void *b) {
    int x = ((const struct pair *)a)->key, y = ((const struct pair *)b)->key;
    return (x > y) - (x < y);
}
static int by_int(const void *a, const void *b) { int x = *(const int *)a, y = *(const int *)b; return (x > y) - (x < y); }
void compute(const char *input) {
    char buffer[64];
    int values[] = {0, 1, -1, 42, -12345, INT_MAX, INT_MIN};
    for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
        int v = values[i];
        printf("[%d|%5d|%-8d|%08d|%+d|% d|%.4d|%8.4d|%-8.4d|%+08d|%i]\n", v, v, v, v, v, v, v, v, v, v, v);
        printf("[%u|%x|%X|%#x|%#X|%o|%#o|%012x|%-12x|%.0x|%#.3o]\n", v, v, v, v, v, v, v, v, v, v, v);
        printf("[%hhd|%hd|%hhu|%hx|%ld|%lu|%lld|%llu|%llx|%zu|%td|%jd]\n", (signed char)v, (short)v, (unsigned char)v, (unsigned short)v, (long)v, (unsigned long)(unsigned)v,
               (long long)v * 3000000007LL, (unsigned long long)(unsigned)v << 31, (unsigned long long)v, (size_t)(unsigned)v, (ptrdiff_t)v, (intmax_t)v);
    }
    printf("[%s|%10s|%-10s|%.3s|%.*s|%*s|%*s|%-*s|%c|%3c|%-3c|%%|%.0d|%5.0d|%+.0d]\n", "text", "right", "left", "cutoff", 2, "abc", 6, "x", -6, "y", 4, "z", 'c', 'd', 'e', 0, 0, 0);
    int n = snprintf(buffer, 8, "%s", "truncated"); printf("%d [%s]\n", n, buffer);
    n = snprintf(buffer, 0, "%d", 123); printf("%d [%s]\n", n, buffer);
    n = sprintf(buffer, "%d-%s", 7, "seven"); printf("%d [%s]\n", n, buffer);
    strcpy(buffer, "hello"); strcat(buffer, " world");
    printf("%s %d %d %d\n", buffer, (int)strlen(buffer), strncmp("abcd", "abxx", 2), strncmp("abc", "abd", 3) < 0);
    printf("%s %s %d %s %d %s\n", strchr(buffer, 'o'), strrchr(buffer, 'o'), strchr(buffer, 'z') == NULL, strstr(buffer, "lo w"), strstr(buffer, "xyz") == NULL, strstr(buffer, ""));
    printf("%d %d %d\n", (int)strspn("aabbc", "ab"), (int)strcspn("xyz,abc", ","), (int)((char *)memchr("abc", 'c', 3) - "abc") >= 0);
    char filled[8]; memset(filled, 'q', 8); strncpy(filled, "ab", 5); printf("%d %d %c\n", filled[1], filled[4], filled[5]);
    for (int c = 0; c < 128; c++) printf("%d%d%d%d%d%d%d%d%d%s", !!isdigit(c), !!isalpha(c), !!isalnum(c), !!isspace(c), !!isupper(c), !!islower(c), !!isxdigit(c), !!ispunct(c), !!isprint(c), c % 8 == 7 ? "\n" : " ");
    printf("%c%c%c%c\n", toupper('a'), tolower('Z'), toupper('1'), tolower('{'));
    const char *numbers[] = {"42", "  -17x", "+5", "0x1F", "077", "zz", "", "-", "0x", "2147483647", "2147483648", "-2147483648", "-2147483649", "99999999999", "4294967295", "-1"};
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char *end; int base0, base10; 
        base0 = (int)strtol(numbers[i], &end, 0); printf("%d %d ", base0, (int)(end - numbers[i]));
        base10 = atoi("12"); base10 += (int)strtol(numbers[i], &end, 36) > 0; printf("%d %d ", base10, (int)(end - numbers[i]));
        printf("%d\n", (int)strtol(numbers[i], NULL, 16));
    }
    struct pair pairs[20], copy;
    for (int i = 0; i < 20; i++) { pairs[i].key = (i * 7919) % 101; sprintf(pairs[i].name, "p%d", i); pairs[i].wide = (long long)i << 40; }
    qsort(pairs, 20, sizeof *pairs, by_key);
    for (int i = 0; i < 20; i++) printf("%d:%s:%lld ", pairs[i].key, pairs[i].name, pairs[i].wide);
    printf("\n");
    copy = pairs[3]; pairs[3] = pairs[4]; printf("%d %s %lld\n", copy.key, copy.name, copy.wide);
    int sorted[] = {1, 3, 5, 7, 9, 11}, key = 7, none = 8;
    int *found = bsearch(&key, sorted, 6, sizeof(int), by_int);
    printf("%d %d\n", (int)(found - sorted), bsearch(&none, sorted, 6, sizeof(int), by_int) == NULL);
    for (int count = 0; count < 12; count++) { int a[12]; for (int i = 0; i < count; i++) a[i] = (i * 5) % 7; qsort(a, (size_t)count, sizeof *a, by_int); for (int i = 0; i < count; i++) printf("%d", a[i]); printf("."); }
    printf("\n");
    /* allocation */
    unsigned seed = 1, sum = 0; char *places[40] = {0}; unsigned sizes[40] = {0};
    for (int round = 0; round < 400; round++) {
        seed = seed * 1103515245u + 12345u; int i = (seed >> 16) % 40; unsigned size = (seed >> 8) % 700;
        for (unsigned k = 0; k < sizes[i]; k++) if (places[i][k] != (char)(i + sizes[i])) printf("overwritten %d\n", round);
        if (round % 3 == 0) { free(places[i]); places[i] = malloc(size); }
        else places[i] = realloc(places[i], size ? size : 1), size = size ? size : 1;
        if (places[i] == NULL && size) printf("none\n");
        sizes[i] = size; memset(places[i], i + (int)size, size); sum += size;
    }
    char *zeroed = calloc(100, 3); int all = 0; for (int i = 0; i < 300; i++) all |= zeroed[i];
    printf("%u %d %d\n", sum, all, abs(-5));
    char *large = malloc(300000); large[299999] = 1; free(large); free(NULL);
    printf("%s|\n", input);
}
#ifdef HOST
int main(void) { compute("some input"); return 0; }
#endif
