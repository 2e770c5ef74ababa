"""How each module is built, and the programs that are run of them."""
import bz2
import collections
import gzip
import os
import shutil
from pathlib import Path

from sources import CACHE, HERE, SOURCES, TOOLS, Failure, command, fetch, need, tell, unpack

WASI_C = ["clang", "--target=wasm32-wasi", "-O2", "-w", "-Wl,--stack-first", "-Wl,-z,stack-size=1048576",
          "-Wl,--allow-undefined"]
# Parts of the C library that it has to be asked for.
EMULATED = [f"-D_WASI_EMULATED_{name}" for name in ["SIGNAL", "PROCESS_CLOCKS", "GETPID"]] + [
    f"-lwasi-emulated-{name}" for name in ["signal", "process-clocks", "getpid"]]


def need_wasi_libc():
    need("clang", "wasm-ld")
    library = command("clang", "--target=wasm32-wasi", "-print-libgcc-file-name").strip()
    crt = command("clang", "--target=wasm32-wasi", "-print-file-name=crt1-command.o").strip()
    if not Path(library).exists() or not Path(crt).exists():
        raise Failure(f"the C library of WASI is missing; what brings it: {TOOLS['clang']}")


def clang(output, *arguments):
    need_wasi_libc()
    command(*WASI_C, *arguments, "-lm", "-o", output)


def files(folder, pattern, without=()):
    found = sorted(path for path in folder.glob(pattern) if path.name not in without)
    if not found:
        raise Failure(f"{folder} has no {pattern}")
    return found


def coremark(output):
    suite = unpack("ibex") / "pythondata_cpu_ibex/system_verilog/vendor/eembc_coremark"
    clang(output, "-DPERFORMANCE_RUN=1", "-DITERATIONS=1", '-DFLAGS_STR="-O2"', f"-I{suite}",
          f"-I{suite}/simple", *EMULATED, *files(suite, "core_*.c"), suite / "simple/core_portme.c")


def lua(key):
    def build(output):
        sources = files(unpack(key) / "src", "*.c", without=("luac.c", "print.c"))
        clang(output, f"-I{HERE}", "-DL_tmpnam=20", *EMULATED, *sources)
    return build


def zlib(test):
    def build(output):
        folder = unpack("zlib")
        clang(output, "-DHAVE_UNISTD_H", f"-I{folder}", *files(folder, "*.c"), folder / "test" / test)
    return build


def bzip2(output):
    names = "blocksort huffman crctable randtable compress decompress bzlib bzip2".split()
    clang(output, *EMULATED, *(unpack("bzip2") / f"{name}.c" for name in names))


def mbedtls(output):
    folder = unpack("mbedtls")
    library = files(folder, "library/*.c", without=("net_sockets.c", "timing.c"))
    clang(output, "-DMBEDTLS_NO_PLATFORM_ENTROPY", f"-I{folder}/include", f"-I{folder}/library", *library,
          folder / "programs/test/selftest.c")


def phalanx(output):
    clang(output, "-std=gnu89", "-D_GNU_SOURCE", *EMULATED, *files(unpack("phalanx"), "*.c"))


def cjson(output):
    clang(output, unpack("cjson") / "cJSON.c", unpack("cjson") / "test.c")


def zig(output):
    folder, cache = unpack("zig") / "ziglang", CACHE / "zig"
    compiler = folder / "zig"
    compiler.chmod(0o755)
    command(compiler, "build-exe", "-OReleaseSafe", "-fstrip", "-target", "wasm32-wasi", "--cache-dir", cache,
            "--global-cache-dir", cache, folder / "lib/compiler/fmt.zig", f"-femit-bin={output}")


def rust(key):
    def build(output):
        need("cargo", "rustc")
        target = "wasm32-wasip1"
        if not Path(command("rustc", "--print", "target-libdir", "--target", target).strip()).exists():
            raise Failure(f"Rust for {target} is missing; to install it: rustup target add {target}")
        fetch(key)
        source, root = SOURCES[key], CACHE / "cargo"
        command("cargo", "install", "--force", "--locked", "--no-track", "--target", target, "--root", root,
                "--target-dir", root / "target", f"{source.name}@{source.version}")
        shutil.copy(root / "bin" / f"{source.name}.wasm", output)
    return build


