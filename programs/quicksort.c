/* Sorts numbers by quicksort and shows each partition: what is compared stands between bars, and the
   pivot in its final place is marked. Input: up to 64 numbers, with blanks or commas between them. */
#define HARDMAX_PLAIN_PRINTF
#include "hardmax.h"

enum { MOST = 64 };

static int number[MOST];
static int count, comparisons, swaps;

/* Writes numbers first to last of all, with brackets around the pivot. */
static void print_numbers(int first, int last, int pivot) {
    for (int i = 0; i < count; i++) {
        print(i == first ? " |" : i == last + 1 ? "| " : "  ");
        if (i == pivot) putchar('[');
        print_int(number[i]);
        if (i == pivot) putchar(']');
    }
    puts(last == count - 1 ? "|" : "");
}

static void swap(int i, int j) {
    if (i == j) return;
    int old = number[i];
    number[i] = number[j];
    number[j] = old;
    swaps++;
}

/* Brings what is below the pivot before it and the rest behind it; returns the pivot's place.
   The pivot is taken from the middle, so that sorted numbers are no bad case. */
static int partition(int first, int last) {
    swap(first + (int)((unsigned)(last - first) / 2), last);
    int place = first;
    for (int i = first; i < last; i++) {
        comparisons++;
        if (number[i] < number[last]) swap(i, place++);
    }
    swap(place, last);
    return place;
}

static void sort(int first, int last) {
    if (first >= last) return;
    int pivot = partition(first, last);
    print_numbers(first, last, pivot);
    sort(first, pivot - 1);
    sort(pivot + 1, last);
}

void compute(const char *input) {
    while (!at_end(&input)) {
        if (count == MOST) {
            printf("error: more than %d numbers\n", MOST);
            return;
        }
        if (!read_int(&input, &number[count])) {
            puts("error: expected whole numbers that fit in 32 bits, such as 31 4 -15 9");
            return;
        }
        count++;
        accept(&input, ',');
    }
    if (count == 0) {
        puts("error: expected whole numbers, such as 31 4 -15 9");
        return;
    }
    sort(0, count - 1);
    print("\nsorted:");
    for (int i = 0; i < count; i++) {
        putchar(' ');
        print_int(number[i]);
    }
    printf("\n%d comparisons, %d swaps\n", comparisons, swaps);
}
