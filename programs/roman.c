/* Turns Roman numerals into numbers, and numbers into Roman numerals.
   Input: any of both with blanks between them, from 1 (I) to 3999 (MMMCMXCIX). */
#define HARDMAX_PLAIN_PRINTF
#include "hardmax.h"

enum { MOST = 3999, LONGEST = 15 };

/* What can stand in a numeral, the greatest first. */
static const struct {
    int value;
    char letters[3];
} part[] = {{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"},
            {40, "XL"},  {10, "X"},   {9, "IX"},  {5, "V"},    {4, "IV"},  {1, "I"}};

/* Writes the numeral of a number from 1 to 3999 into a buffer. */
static void to_roman(int number, char numeral[LONGEST + 1]) {
    int length = 0;
    for (int i = 0; number > 0; i++) {
        for (; number >= part[i].value; number -= part[i].value)
            for (const char *s = part[i].letters; *s != 0; s++) numeral[length++] = *s;
    }
    numeral[length] = 0;
}

static int letter_value(char letter) {
    switch (letter) {
    case 'I': return 1;
    case 'V': return 5;
    case 'X': return 10;
    case 'L': return 50;
    case 'C': return 100;
    case 'D': return 500;
    case 'M': return 1000;
    default: return 0;
    }
}

/* The number of a numeral; 0 when there is none. A letter before a greater one is subtracted; that
   also reads what no Roman would write, so the result must give the same letters again. */
static int from_roman(const char *word, int length) {
    int number = 0;
    if (length > LONGEST) return 0;
    for (int i = 0; i < length; i++) {
        int value = letter_value(word[i]);
        if (value == 0) return 0;
        bool subtract = i + 1 < length && letter_value(word[i + 1]) > value;
        number += subtract ? -value : value;
    }
    if (number < 1 || number > MOST) return 0;
    char numeral[LONGEST + 1];
    to_roman(number, numeral);
    return (int)strlen(numeral) == length && memcmp(numeral, word, (size_t)length) == 0 ? number : 0;
}

void compute(const char *input) {
    if (at_end(&input)) puts("error: expected numbers or Roman numerals, such as 1994 MCMXCIV");
    while (!at_end(&input)) {
        const char *word = input;
        int length = 0;
        for (; *input != 0 && !is_blank(*input); input++) {
            putchar(*input);
            length++;
        }
        print(" = ");
        unsigned number;
        const char *cursor = word;
        if (read_uint(&cursor, &number) && cursor == input && number >= 1 && number <= MOST) {
            char numeral[LONGEST + 1];
            to_roman((int)number, numeral);
            puts(numeral);
        } else {
            int value = from_roman(word, length);
            if (value != 0) {
                printf("%d\n", value);
            } else {
                puts("error: neither a number from 1 to 3999 nor a Roman numeral");
            }
        }
    }
}
