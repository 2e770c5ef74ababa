#!/usr/bin/env python3
"""Counts the WebAssembly instructions that programs execute.

    count.py                    every bundled program, with its default input
    count.py FILE.wasm [INPUT]  one program

Needs the Python package wasmtime. Counted is its fuel: one for each instruction but nop, drop,
block, loop, return, else and end, and one for each call entered.
"""
import json
import os
import sys

import wasmtime

PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
FUEL = 10**12


def run(path, text):
    """The output of a program and the number of instructions that it took."""
    config = wasmtime.Config()
    config.consume_fuel = True
    engine = wasmtime.Engine(config)
    store = wasmtime.Store(engine)
    store.set_fuel(FUEL)
    output = bytearray()
    linker = wasmtime.Linker(engine)
    kind = wasmtime.FuncType([wasmtime.ValType.i32()], [])
    linker.define(store, "env", "output_byte",
                  wasmtime.Func(store, kind, lambda byte: output.append(byte & 0xFF)))
    exports = linker.instantiate(store, wasmtime.Module.from_file(engine, path)).exports(store)
    memory, base = exports["memory"], exports["__heap_base"].value(store)
    data = text.encode() + b"\0"
    missing = base + len(data) - memory.data_len(store)
    if missing > 0:
        memory.grow(store, (missing + 65535) // 65536)
    memory.write(store, data, base)
    exports["compute"](store, base)
    return bytes(output), FUEL - store.get_fuel()


def main():
    if len(sys.argv) > 1:
        output, count = run(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
        sys.stdout.write(output.decode(errors="replace"))
        print(f"{count} instructions", file=sys.stderr)
        return
    with open(os.path.join(PROGRAMS, "programs.json")) as file:
        programs = json.load(file)["programs"]
    print(f"{'program':20} {'wasm bytes':>10} {'instructions':>12} {'output bytes':>12}")
    for program in programs:
        path = os.path.join(PROGRAMS, program["wasm"])
        output, count = run(path, program["input"])
        print(f"{program['name']:20} {os.path.getsize(path):10} {count:12} {len(output):12}")


if __name__ == "__main__":
    main()
