// What Debian's C library of WASI lacks: setjmp returns once, and longjmp is a function that nobody
// defines, so a program that would jump back traps.
typedef int jmp_buf[1];
#define setjmp(place) ((void)(place), 0)
_Noreturn void longjmp(jmp_buf place, int value);
