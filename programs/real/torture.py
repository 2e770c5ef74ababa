"""The tests of C compilers, counted as they are."""
import collections
import concurrent.futures
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from builds import clang, files, need_wasi_libc
from engines import by_wasmtime, differences, hardmax
from sources import CACHE, Failure, fetch, tell, unpack
from tables import table


def tests_of_tcc():
    folder = unpack("tcc") / "tests" / "tests2"
    return folder, files(folder, "*.c")


def tests_of_gcc():
    """Those of c-torture that are executed: the archive has another one inside."""
    folder = CACHE / "unpacked" / "c-torture"
    if not folder.exists():
        path = fetch("gcc")
        tell("unpacking c-torture")
        with tempfile.TemporaryDirectory(dir=CACHE) as new:
            with tarfile.open(path, "r|gz") as outer:
                for entry in outer:
                    if not re.search(r"/gcc-[0-9.]+(-dfsg)?\.tar\.xz$", entry.name):
                        continue
                    with tarfile.open(fileobj=outer.extractfile(entry), mode="r|xz") as inner:
                        for file in inner:
                            name = re.search(r"/gcc\.c-torture/execute/([^/]+\.[ch])$", file.name)
                            if name and file.isfile():
                                (Path(new) / name[1]).write_bytes(inner.extractfile(file).read())
            if not list(Path(new).glob("*.c")):
                raise Failure(f"{path} has no tests in gcc.c-torture/execute")
            shutil.copytree(new, folder)
    return folder, files(folder, "*.c")


def natively(path, folder, scratch):
    """What a test writes and its exit code, compiled by clang for this machine; None if it does not compile,
    or does not end."""
    binary = Path(scratch) / path.stem
    built = subprocess.run(["clang", "-w", "-O2", path, "-o", binary, "-lm"], cwd=folder, capture_output=True)
    if built.returncode:
        return None
    try:
        result = subprocess.run([binary], cwd=scratch, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, timeout=20)
    except subprocess.TimeoutExpired:
        return None
    return result.returncode, result.stdout


def same_in_wasmtime(path, report):
    """Whether a test does there what the report says, if it is not what it does natively."""
    with tempfile.TemporaryDirectory() as scratch:
        code = Path(scratch) / f"{path.stem}.wasm"
        clang(code, path)
        return not differences(report, by_wasmtime(code, [], None))


def torture(suite, names, binary, jobs, limit):
    """Counts the tests of a compiler that do in hardmax what they do natively, or what is expected."""
    need_wasi_libc()
    folder, tests = {"tcc": tests_of_tcc, "gcc": tests_of_gcc}[suite]()
    if names:
        tests = [path for path in tests if path.stem in names]
        if len(tests) != len(set(names)):
            raise Failure(f"{folder} does not have all of these tests")

    def one(path):
        with tempfile.TemporaryDirectory() as scratch:
            native = natively(path, folder, scratch)
        # A test of gcc that fails natively says nothing; those of tcc may be there to end with an error.
        if native is None or (suite == "gcc" and native[0] != 0):
            return path, None
        expect = path.with_suffix(".expect")
        expected = [native[1].decode(errors="replace")]
        if suite == "tcc" and expect.exists():
            expected.append(expect.read_text(errors="replace"))
        try:
            report = hardmax(binary, "oracle", path, limit=limit, timeout=300)
        except Failure as failure:
            return path, str(failure)
        except subprocess.TimeoutExpired:
            return path, "no end after 300 seconds"
        if report["trapped"]:
            reason = "it traps: " + str((report["trap"] or {}).get("reason", report["trap"]))
        elif not report["halted"]:
            reason = f"no end after {report['generated_tokens']:,} tokens"
        elif report["output"] not in expected:
            reason = "its output differs"
        elif report["output"] == expected[0] and report["exit_code"] != native[0] & 0xFF:
            reason = f"it ends with {report['exit_code']}, natively with {native[0]}"
        else:
            return path, ""
        return path, reason + ("; the same in wasmtime" if same_in_wasmtime(path, report) else "; OTHER IN WASMTIME")

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(one, tests))
    compiled = [(path, reason) for path, reason in results if reason is not None]
    wrong = [(path, reason) for path, reason in compiled if reason]
    equal = len(compiled) - len(wrong)
    if not compiled:
        raise Failure("none of these tests does natively what it should")
    natives = "do not hang" if suite == "tcc" else "end with exit code 0"
    print(f"{suite}: of {len(tests)} files, {len(compiled)} compile by clang natively and {natives}; {equal} of "
          f"these do the same in hardmax ({100 * equal / len(compiled):.1f} %)")
    if wrong:
        print()
        reasons = collections.defaultdict(list)
        for path, reason in wrong:
            reasons[reason].append(f"`{path.stem}`")
        table([">tests", "what is wrong", "which"],
              [[str(len(names)), reason, " ".join(names)] for reason, names in
               sorted(reasons.items(), key=lambda item: -len(item[1]))])
    return 0 if equal >= 0.8 * len(compiled) else 1
