//! Random valid modules of i32, as text; of every other one a table changes, and passive segments are copied.
//!
//! Everything terminates: every function and every round of a loop takes one from
//! a global, and the program traps when there is none left. Expressions leave one
//! operand, statements none; both may branch out from the middle of other
//! expressions, so that operands lie beneath what a branch brings. Behind an
//! unconditional branch generation just goes on: dead code with any stack.

use std::fmt::Write;

/// A small deterministic generator of numbers (xorshift64*).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as u32
    }

    pub fn below(&mut self, n: usize) -> usize {
        self.next() as usize % n
    }

    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// Small numbers, numbers at the edges, and any.
    pub fn value(&mut self) -> i32 {
        match self.below(4) {
            0 => self.below(8) as i32,
            1 => self.one_of(&[-1, i32::MIN, i32::MAX, 255, 256, 65535, 65536, -128, 0x8000]),
            2 => -(self.below(300) as i32),
            _ => self.next().cast_signed(),
        }
    }
}

/// Types of the module, as (parameters, results).
const TYPES: [(usize, usize); 6] = [(0, 1), (1, 1), (2, 1), (0, 0), (1, 2), (3, 1)];
const GLOBALS: usize = 3;
const TABLE: usize = 7;
/// Elements that the table has at first that changes.
const CHANGING: usize = 5;
/// What the exported function `run` takes; it is function 0.
pub const RUN_PARAMS: usize = 2;

const UNARY: [&str; 6] = ["clz", "ctz", "popcnt", "extend8_s", "extend16_s", "eqz"];
const BINARY: [&str; 25] = [
    "add", "sub", "mul", "and", "or", "xor", "shl", "shr_s", "shr_u", "rotl", "rotr", "eq", "ne",
    "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u", "div_u", "rem_u", "div_s",
    "rem_s",
];

/// A module. Where `wild`, addresses are any numbers; else they lie in the first page.
pub fn module(random: &mut Random, wild: bool) -> String {
    let mut text =
        String::from("(module (import \"env\" \"output_byte\" (func $out (param i32)))\n");
    for (index, (params, results)) in TYPES.iter().enumerate() {
        let _ = writeln!(
            text,
            "(type $t{index} (func {} {}))",
            list("param", *params),
            list("result", *results)
        );
    }
    let max = random.one_of(&["1", "3", "4"]);
    let _ = writeln!(text, "(memory (export \"memory\") 1 {max})");
    for _ in 0..random.below(4) {
        let begin = random.below(200) + random.one_of(&[0, 0, 65000]);
        let bytes: String = (0..random.below(20))
            .map(|_| format!("\\{:02x}", random.one_of(&[0, 0, 1, 65, 255])))
            .collect();
        let _ = writeln!(text, "(data (i32.const {begin}) \"{bytes}\")");
    }
    let _ = writeln!(text, "(global $fuel (mut i32) (i32.const {}))", 20 + random.below(120));
    for global in 0..GLOBALS {
        let value = random.one_of(&[0, 1, -7]);
        let _ = writeln!(text, "(global $g{global} (mut i32) (i32.const {value}))");
        let _ = writeln!(text, "(func (export \"g{global}\") (result i32) global.get $g{global})");
    }
    let mut types = vec![2];
    types.extend((0..1 + random.below(4)).map(|_| random.below(TYPES.len())));
    let _ = writeln!(text, "(table $t {TABLE} funcref)");
    for _ in 0..random.below(6) {
        let name = function_name(random, &types);
        let _ = writeln!(text, "(elem (i32.const {}) {name})", random.below(TABLE));
    }
    let changes = random.chance(50);
    if changes {
        write_changing(&mut text, random, &types);
    }
    if random.chance(20) {
        let _ = writeln!(
            text,
            "(func $start i32.const 300 global.get $g0 i32.store8 i32.const 5 global.set $g1)
             (start $start)"
        );
    }
    for (index, &ty) in types.iter().enumerate() {
        let function = Function::new(random, &types, ty, [wild, changes]).text();
        let export = if index == 0 { "(export \"run\")" } else { "" };
        let _ = writeln!(text, "(func $f{index} {export} (type $t{ty}) {function})");
    }
    text.push(')');
    text
}

fn function_name(random: &mut Random, types: &[usize]) -> String {
    let function = random.below(types.len() + 1);
    if function == types.len() { "$out".into() } else { format!("$f{function}") }
}

