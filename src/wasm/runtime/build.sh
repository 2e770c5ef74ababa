#!/bin/sh
# Compiles the runtime; OUT is the directory for the module.
set -eu
cd "$(dirname "$0")"
clang --target=wasm32 -mcpu=mvp -std=c11 -O2 -ffreestanding -nostdlib -fno-jump-tables \
    -fno-vectorize -fno-slp-vectorize -fno-unroll-loops -mllvm -replexitval=never \
    -mllvm -combiner-store-merging=false -Wl,--no-entry -Wl,--stack-first -Wl,-z,stack-size=0 \
    -Wall -Wextra -o "${OUT:-.}/runtime.wasm" integer.c float.c wasi_files.c wasi_process.c \
    wasi_absent.c assemblyscript.c