def assemblyscript(output):
    need("node", "npm")
    folder = CACHE / "npm"
    folder.mkdir(exist_ok=True)
    packages = [fetch(key) for key in ["assemblyscript", "wasi-shim", "assemblyscript-json"]]
    (folder / "package.json").write_text("{}\n")
    command("npm", "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", *packages, cwd=folder)
    shutil.copy(HERE / "json.ts", folder)
    command("node", "node_modules/assemblyscript/bin/asc.js", "json.ts", "-O", "-o", output,
            "--config", "node_modules/@assemblyscript/wasi-shim/asconfig.json", cwd=folder)


# A name; what it does; the key of its source; the module's name and how it is built; its arguments and
# standard input; what it is built with besides, or lacks.
Program = collections.namedtuple("Program", "name does source module build arguments input note")

SETJMP = "a stub for `setjmp`"


def program(name, does, source, build, arguments="", input=None, module=None, note=""):
    return Program(name, does, source, module or name, build, arguments.split(), input, note)


def of_lua(name):
    return lambda: (unpack("lua5.1") / "test" / name).read_bytes()


PROGRAMS = [
    program("coremark", "EEMBC's benchmark, one iteration, checks its results",
            "ibex", coremark, note="this copy has no minimum of 10 seconds"),
    program("coremark-rust", "the same in Rust, an unmodified program", "coremark-rs", rust("coremark-rs"),
            "0 0 0 1"),
    program("lua-bisect", "Lua's `test/bisect.lua`: doubles, closures, formats",
            "lua5.1", lua("lua5.1"), "-", of_lua("bisect.lua"), "lua51", SETJMP),
    program("lua-sort", "Lua's `test/sort.lua`: two ways to sort strings",
            "lua5.1", lua("lua5.1"), "-", of_lua("sort.lua"), "lua51", SETJMP),
    program("lua54-cf", "Lua 5.1's `test/cf.lua`: a table of doubles",
            "lua5.4", lua("lua5.4"), "-", of_lua("cf.lua"), "lua54", SETJMP),
    program("zlib-infcover", "`test/infcover.c`: every path through inflate",
            "zlib", zlib("infcover.c")),
    program("minigzip", "`test/minigzip.c` inflates zlib's README",
            "zlib", zlib("minigzip.c"), "-d",
            lambda: gzip.compress((unpack("zlib") / "README").read_bytes(), 9, mtime=0)),
    program("bzip2", "decompresses its LICENSE", "bzip2", bzip2, "-dc",
            lambda: bz2.compress((unpack("bzip2") / "LICENSE").read_bytes()),
            note="`fchmod` and `fchown` are undefined"),
    program("mbedtls", "tests itself: AES in GCM, CCM and CTR; SHA-1, MD5",
            "mbedtls", mbedtls, "gcm ccm ctr_drbg hmac_drbg md5", note="no sockets, timers, entropy"),
    program("phalanx", "plays chess: an endgame of pawns, depth 5",
            "phalanx", phalanx, "-x- -s+ -c+ -b- -l- -o- -t 100",
            lambda: b"setboard k7/ppp5/8/8/8/8/P1P5/K7 w - - 0 1\ndepth 5\ngo\nquit\n",
            note="`alarm` is undefined"),
    program("cjson", "`test.c`: objects, arrays, doubles by `printf`", "cjson", cjson),
    program("toml2json", "an unmodified Rust program: its Cargo.toml, by a BTreeMap",
            "toml2json", rust("toml2json"), "--pretty",
            lambda: (unpack("toml2json") / "Cargo.toml").read_bytes()),
    program("zig-fmt", "Zig's formatter in safe mode formats `std/buf_map.zig`",
            "zig", zig, "--stdin",
            lambda: (unpack("zig") / "ziglang/lib/std/buf_map.zig").read_bytes()),
    program("as-json", "a parser of JSON in AssemblyScript, with a Map", "assemblyscript-json",
            assemblyscript, note="our `json.ts` calls it"),
]


def module(entry):
    """The module of a program, built unless it is there."""
    path = CACHE / "wasm" / f"{entry.module}.wasm"
    if not path.exists():
        tell(f"building {entry.module}")
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new.wasm")
        entry.build(new)
        os.replace(new, path)
    return path
