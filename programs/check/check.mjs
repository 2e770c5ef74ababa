#!/usr/bin/env node
// Checks the bundled programs: check.mjs [NAME...]
//
// Each .wasm file may contain first-generation 32-bit integer instructions only. Each program is
// also compiled by gcc with address and undefined-behaviour sanitizers; both must write the same
// bytes for the default input, for garbage and for the cases below, and what those write is compared
// with results computed here in other ways. Needs node 20, gcc and wasm2wat (Debian: wabt).

import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const programs = join(here, "..");
const work = mkdtempSync(join(tmpdir(), "hardmax-check-"));
process.on("exit", () => rmSync(work, { recursive: true }));

let failures = 0;
function fail(name, what) {
    failures++;
    console.log(`FAIL ${name}: ${what}`);
}

// ---- the two ways to run a program ----

const allowed = new RegExp(
    "^(block|loop|if|else|end|br|br_if|return|call|drop|select|unreachable|nop" +
        "|local\\.(get|set|tee)|global\\.(get|set)" +
        "|i32\\.(const|load|load8_[su]|load16_[su]|store|store8|store16|eqz|eq|ne|[lg][te]_[su]" +
        "|add|sub|mul|div_[su]|rem_[su]|and|or|xor|shl|shr_[su]|rotl|rotr))$",
);
const structure = /^(module|type|import|func|param|result|local|table|memory|global|export|elem|data|mut|i32|funcref)$/;

function checkInstructions(name, wasm) {
    const text = execFileSync("wasm2wat", [wasm], { encoding: "utf8" }).replace(/"(\\.|[^"])*"/g, "").replace(/\(;.*?;\)|;;.*/g, "");
    const words = text.match(/(?<![\w=.$])[a-z][a-z0-9_.]*/g).filter((word) => !/^(offset|align)$/.test(word));
    const strange = new Set(words.filter((word) => !allowed.test(word) && !structure.test(word)));
    if (strange.size > 0) fail(name, `instructions not allowed: ${[...strange].join(" ")}`);
}

async function loadWasm(file) {
    const module = await WebAssembly.compile(readFileSync(file));
    return async (input) => {
        const output = [];
        const instance = await WebAssembly.instantiate(module, { env: { output_byte: (byte) => output.push(byte & 255) } });
        const { memory, compute, __heap_base } = instance.exports;
        const missing = __heap_base.value + input.length + 1 - memory.buffer.byteLength;
        if (missing > 0) memory.grow(Math.ceil(missing / 65536));
        new Uint8Array(memory.buffer).set(input, __heap_base.value);
        compute(__heap_base.value);
        return Buffer.from(output);
    };
}

function buildNative(name, source) {
    const file = join(work, name);
    const warnings = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"];
    const flags = ["-std=c11", "-O1", "-g", "-ffreestanding", "-funsigned-char", "-fno-tree-loop-distribute-patterns"];
    const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    execFileSync("gcc", [...flags, ...warnings, ...sanitizers, "-c", "-I", programs, "-o", `${file}.o`, source], { stdio: "inherit" });
    execFileSync("gcc", [...sanitizers, "-o", file, `${file}.o`, join(here, "shim.c")], { stdio: "inherit" });
    return (input) => {
        const run = spawnSync(file, [input], { maxBuffer: 1 << 28, encoding: "buffer" });
        if (run.status !== 0) throw new Error(`the native program stopped: ${run.stderr}`);
        return run.stdout;
    };
}

// ---- cases: input and what is expected, a text or a function that returns what is wrong ----

const contains = (text) => (output) => output.includes(text) ? null : `expected ${JSON.stringify(text)}`;
const isError = (output) => output.startsWith("error: ") ? null : "expected an error";
const errors = (...inputs) => inputs.map((input) => [input, isError]);
const lastLine = (output) => output.trimEnd().split("\n").at(-1);
const range = (n) => [...Array(n).keys()];
let seed = 1;
const random = (n) => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) % 65536 % n;
const digits = (n) => range(n).map(() => random(10)).join("");

