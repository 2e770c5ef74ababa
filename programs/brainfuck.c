/* An interpreter for a language of eight commands, on a tape of 4096 bytes that wrap around at 256:
   > < move the head, + - change the byte under it, [ ] repeat while that byte is not 0,
   . writes it and , reads the next byte of the program's own input, 0 at its end.
   Input: the program, and behind a ! the program's input. Other characters are comments. */
#include "hardmax.h"

enum { MOST_COMMANDS = 4096, TAPE = 4096 };

/* Runs of the same + - < > are one command with a count; brackets hold the place of their partner. */
typedef struct {
    int argument;
    char name;
} Command;

static Command program[MOST_COMMANDS + 1];
static int open_brackets[MOST_COMMANDS];
static unsigned char tape[TAPE];

static bool is_command(char c) {
    return c == '>' || c == '<' || c == '+' || c == '-' || c == '[' || c == ']' || c == '.' || c == ',';
}

static bool may_repeat(char c) { return c == '+' || c == '-' || c == '<' || c == '>'; }

/* Translates the program, and moves the cursor behind it; returns what is wrong with it, or NULL. */
static const char *translate(const char **cursor) {
    int length = 0, depth = 0;
    const char *s = *cursor;
    for (; *s != 0 && *s != '!'; s++) {
        if (!is_command(*s)) continue;
        if (length > 0 && may_repeat(*s) && program[length - 1].name == *s) {
            program[length - 1].argument++;
            continue;
        }
        if (length == MOST_COMMANDS) return "the program is too long";
        program[length].name = *s;
        program[length].argument = 1;
        if (*s == '[') {
            open_brackets[depth++] = length;
        } else if (*s == ']') {
            if (depth == 0) return "a ] has no [ before it";
            int start = open_brackets[--depth];
            program[length].argument = start;
            program[start].argument = length;
        }
        length++;
    }
    if (depth != 0) return "a [ has no ] behind it";
    if (length == 0) return "expected a program of the commands > < + - [ ] . ,";
    program[length].name = 0;
    *cursor = *s == '!' ? s + 1 : s;
    return NULL;
}

/* Executes the program on its input; returns what went wrong, or NULL. */
static const char *execute(const char *input) {
    int head = 0;
    for (const Command *c = program; c->name != 0; c++) {
        switch (c->name) {
        case '>':
            if (c->argument >= TAPE - head) return "the head left the tape on the right";
            head += c->argument;
            break;
        case '<':
            if (c->argument > head) return "the head left the tape on the left";
            head -= c->argument;
            break;
        case '+': tape[head] = (unsigned char)(tape[head] + c->argument); break;
        case '-': tape[head] = (unsigned char)(tape[head] - c->argument); break;
        case '[':
            if (tape[head] == 0) c = program + c->argument;
            break;
        case ']':
            if (tape[head] != 0) c = program + c->argument;
            break;
        case '.': putchar(tape[head]); break;
        default: tape[head] = *input != 0 ? (unsigned char)*input++ : 0;
        }
    }
    return NULL;
}

void compute(const char *input) {
    const char *problem = translate(&input);
    if (problem == NULL) problem = execute(input);
    if (problem == NULL) return;
    print("error: ");
    puts(problem);
}
