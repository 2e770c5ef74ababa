"""Sources that others wrote: where they come from, and that they are what they were."""
import collections
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CACHE = ROOT / "target" / "real"
# Debian's release that has the source packages.
RELEASE = "bookworm"

Source = collections.namedtuple("Source", "client name version file sha256 licence")

SOURCES = {
    "lua5.1": Source(
        "apt", "lua5.1", "5.1.5", "lua5.1_5.1.5.orig.tar.gz",
        "2640fc56a795f29d28ef15e13c34a47e223960b0240e8cb0a82d9b0738695333", "MIT"),
    "lua5.4": Source(
        "apt", "lua5.4", "5.4.4", "lua5.4_5.4.4.orig.tar.gz",
        "164c7849653b80ae67bec4b7473b884bf5cc8d2dca05653475ec2ed27b9ebf61", "MIT"),
    "zlib": Source(
        "apt", "zlib", "1.2.13", "zlib_1.2.13.dfsg.orig.tar.bz2",
        "71feb7947e3c00ef125f83b79a4e529bde31171e5babe48b391f06758d1ab0a1", "Zlib"),
    "bzip2": Source(
        "apt", "bzip2", "1.0.8", "bzip2_1.0.8.orig.tar.gz",
        "ab5a03176ee106d3f0fa90e381da478ddae405918153cca248e682cd0c4a2269", "bzip2-1.0.6"),
    "mbedtls": Source(
        "apt", "mbedtls", "2.28.3", "mbedtls_2.28.3.orig.tar.gz",
        "3b4953aa55a681e084d31892d9904cc5328d6b4958ea57b90ae4b4f94ae69a8d", "Apache-2.0"),
    "phalanx": Source(
        "apt", "phalanx", "25", "phalanx_25.orig.tar.gz",
        "b3874d5dcd22c64626b2c955b18b27bcba3aa727855361a91eab57a6324b22dd", "GPL-2.0-or-later"),
    "cjson": Source(
        "apt", "cjson", "1.7.15", "cjson_1.7.15.orig.tar.gz",
        "5308fd4bd90cef7aa060558514de6a1a4a0819974a26e6ed13973c5f624c24b2", "MIT"),
    "tcc": Source(
        "apt", "tcc", "0.9.27+git20200814", "tcc_0.9.27+git20200814.62c30a4a.orig.tar.bz2",
        "d63c113bcdd657f51c8ee197a0b0a24203603313e19a52b5f678d40ab7f5df35", "LGPL-2.1-or-later"),
    "gcc": Source(
        "apt", "gcc-12", "12.2.0", "gcc-12_12.2.0.orig.tar.gz",
        "b8298be16aeeb96a889c6afed0a8e2241b47452e89cc81fe65ea849d5c740fcb", "GPL-3.0-or-later"),
    "ibex": Source(
        "pip", "pythondata-cpu-ibex", "0.0.post2937",
        "pythondata_cpu_ibex-0.0.post2937-py3-none-any.whl",
        "bcb32ffccc75097248a11b3e52031eca92d21c6c6161a29151c8c79d6157e1c9", "Apache-2.0"),
    "zig": Source(
        "pip", "ziglang", "0.13.0",
        "ziglang-0.13.0-py3-none-manylinux_2_12_x86_64.manylinux2010_x86_64.musllinux_1_1_x86_64.whl",
        "3ce0c9f16547e5d61b32e0d226926e9a2552ef4b91fccf7ab5ea1a623a77824b", "MIT"),
    "assemblyscript": Source(
        "npm", "assemblyscript", "0.28.20", "assemblyscript-0.28.20.tgz",
        "26696c1bbb716bd85a0fbd38c7efbda186c83bc648ba4f78369d432081b4b1cb", "Apache-2.0"),
    "wasi-shim": Source(
        "npm", "@assemblyscript/wasi-shim", "0.1.0", "assemblyscript-wasi-shim-0.1.0.tgz",
        "e8b4410255e6f86cb96c2ce1d191fa9a6b45d274f0f506c4132e8075634ea005", "Apache-2.0"),
    "assemblyscript-json": Source(
        "npm", "assemblyscript-json", "1.1.0", "assemblyscript-json-1.1.0.tgz",
        "7c8b689e09f3440bea834f704a83d2e391e596e0cd848c5214eabc7f2bd33ca6", "MIT"),
    "coremark-rs": Source(
        "cargo", "coremark", "1.0.0", "coremark-1.0.0.crate",
        "d53e4b2bd78a36a0b0ccf1e94d68643201b131c712621f8855be6538f6206f48", "MIT"),
    "toml2json": Source(
        "cargo", "toml2json", "1.3.1", "toml2json-1.3.1.crate",
        "c4e0cfdb8d5a6b89d76d96b63cccd6a4894a1227c511bd586a5a4501ba5d7928", "MIT"),
}
ORIGINS = {"apt": "Debian's", "pip": "PyPI's", "npm": "npm's", "cargo": "the crate"}