function addition(a, b) {
    const sum = (BigInt(a) + BigInt(b)).toString();
    return [`${a} + ${b}`, (output) => lastLine(output).trim() === sum ? null : `expected ${sum}`];
}

function collatz(start) {
    const path = [];
    let n = BigInt(start), great = false;
    for (; n !== 1n && !great; great = n > 0xffffffffn) {
        path.push(n);
        n = n % 2n === 0n ? n / 2n : 3n * n + 1n;
    }
    if (great) return [`${start}`, contains(`stopped after ${path.length - 1} steps`)];
    const greatest = path.reduce((a, b) => (a > b ? a : b), 1n);
    const end = `reaches 1 in ${path.length} steps; the greatest number on the way is ${greatest}\n`;
    return [`${start}`, (output) =>
        output.endsWith(end) && output.split("\n\n")[0].split(/\s/).join() === [...path, 1n].join() ? null : `expected ${end}`];
}

function fibonacci(n) {
    let [a, b, text] = [0n, 1n, ""];
    for (let i = 0; i <= n; i++) {
        text += `F(${i}) = ${a}\n`;
        [a, b] = [b, a + b];
    }
    return [`${n}`, text];
}

function sieve(n) {
    const primes = range(n + 1).filter((i) => i > 1 && range(Math.floor(Math.sqrt(i)) + 1).every((d) => d < 2 || i % d !== 0));
    return [`${n}`, (output) => output.split("\n\n")[0].split(/\s/).join() === primes.join() &&
        output.endsWith(`${primes.length} primes up to ${n}\n`) ? null : "wrong primes"];
}

// Machin: pi = 16 arctan 1/5 - 4 arctan 1/239.
const piDigits = (() => {
    const one = 10n ** 1010n;
    const arctan = (x) => {
        let sum = 0n;
        for (let k = 1n, power = one / x, sign = 1n; power !== 0n; k += 2n, power /= x * x, sign = -sign) sum += (sign * power) / k;
        return sum;
    };
    return (16n * arctan(5n) - 4n * arctan(239n)).toString();
})();
const pi = (n) => [`${n}`, (output) => output.replace(/[\s.]/g, "") === piDigits.slice(0, n + 1) ? null : "wrong digits"];

function matching(rows) {
    const least = (row, free) => row === rows.length ? 0 :
        Math.min(...free.map((column) => rows[row][column] + least(row + 1, free.filter((other) => other !== column))));
    return [rows.map((row) => row.join(" ")).join(" ; "), contains(`Total cost ${least(0, range(rows.length))}\n`)];
}

function sudokuSolved(input) {
    return (output) => {
        const grid = output.split(/Solution after.*\n/)[1]?.split("\n\n")[0].replace(/[^1-9]/g, "");
        if (grid?.length !== 81) return "no solution";
        if ([...input].some((c, i) => c >= "1" && c <= "9" && c !== grid[i])) return "a given digit changed";
        for (const unit of range(9)) {
            const sets = [new Set(), new Set(), new Set()];
            for (const i of range(9)) {
                sets[0].add(grid[unit * 9 + i]);
                sets[1].add(grid[i * 9 + unit]);
                sets[2].add(grid[(Math.floor(unit / 3) * 3 + Math.floor(i / 3)) * 9 + (unit % 3) * 3 + (i % 3)]);
            }
            if (sets.some((set) => set.size !== 9)) return "not a solution";
        }
        return null;
    };
}
const hard = [
    "1....7.9..3..2...8..96..5....53..9...1..8...26....4...3......1..4......7..7...3..",
    "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4..",
    "000000010400000000020000000000050407008000300001090000300400200050100000000806000",
];