/// A table that changes, what it is copied from, and `d`, which tells its size and which elements are null.
fn write_changing(text: &mut String, random: &mut Random, types: &[usize]) {
    let max = random.one_of(&["", "6", "9"]);
    let _ = writeln!(text, "(table $d {CHANGING} {max} funcref)");
    let all: String = (0..types.len()).map(|function| format!(" $f{function}")).collect();
    let _ = writeln!(text, "(elem declare func $out{all})");
    let active = function_name(random, types);
    let _ = writeln!(text, "(elem $active (table $d) (i32.const 1) func {active})");
    let mut some = String::new();
    for _ in 0..random.below(6) {
        match random.below(3) {
            0 => some.push_str("(ref.null func) "),
            _ => drop(write!(some, "(ref.func {}) ", function_name(random, types))),
        }
    }
    let _ = writeln!(text, "(elem $some funcref {some})");
    let _ = writeln!(text, "(data $bytes \"{}\")", "passive".repeat(random.below(4)));
    let _ = writeln!(text, "(func (export \"d\") (result i32) table.size $d");
    for index in 0..CHANGING {
        let _ =
            write!(text, "i32.const 1 i32.shl i32.const {index} table.get $d ref.is_null i32.or ");
    }
    text.push_str(")\n");
}

fn list(word: &str, count: usize) -> String {
    if count == 0 { String::new() } else { format!("({word}{})", " i32".repeat(count)) }
}

struct Function<'a> {
    random: &'a mut Random,
    types: &'a [usize],
    params: usize,
    results: usize,
    locals: usize,
    wild: bool,
    /// Whether there is a table that changes.
    changes: bool,
    /// How many operands a branch to each label brings, the innermost last.
    labels: Vec<usize>,
    text: String,
    /// How much code may still come.
    budget: usize,
}

impl<'a> Function<'a> {
    fn new(
        random: &'a mut Random,
        types: &'a [usize],
        ty: usize,
        [wild, changes]: [bool; 2],
    ) -> Self {
        let (params, results) = TYPES[ty];
        let (locals, budget) = (random.below(4), 10 + random.below(90));
        let text = String::new();
        let labels = vec![results];
        Function { random, types, params, results, locals, wild, changes, labels, text, budget }
    }

    fn text(mut self) -> String {
        self.say(&format!("{} ", list("local", self.locals)));
        self.fuel();
        for _ in 0..self.random.below(5) {
            self.statement(4);
        }
        self.expressions(self.results, 4);
        self.text
    }

    fn say(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push(' ');
    }

    fn fuel(&mut self) {
        self.say(
            "global.get $fuel i32.eqz (if (then unreachable))
             global.get $fuel i32.const 1 i32.sub global.set $fuel\n",
        );
    }

    fn expressions(&mut self, count: usize, depth: usize) {
        (0..count).for_each(|_| self.expression(depth));
    }

    fn expression(&mut self, depth: usize) {
        self.budget = self.budget.saturating_sub(1);
        if depth == 0 || self.budget == 0 {
            return self.leaf();
        }
        let depth = depth - 1;
        match self.random.below(if self.changes { 26 } else { 24 }) {
            24 => self.element(depth),
            25 => self.grow_table(),
            0..=2 => self.leaf(),
            3 => {
                self.expression(depth);
                let op = self.random.one_of(&UNARY);
                self.say(&format!("i32.{op}"));
            }
            4..=8 => {
                self.expressions(2, depth);
                let op = self.random.one_of(&BINARY);
                self.say(&format!("i32.{op}"));
            }
            9 | 10 => {
                self.address(depth);
                let op =
                    self.random.one_of(&["load", "load8_s", "load8_u", "load16_s", "load16_u"]);
                let offset = self.offset();
                self.say(&format!("i32.{op} offset={offset}"));
            }
            11 => {
                self.expressions(3, depth);
                self.say("select");
            }
            12 => {
                self.expression(depth);
                let local = self.local();
                self.say(&format!("local.tee {local}"));
            }
            13 => {
                let size = self.random.one_of(&["memory.size", "i32.const 1 memory.grow"]);
                self.say(size);
            }
            14 | 15 => self.call(depth),
            16 => self.call_indirect(depth),
            17 => self.block("block", 0, 1, depth),
            18 => {
                self.block("block", 0, 2, depth);
                self.say("i32.sub");
            }
            19 => {
                self.expression(depth);
                let kind = self.random.one_of(&["block", "loop"]);
                self.block(kind, 1, 1, depth);
            }
            20 => self.block("loop", 0, 1, depth),
            21 => {
                self.expression(depth);
                self.if_else(1, depth);
            }
            22 => self.branch_that_keeps(depth),
            _ => self.branch_away(depth),
        }
    }

