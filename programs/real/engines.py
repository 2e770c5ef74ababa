"""A module run by wasmtime and by hardmax, and what differs."""
import collections
import json
import re
import struct
import subprocess

from sources import Failure, tell

FUEL = 10**15
Ran = collections.namedtuple("Ran", "end output instructions")


def by_wasmtime(path, arguments, stdin):
    """How a module ends in wasmtime ("trap" or an exit code), what it writes, its instructions."""
    import wasmtime
    config = wasmtime.Config()
    config.consume_fuel = True
    engine = wasmtime.Engine(config)
    store = wasmtime.Store(engine)
    store.set_fuel(FUEL)
    wasi = wasmtime.WasiConfig()
    wasi.argv = [path.stem, *arguments]
    if stdin:
        wasi.stdin_file = str(stdin)
    store.set_wasi(wasi)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    linker.allow_shadowing = True
    output, world = bytearray(), {"time": 0, "random": 2463534242}
    i32, i64 = wasmtime.ValType.i32(), wasmtime.ValType.i64()

    def define(name, parameters, function):
        kind = wasmtime.FuncType(parameters, [i32])
        linker.define_func("wasi_snapshot_preview1", name, kind, function, access_caller=True)

    def fd_write(caller, file, vectors, count, written):
        if file not in (1, 2):
            return 8
        memory, length = caller["memory"], 0
        for vector in range(vectors, vectors + 8 * count, 8):
            words = memory.read(caller, vector, vector + 8)
            start, size = (int.from_bytes(words[at:at + 4], "little") for at in (0, 4))
            output.extend(memory.read(caller, start, start + size))
            length += size
        memory.write(caller, length.to_bytes(4, "little"), written)
        return 0

    def fd_fdstat_get(caller, file, status):
        """The outputs are terminals, so that libraries write every line when it is complete."""
        if file > 2:
            return 8
        kind, rights = (0, 1 << 1) if file == 0 else (2, 1 << 6)
        caller["memory"].write(caller, struct.pack("<BxHxxxxQQ", kind, 0, rights | 1 << 27, 0), status)
        return 0

    def clock_time_get(caller, clock, _precision, time):
        world["time"] += 10**6
        now = world["time"] + (10**18 if clock == 0 else 0)
        caller["memory"].write(caller, now.to_bytes(8, "little"), time)
        return 0

    def random_get(caller, buffer, length):
        numbers, word = bytearray(), world["random"]
        while len(numbers) < length:
            word ^= word << 13 & 0xFFFFFFFF
            word ^= word >> 17
            word ^= word << 5 & 0xFFFFFFFF
            numbers += word.to_bytes(4, "little")
        world["random"] = word
        caller["memory"].write(caller, numbers[:length], buffer)
        return 0

    define("fd_write", [i32] * 4, fd_write)
    define("fd_fdstat_get", [i32] * 2, fd_fdstat_get)
    define("clock_time_get", [i32, i64, i32], clock_time_get)
    define("random_get", [i32, i32], random_get)
    code = wasmtime.Module.from_file(engine, str(path))
    linker.define_unknown_imports_as_traps(code)
    end = 0
    try:
        linker.instantiate(store, code).exports(store)["_start"](store)
    except wasmtime.ExitTrap as exit:
        end = exit.code
    except (wasmtime.Trap, wasmtime.WasmtimeError) as trap:
        tell(f"{path.stem}: wasmtime: {str(trap).splitlines()[-1]}")
        end = "trap"
    return Ran(end, bytes(output), FUEL - store.get_fuel())


def hardmax(binary, subcommand, path, arguments=(), stdin=None, limit=None, timeout=None):
    """The report of `hardmax run` or `oracle`; without one, what it said."""
    words = [binary, subcommand, path, "--json", *(["--input", stdin] if stdin else []),
             *(["--max-tokens", limit] if limit else []), "--", *arguments]
    result = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, capture_output=True,
                            timeout=timeout)
    try:
        return json.loads(result.stdout)
    except ValueError:
        said = result.stderr.decode(errors="replace").strip().splitlines()
        # What clang and its linker say stands behind the first line.
        errors = [line for line in said if re.search(r": (fatal )?error: ", line)]
        errors = errors or [line for line in said if "error" in line] or said or [f"exit code {result.returncode}"]
        raise Failure(re.sub(r"^.*\berror: (\S+\.o: )?", "", errors[0])) from None


def differences(report, ran):
    """What differs, and what was not verified: of a report and another engine's run."""
    found = []
    end = "trap" if report["trapped"] else report["exit_code"]
    if not report["halted"] and not report["trapped"]:
        found.append(f"no end after {report['generated_tokens']:,} tokens")
    elif end != ran.end:
        found.append(f"it ends with {end}, in wasmtime with {ran.end}")
    text = ran.output.decode(errors="replace")
    if report["output"] != text or report["output_bytes"] != len(ran.output):
        at = next((at for at, (a, b) in enumerate(zip(report["output"], text)) if a != b), None)
        at = min(len(report["output"]), len(text)) if at is None else at
        found.append(f"output differs from character {at} on: "
                     f"{report['output'][at:at + 40]!r}, in wasmtime {text[at:at + 40]!r}")
    return found


def is_verified(report):
    verify = report["verify"]
    return bool(verify and verify["mismatches"] == 0 and not verify["end_problem"] and not verify["fallback"]
                and verify["positions"] == report["generated_tokens"] and report["engine"] == "plan"
                and not report["fallback"])