function maze(text) {
    const rows = text.split(/\s+/), at = (x, y) => rows[y]?.[x] ?? "#";
    const find = (c) => range(rows.length).flatMap((y) => range(rows[y].length).filter((x) => at(x, y) === c).map((x) => [x, y]))[0];
    const known = new Map([[find("S").join(), 0]]);
    for (const [key, steps] of known) {
        const [x, y] = key.split(",").map(Number);
        for (const [a, b] of [[x + 1, y], [x - 1, y], [x, y + 1], [x, y - 1]])
            if (at(a, b) !== "#" && !known.has(`${a},${b}`)) known.set(`${a},${b}`, steps + 1);
    }
    const steps = known.get(find("E").join());
    return [text, (output) => {
        if (steps === undefined) return contains("No way leads")(output);
        const marks = output.split("\n\n")[0].match(/o/g)?.length ?? 0;
        return marks === steps - 1 ? contains(`${steps} steps from S to E`)(output) : "a wrong number of marks";
    }];
}
const randomMaze = (width, height) => {
    const cells = range(width * height).map(() => (random(3) === 0 ? "#" : "."));
    cells[random(width * height)] = "S";
    const free = range(width * height).filter((i) => cells[i] !== "S");
    cells[free[random(free.length)]] = "E";
    return range(height).map((y) => cells.slice(y * width, (y + 1) * width).join("")).join(" ");
};