    fn leaf(&mut self) {
        let leaf = match self.random.below(3) {
            0 => format!("i32.const {}", self.random.value()),
            1 if self.params + self.locals > 0 => format!("local.get {}", self.local()),
            _ => format!("global.get $g{}", self.random.below(GLOBALS)),
        };
        self.say(&leaf);
    }

    fn local(&mut self) -> usize {
        if self.params + self.locals == 0 {
            // There is none: one more local is declared by every text with locals.
            self.locals = 1;
            self.text.insert_str(0, "(local i32) ");
        }
        self.random.below(self.params + self.locals)
    }

    fn address(&mut self, depth: usize) {
        self.expression(depth);
        if !self.wild || self.random.chance(80) {
            self.say("i32.const 1023 i32.and");
        }
    }

    fn offset(&mut self) -> u32 {
        if self.wild && self.random.chance(5) {
            return self.random.one_of(&[u32::MAX, 65535, 65536, 0x7fff_ffff]);
        }
        self.random.below(40) as u32
    }

    fn call(&mut self, depth: usize) {
        let function = self.random.below(self.types.len());
        let (params, results) = TYPES[self.types[function]];
        self.expressions(params, depth);
        self.say(&format!("call $f{function}"));
        self.one_operand_from(results);
    }

    fn call_indirect(&mut self, depth: usize) {
        let ty = self.random.below(TYPES.len());
        let (params, results) = TYPES[ty];
        self.expressions(params, depth);
        self.expression(depth);
        if self.random.chance(90) {
            self.say(&format!("i32.const 7 i32.and i32.const {TABLE} i32.rem_u"));
        }
        let table = if self.changes { self.random.one_of(&["$t", "$d"]) } else { "$t" };
        self.say(&format!("call_indirect {table} (type $t{ty})"));
        self.one_operand_from(results);
    }

    fn one_operand_from(&mut self, results: usize) {
        match results {
            0 => self.leaf(),
            1 => {}
            _ => self.say("i32.xor"),
        }
    }

    /// A block that takes operands that are already there.
    fn block(&mut self, kind: &str, params: usize, results: usize, depth: usize) {
        self.say(&format!("\n({kind} {} {}", list("param", params), list("result", results)));
        if kind == "loop" {
            self.fuel();
        }
        self.labels.push(if kind == "loop" { params } else { results });
        for _ in 0..self.random.below(3) {
            self.statement(depth);
        }
        let more = results.saturating_sub(params);
        self.expressions(more, depth);
        if params > 0 && self.random.chance(50) {
            self.say("i32.eqz");
        }
        self.labels.pop();
        self.say(")\n");
    }

    fn if_else(&mut self, results: usize, depth: usize) {
        self.say(&format!("\n(if {} (then", list("result", results)));
        self.labels.push(results);
        for arm in ["then", "else"] {
            if arm == "else" {
                self.say(") (else");
            }
            for _ in 0..self.random.below(3) {
                self.statement(depth);
            }
            self.expressions(results, depth);
        }
        self.labels.pop();
        self.say("))\n");
    }

    /// A label that takes at most two operands, as its depth.
    fn label(&mut self) -> (usize, usize) {
        let depth = self.random.below(self.labels.len());
        (depth, self.labels[self.labels.len() - 1 - depth])
    }

    /// `br_if` leaves what it would have brought: one operand comes of it.
    fn branch_that_keeps(&mut self, depth: usize) {
        let (label, arity) = self.label();
        self.expressions(arity, depth);
        self.expression(depth);
        self.say(&format!("br_if {label}"));
        self.one_operand_from(arity);
    }

    /// Behind these the stack is anything: an operand may be taken from it.
    fn branch_away(&mut self, depth: usize) {
        for _ in 0..self.random.below(2) {
            self.expression(depth);
        }
        match self.random.below(10) {
            0 => self.say("unreachable"),
            1..=3 => {
                self.expressions(self.results, depth);
                self.say("return");
            }
            4..=6 => {
                let (label, arity) = self.label();
                self.expressions(arity, depth);
                self.say(&format!("br {label}"));
            }
            _ => self.branch_by_table(depth),
        }
    }

