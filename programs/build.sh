#!/bin/sh
# Compiles the bundled programs: all of them, or those named (build.sh sudoku queens).
# OUT is the directory for the .wasm files; OPTIMISE replaces -O2, to compare.
set -eu
cd "$(dirname "$0")"
if [ $# -eq 0 ]; then set -- $(ls -- *.c | sed 's/\.c$//'); fi
for name; do
    clang --target=wasm32 -mcpu=mvp -std=gnu11 ${OPTIMISE:--O2} -ffreestanding -nostdlib -funsigned-char \
        -fno-jump-tables -fno-vectorize -fno-slp-vectorize -fno-unroll-loops \
        -mllvm -replexitval=never -mllvm -combiner-store-merging=false \
        -Wl,--no-entry -Wl,--export=compute -Wl,--export=__heap_base \
        -Wl,--stack-first -Wl,-z,stack-size=16384 -Wl,--strip-debug \
        -Wall -Wextra -I . -o "${OUT:-.}/$name.wasm" "$name.c"
done