function life(generations, board) {
    let rows = board.split(" ");
    const [height, width] = [rows.length, rows[0].length];
    for (let i = 0; i < generations; i++) {
        rows = rows.map((row, y) => range(width).map((x) => {
            let n = 0;
            for (const dy of [-1, 0, 1])
                for (const dx of [-1, 0, 1])
                    if ((dx || dy) && rows[(y + dy + height) % height][(x + dx + width) % width] === "#") n++;
            return n === 3 || (n === 2 && row[x] === "#") ? "#" : ".";
        }).join(""));
    }
    const living = rows.join("").match(/#/g)?.length ?? 0;
    const picture = rows.map((row) => row.replace(/./g, " $&")).join("\n") + "\n";
    return [`${generations} ${board}`, (output) => /changes any more|lives any more/.test(output) ||
        (output.includes(`generation ${generations}\n${picture}`) && output.includes(`${living} cells live`)) ? null : `expected\n${picture}`];
}
const randomBoard = (width, height) => range(height).map(() => range(width).map(() => ".#"[random(2)]).join("")).join(" ");

function hanoi(n) {
    return [`${n}`, (output) => {
        const pegs = { A: range(n).map((i) => n - i), B: [], C: [] };
        const moves = output.match(/disk.*-> \w/g);
        for (const move of moves) {
            const [, disk, from, to] = move.match(/disk +(\d+)  (\w) -> (\w)/);
            if (pegs[from].pop() !== Number(disk)) return `not on top: ${move}`;
            if (pegs[to].some((other) => other < disk)) return `onto a smaller one: ${move}`;
            pegs[to].push(Number(disk));
        }
        return moves.length === 2 ** n - 1 && pegs.C.length === n ? null : "not solved";
    }];
}

const quicksort = (...numbers) => [numbers.join(" "), contains(`sorted: ${[...numbers].sort((a, b) => a - b).join(" ")}\n`)];

function roman(n) {
    const tens = (i, [one, five, ten]) => ["", "1", "11", "111", "15", "5", "51", "511", "5111", "1t"][i]
        .replace(/1/g, one).replace("5", five).replace("t", ten);
    const d = `${n}`.padStart(4, "0");
    return tens(d[0], "M??") + tens(d[1], "CDM") + tens(d[2], "XLC") + tens(d[3], "IVX");
}
const romans = range(3999).map((i) => i + 1);

const sha256 = (text) => [text, contains(`sha256   ${createHash("sha256").update(text).digest("hex")}\n`)];

function crc32(text) {
    let crc = 0n; // long division of polynomials, high bit first, over reflected bytes
    const reflect = (x, n) => [...x.toString(2).padStart(n, "0")].reverse().join("");
    const bytes = Buffer.from(text), length = bytes.length;
    const bits = [...bytes].map((byte) => reflect(byte, 8)).join("") + "0".repeat(32);
    crc = BigInt(`0b0${bits}`) ^ (0xffffffffn << BigInt(8 * length));
    for (let i = 8 * length + 31; i >= 32; i--) if ((crc >> BigInt(i)) & 1n) crc ^= 0x104c11db7n << BigInt(i - 32);
    const result = (parseInt(reflect(crc, 32), 2) ^ -1) >>> 0;
    return [text, contains(`crc32 of ${length} byte${length === 1 ? "" : "s"}: ${result.toString(16).padStart(8, "0")}\n`)];
}

function scale(n) {
    const table = new Uint32Array(256);
    let x = 1, swaps = 0, checksum = 0;
    for (let i = 0; i < n; i++) {
        x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
        const k = x >>> 24;
        if (table[k] > x) swaps++, (table[k] = x);
        else table[k] += (x ^ i) >>> 0;
    }
    for (const entry of table) checksum = (Math.imul(checksum, 31) + entry) >>> 0;
    return [`${n}`, `${n} steps, ${swaps} swaps, checksum ${checksum.toString(16).padStart(8, "0")}\n`];
}

const repeat = (text, n) => text.repeat(n);
const costs = (n) => range(n).map(() => range(n).map(() => random(200) - 50));
const cases = {
    hello: [["world", "Hello, world!\n"], ["", "Hello, world!\n"], [" you", "Hello, you!\n"]],
    addition: [
        addition("0", "0"), addition("9", "1"), addition(repeat("9", 500), "1"), addition("1", repeat("9", 499)),
        addition("00012", "0000"), addition(digits(500), digits(500)), ["1 2", contains("3\n")], ["12+3", contains("15\n")],
        ...errors("", "1", "1 +", "1 + -2", "1 2 3", "a b", `${repeat("1", 501)} 1`),
    ],
    collatz: [
        ...[1, 2, 3, 27, 97, 703, 837799, 113383, 159487, 1431655765, 4294967295, 2147483648].map(collatz),
        ...errors("", "0", "4294967296", "12x", "1 2"),
    ],
    fibonacci: [...[0, 1, 2, 47, 48, 100, 1000].map(fibonacci), ...errors("", "1001", "-1")],
    sieve: [...[2, 3, 4, 100, 1000, 10007].map(sieve), ["1000000", contains("78498 primes")], ...errors("", "1", "1000001")],
    pi: [...range(120).map((i) => pi(i + 1)), ...[759, 760, 761, 762, 763, 764, 765, 766, 767, 768, 999, 1000].map(pi), ...errors("", "0", "1001")],
    min_cost_matching: [
        ...range(40).map((i) => matching(costs((i % 7) + 1))),
        ["5", contains("Total cost 5\n")], ["-1000000,1000000\n1000000,-1000000\n", contains("Total cost -2000000\n")],
        ["1 1;1 1", contains("Total cost 2\n")],
        [range(16).map((i) => range(16).map((j) => (i + 1) * (j + 1)).join(" ")).join(";"), contains("Total cost 816\n")],
        ...errors("", ";;", "1 2;3", "1 2", "1 x;2 3", "1000001", "99999999999", repeat("1 ", 17), repeat("1;", 17)),
    ],
    sudoku: [
        ...hard.map((grid) => [grid, sudokuSolved(grid)]),
        [hard[0].replace(/.{9}/g, "$& \n"), sudokuSolved(hard[0])],
        [repeat(".", 81), sudokuSolved(repeat(".", 81))],
        [`${hard[0]} unique`, contains("There is no other solution.")], [repeat("0", 81) + " unique", contains("The solution is not unique.")],
        // r1c1 can only be 9, and the row, column or box holds it elsewhere.
        [`.12345678${repeat(".", 9)}9${repeat(".", 62)}`, contains("There is no solution.")],
        [`5168497323.76.5...8.97...65135.6.9.7472591..696837..5.253186.746842.75..791.5.6.8`, contains("There is no solution.")],
        [`11${repeat(".", 79)}`, contains("invalid: r1c2 repeats")],
        ...errors("", repeat(".", 80), repeat(".", 82), `${repeat(".", 80)}x`, `${repeat(".", 81)} uniq`),
    ],
    queens: [
        ...[1, 0, 0, 2, 10, 4, 40, 92, 352, 724].map((count, i) => [`${i + 1}`, contains(`${i + 1} queens: ${count} solution${count === 1 ? "" : "s"},`)]),
        ...errors("", "0", "17"),
    ],
    maze: [
        maze("SE"), maze("S#E"), maze("S.# #.. ##E"), maze("S E"), ...range(40).map(() => maze(randomMaze(1 + random(12), 2 + random(12)))),
        maze(randomMaze(64, 64)), maze(`S${range(62).map(() => ".".repeat(64)).join(" ").slice(1)} ${".".repeat(63)}E`),
        ...errors("", "S", "E", "SSE", "SEE", "SE x.", "SE .", repeat(".", 65), repeat(". ", 65)),
    ],
    life: [
        life(8, ".#...... ..#..... ###..... ........ ........ ........"), life(5, "#"), life(5, "# #"), life(3, "## ##"), life(0, "#.#"),
        ...range(20).map(() => life(random(6), randomBoard(1 + random(12), 1 + random(12)))), life(3, randomBoard(64, 64)),
        ["3 ....", contains("Nothing lives")], ["9 .... .##. .##. ....", contains("nothing changes")],
        ...errors("", "x", "1001", "-1", "3 ..# .#", "3 ab", `1 ${repeat("#", 65)}`, `1 ${repeat("# ", 65)}`),
    ],
    mandelbrot: [["1", contains("stay near 0 for 1 step\n")], ["1000 8", contains("of 24 points")], ["20 200", contains("points")], ...errors("", "0", "1001", "5 7", "5 201", "5 9 9")],
    hanoi: [...[1, 2, 3, 7, 10].map(hanoi), ...errors("", "0", "17")],
    quicksort: [
        quicksort(1), quicksort(2, 1), quicksort(1, 1, 1, 1), quicksort(-2147483648, 2147483647, 0, -1), quicksort(...range(64)),
        quicksort(...range(64).reverse()), ...range(20).map(() => quicksort(...range(1 + random(64)).map(() => random(100) - 50))),
        ["3, 1,2", contains("sorted: 1 2 3\n")], ...errors("", "a", "1 2 x", "2147483648", repeat("1 ", 65)),
    ],
    rpn: [
        ...[["2 3 + 4 *", 20], ["-7 2 /", -3], ["-7 2 %", -1], ["7 -2 /", -3], ["5", 5], ["2147483647 -1 -", null], ["-2147483648 -1 /", null],
            ["-2147483648 -1 %", null], ["-2147483648 -1 *", null], ["-2147483648 1 *", -2147483648], ["65536 -32768 *", -2147483648], ["65536 32768 *", null],
            ["2147483647 1 +", null], ["-2147483648 -1 +", null], ["-2147483648 1 -", null], ["0 -2147483648 -", null], ["-1 -2147483648 -", 2147483647],
            ["46341 46341 *", null], ["46340 46340 *", 2147395600], ["0 5 *", 0], ["5 0 *", 0], ["-2147483648 2147483647 +", -1], ["-2147483648 7 %", -2],
            ["1 2 3 4 5 + + + +", 15], ["8 3-5 +", null]].map(([text, value]) =>
            [text, value === null ? contains("error: ") : contains(`\n= ${value}\n`)]),
        ...["", "1 +", "+", "1 2", "1 0 /", "1 0 %", "x", "2147483648", "-2147483649", "1 2 ^", repeat("1 ", 65)].map((text) => [text, contains("error: ")]),
    ],
    roman: [
        ...range(8).map((i) => romans.slice(i * 500, (i + 1) * 500)).flatMap((part) => [
            [part.join(" "), part.map((n) => `${n} = ${roman(n)}\n`).join("")],
            [part.map(roman).join("\n"), part.map((n) => `${roman(n)} = ${n}\n`).join("")],
        ]),
        ...["0", "4000", "IIII", "IC", "VX", "MMMM", "mm", "MMMMMMMMMMMMMMMM", "12a", "99999999999", "IVI", "XCX"].map((text) => [text, contains("error: neither")]),
        ...errors("", " "),
    ],
    sha256: [...[0, 1, 3, 54, 55, 56, 57, 63, 64, 65, 118, 119, 120, 128, 1000].map((n) => sha256(repeat("a", n))), sha256("grüße"),
        sha256("The quick brown fox jumps over the lazy dog")],
    crc32: [crc32(""), crc32("a"), crc32("123456789"), crc32("The quick brown fox jumps over the lazy dog"), crc32("ü")],
    brainfuck: [
        ["++++++++[>++++++++<-]>+.", "A"], [",[.,]!text", "text"], [",+.!", "\x01"], ["+[-]!", ""], ["-.", Buffer.from([255])], ["-+.", "\0"],
        [`${repeat("+", 300)}.`, Buffer.from([44])], [`${repeat(">", 4095)}+.`, "\x01"], ["[[[]]]+.", "\x01"],
        ...errors("", "hello", "[", "]", "[]]", "[[]", "<", repeat(">", 4096), repeat("+-", 2049), "!abc", "+[>+]"),
    ],
    scale: [...[0, 1, 2, 1000, 123457].map(scale), ...errors("", "x", "4294967296")],
    runtime: [["-17 +4 4294967295 , 4294967296", [
        "[0] [-2147483648] [2147483647] [4294967295]", "[  -42] [-42  ] [-0042] [-420]", "[deadbeef] [0000beef] [    beef] [beef    ]",
        "[abc] [  abc] [abc  ] [x] [  y] [z  ] [  4294967295] 100%", "|longer than a field", "aaaaaaaaaaaaaaa", "aa123456789aaaa", "aa12123456789aa",
        "12123456789aaaa".slice(0, 13) + "aa", "1 0 1", "1 1 0 1", "0 15", "-17 4 1 1", "0 1 4294967295", "1 0 0 4294967296", "0 1 -2147483648 0 0", "1 0 0 0", ""].join("\n")]],
};
const garbage = ["", " ", "\n", "x", "-1", "0", "%s%n%d", "1 2 3 4", "99999999999999999999", "4294967296", "-2147483649", "\u00ff\u20ac", "#", "S", "[",
    "!", ";", "+", "1;", "1 #", "3 .", repeat("1", 5000), repeat("a", 5000), repeat(" ", 5000), repeat("[", 5000), repeat("# ", 3000), repeat("7,", 3000)];

// ---- the check ----

async function check(program) {
    const { name, input, source, wasm } = program;
    checkInstructions(name, wasm);
    const native = buildNative(name, source), run = await loadWasm(wasm);
    const known = cases[name] ?? [];
    const all = [[input, () => null], ...known, ...garbage.map((text) => [text, () => null])];
    for (const [text, expected] of all) {
        const shown = JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
        try {
            const a = native(text), b = await run(Buffer.from(text));
            if (!a.equals(b)) fail(name, `native and wasm differ for ${shown}`);
            const wrong = typeof expected === "function" ? expected(b.toString()) : b.equals(Buffer.from(expected)) ? null : `expected ${JSON.stringify(expected)}`;
            if (wrong) fail(name, `${shown}: ${wrong}\n${b.toString().slice(-600)}`);
        } catch (error) {
            fail(name, `${shown}: ${error.message}`);
        }
    }
    console.log(`${name}: ${known.length} cases with known results, ${all.length} in all`);
}

const manifest = JSON.parse(readFileSync(join(programs, "programs.json"), "utf8")).programs;
const bundled = manifest.map((program) => ({ ...program, source: join(programs, program.source), wasm: join(programs, program.wasm) }));
mkdirSync(join(work, "check"));
execFileSync(join(programs, "build.sh"), ["check/runtime"], { env: { ...process.env, OUT: work }, stdio: "inherit" });
bundled.push({ name: "runtime", input: "", source: join(here, "runtime.c"), wasm: join(work, "check/runtime.wasm") });
const wanted = process.argv.slice(2);
for (const program of bundled) if (wanted.length === 0 || wanted.includes(program.name)) await check(program);
console.log(failures === 0 ? "all as expected" : `${failures} failures`);
process.exitCode = failures === 0 ? 0 : 1;