    fn branch_by_table(&mut self, depth: usize) {
        let (default, arity) = self.label();
        let same: Vec<usize> = (0..self.labels.len())
            .filter(|&label| self.labels[self.labels.len() - 1 - label] == arity)
            .collect();
        self.expressions(arity, depth);
        self.expression(depth);
        if self.random.chance(70) {
            self.say("i32.const 7 i32.and");
        }
        self.say("br_table");
        for _ in 0..self.random.below(6) {
            let label = self.random.one_of(&same);
            self.say(&format!("{label}"));
        }
        self.say(&format!("{default}\n"));
    }

    fn statement(&mut self, depth: usize) {
        self.budget = self.budget.saturating_sub(1);
        if depth == 0 || self.budget == 0 {
            return self.say("nop");
        }
        let depth = depth - 1;
        match self.random.below(if self.changes { 19 } else { 16 }) {
            16.. => self.table(depth),
            0 | 1 => {
                self.expression(depth);
                let local = self.local();
                self.say(&format!("local.set {local}\n"));
            }
            2 => {
                self.expression(depth);
                let global = self.random.below(GLOBALS);
                self.say(&format!("global.set $g{global}\n"));
            }
            3..=5 => {
                self.address(depth);
                self.expression(depth);
                let op = self.random.one_of(&["store", "store8", "store16"]);
                let offset = self.offset();
                self.say(&format!("i32.{op} offset={offset}\n"));
            }
            6 => {
                self.expression(depth);
                self.say("call $out\n");
            }
            7 => {
                self.expression(depth);
                self.say("drop\n");
            }
            8 => self.block("block", 0, 0, depth),
            9 => self.block("loop", 0, 0, depth),
            10 => {
                self.expression(depth);
                self.if_else(0, depth);
            }
            11 => {
                self.expression(depth);
                self.say("(if (then");
                self.labels.push(0);
                self.statement(depth);
                self.labels.pop();
                self.say("))\n");
            }
            12 | 13 => {
                self.branch_that_keeps(depth);
                self.say("drop\n");
            }
            14 => self.bulk(depth),
            _ if self.random.chance(30) => self.branch_away(depth),
            _ => self.say("nop"),
        }
    }

    /// An index that is often one of the table that changes.
    fn index(&mut self, depth: usize) {
        self.expression(depth);
        if !self.wild || self.random.chance(90) {
            self.say(&format!("i32.const 0xffff i32.and i32.const {CHANGING} i32.rem_u"));
        }
    }

    /// Often so few that they are within.
    fn few(&mut self, depth: usize) {
        self.expression(depth);
        if !self.wild || self.random.chance(90) {
            self.say("i32.const 3 i32.and");
        }
    }

    fn reference(&mut self) {
        let reference = match self.random.below(4) {
            0 => "ref.null func".into(),
            _ => format!("ref.func $f{}", self.random.below(self.types.len())),
        };
        self.say(&reference);
    }

    fn element(&mut self, depth: usize) {
        self.index(depth);
        self.say("table.get $d ref.is_null");
    }

    fn grow_table(&mut self) {
        if self.random.chance(50) {
            return self.say("table.size $d");
        }
        self.reference();
        let by = self.random.one_of(&["0", "1", "2", "-1"]);
        self.say(&format!("i32.const {by} table.grow $d"));
    }

    fn table(&mut self, depth: usize) {
        match self.random.below(9) {
            0 | 1 => {
                self.index(depth);
                self.reference();
                self.say("table.set $d\n");
            }
            2 => {
                self.index(depth);
                self.reference();
                self.few(depth);
                self.say("table.fill $d\n");
            }
            3 | 4 => {
                self.index(depth);
                self.index(depth);
                self.few(depth);
                let from = self.random.one_of(&["$d", "$d", "$t"]);
                self.say(&format!("table.copy $d {from}\n"));
            }
            5 => {
                self.index(depth);
                self.few(depth);
                self.few(depth);
                let segment = self.random.one_of(&["$some", "$some", "$active"]);
                self.say(&format!("table.init $d {segment}\n"));
            }
            6 | 7 => {
                self.address(depth);
                self.few(depth);
                self.few(depth);
                self.say("memory.init $bytes\n");
            }
            _ => {
                let drop = self.random.one_of(&["elem.drop $some", "data.drop $bytes"]);
                // Else there is seldom anything left.
                let statement = if self.random.chance(20) { drop } else { "nop" };
                self.say(statement);
            }
        }
    }

    fn bulk(&mut self, depth: usize) {
        self.address(depth);
        self.address(depth);
        self.expression(depth);
        if !self.wild || self.random.chance(90) {
            self.say("i32.const 31 i32.and");
        }
        let op = self.random.one_of(&["memory.copy", "memory.fill"]);
        self.say(&format!("{op}\n"));
    }
}