class Failure(Exception):
    """What ends one program, or all: told in one line."""


TOOLS = {
    "apt-get": "Debian, or a container of it",
    "clang": "apt-get install clang lld wasi-libc libclang-rt-dev-wasm32",
    "wasm-ld": "apt-get install lld",
    "cargo": "https://rustup.rs",
    "rustc": "https://rustup.rs",
    "node": "apt-get install nodejs npm",
    "npm": "apt-get install nodejs npm",
}


def need(*tools):
    for tool in tools:
        if not shutil.which(tool):
            raise Failure(f"{tool} is missing; what brings it: {TOOLS[tool]}")


def command(*arguments, cwd=None, environment=None):
    """What a command writes; if it fails, the end of what it said."""
    words = [str(argument) for argument in arguments]
    result = subprocess.run(words, cwd=cwd, env={**os.environ, **(environment or {})},
                            stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if result.returncode:
        said = (result.stderr + result.stdout).strip().splitlines()[-12:]
        raise Failure("\n    ".join([f"{' '.join(words[:4])} ... failed:", *said]))
    return result.stdout


def tell(text):
    print(text, file=sys.stderr, flush=True)


def fetch(key):
    """The file of a source, fetched by the client of where it comes from, and checked."""
    source = SOURCES[key]
    folder = CACHE / "sources"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / source.file
    if not path.exists():
        tell(f"fetching {source.name} {source.version}")
        {"apt": by_apt, "pip": by_pip, "npm": by_npm, "cargo": by_cargo}[source.client](source, folder)
        if not path.exists():
            raise Failure(f"{source.name}: {source.client} has no {source.file} any more")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != source.sha256:
        raise Failure(f"{path}: its SHA-256 is {digest}, not {source.sha256}; delete it to fetch it again")
    return path


def by_apt(source, folder):
    """Source packages of one release, with a configuration of our own: no root, nothing installed."""
    need("apt-get")
    apt = CACHE / "apt"
    for name in ["lists/partial", "cache/archives/partial"]:
        (apt / name).mkdir(parents=True, exist_ok=True)
    uris = command("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages")
    mirror = next((uri.rstrip("/") for uri in uris.split() if uri.rstrip("/").endswith("/debian")), None)
    if not mirror:
        raise Failure("apt-get knows no mirror of Debian; its sources.list has none that ends in /debian")
    (apt / "sources.list").write_text(
        f"deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {mirror} {RELEASE} main\n")
    options = ["-q", "-o", f"Dir::Etc::SourceList={apt}/sources.list", "-o", "Dir::Etc::SourceParts=/dev/null",
               "-o", f"Dir::State::Lists={apt}/lists", "-o", f"Dir::Cache={apt}/cache",
               "-o", "APT::Sandbox::User=root"]
    if not list((apt / "lists").glob("*Sources*")):
        command("apt-get", *options, "update")
    command("apt-get", *options, "source", "--download-only", "--tar-only", "--only-source", source.name,
            cwd=folder)


def by_pip(source, folder):
    command(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest", folder,
            f"{source.name}=={source.version}")


def by_npm(source, folder):
    need("node", "npm")
    command("npm", "pack", f"{source.name}@{source.version}", "--pack-destination", folder)


def by_cargo(source, folder):
    need("cargo")
    stub = CACHE / "crates" / source.name
    (stub / "src").mkdir(parents=True, exist_ok=True)
    (stub / "src" / "lib.rs").write_text("")
    (stub / "Cargo.toml").write_text(
        '[package]\nname = "stub"\nedition = "2021"\n\n[workspace]\n\n'
        f'[dependencies]\n{source.name} = "={source.version}"\n')
    command("cargo", "fetch", cwd=stub)
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    for crate in home.glob(f"registry/cache/*/{source.file}"):
        shutil.copy(crate, folder / source.file)


def unpack(key):
    """The folder of what a source has inside; without the one folder that all of it is in."""
    path = fetch(key)
    folder = CACHE / "unpacked" / SOURCES[key].file
    if not folder.exists():
        folder.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as new:
            if path.suffix == ".whl":
                zipfile.ZipFile(path).extractall(new)
            else:
                with tarfile.open(path) as archive:
                    # What newer versions of Python refuse: links and names that lead out of the folder.
                    archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _folder: member)
                    archive.extractall(new)
            entries = list(Path(new).iterdir())
            inner = entries[0] if len(entries) == 1 and entries[0].is_dir() else Path(new)
            shutil.copytree(inner, folder, symlinks=True)
    return folder
