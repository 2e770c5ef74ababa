//! What a profile says, in rows.

use std::collections::{BTreeMap, HashMap};

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::cli::places::{Compiled, short};
use crate::cli::report::grouped;
use crate::profile::Counted;
use crate::program::Program;
use crate::shown;
use crate::wasm;

/// What was called, those with the most tokens of their own first.
#[derive(Serialize)]
#[serde(transparent)]
pub struct Functions(Vec<Function>);

#[derive(Serialize)]
struct Function {
    name: String,
    calls: u64,
    tokens: u64,
    instructions: u64,
    total_tokens: u64,
    total_instructions: u64,
}

/// Instructions of WebAssembly by their names, those with the most tokens first.
#[derive(Serialize)]
#[serde(transparent)]
pub struct Instructions(Vec<Instruction>);

#[derive(Serialize)]
struct Instruction {
    name: String,
    runs: u64,
    tokens: u64,
    tokens_each: Option<f64>,
}

/// Lines of the source, those with the most tokens first.
#[derive(Serialize)]
#[serde(transparent)]
pub struct Lines(Vec<Line>);

#[derive(Serialize)]
struct Line {
    file: String,
    line: u32,
    tokens: u64,
}

impl Functions {
    /// Of all that was called.
    pub fn of(counted: &Counted) -> Functions {
        let function = |function: &crate::profile::Function| Function {
            name: function.name.clone(),
            calls: function.calls,
            tokens: function.own.tokens,
            instructions: function.own.instructions,
            total_tokens: function.total.tokens,
            total_instructions: function.total.instructions,
        };
        let mut functions: Vec<Function> = counted.functions.iter().map(function).collect();
        functions.sort_by(|a, b| b.tokens.cmp(&a.tokens).then_with(|| a.name.cmp(&b.name)));
        Functions(functions)
    }

    /// The first rows.
    pub fn table(&self, all: u64, top: usize) -> Table {
        let columns = ["own", "tokens", "instructions", "total", "tokens", "calls", "function"];
        let rows = self.0.iter().map(|row| {
            [
                share(row.tokens, all),
                grouped(row.tokens),
                grouped(row.instructions),
                share(row.total_tokens, all),
                grouped(row.total_tokens),
                grouped(row.calls),
                shown::name(&row.name),
            ]
        });
        table(columns, rows, top, "functions")
    }
}

impl Instructions {
    /// Of all instructions in functions of the module; of a token program, of the machine's.
    pub fn of(counted: &Counted, program: &Program, compiled: &Compiled) -> Instructions {
        let places = &compiled.places;
        let mut kinds: HashMap<&str, (u64, u64)> = HashMap::new();
        for (at, count) in counted.counts.iter().enumerate() {
            let (name, runs) = match places.source(at) {
                _ if count.charged == 0 => continue,
                Some(source) => (source.name, if source.first { count.runs } else { 0 }),
                None if places.are_known() => ("(the start code)", 0),
                None => (program.code()[at].op.name(), count.runs),
            };
            let kind = kinds.entry(name).or_default();
            kind.0 += runs;
            kind.1 += count.charged;
        }
        let row = |(name, (runs, tokens)): (&str, (u64, u64))| Instruction {
            name: name.to_owned(),
            runs,
            tokens,
            tokens_each: (runs > 0).then(|| tokens as f64 / runs as f64),
        };
        let mut kinds: Vec<Instruction> = kinds.into_iter().map(row).collect();
        kinds.sort_by(|a, b| b.tokens.cmp(&a.tokens).then_with(|| a.name.cmp(&b.name)));
        Instructions(kinds)
    }

    /// The first rows.
    pub fn table(&self, all: u64, top: usize) -> Table {
        let columns = ["share", "tokens", "runs", "tokens each", "instruction"];
        let rows = self.0.iter().map(|row| {
            [
                share(row.tokens, all),
                grouped(row.tokens),
                grouped(row.runs),
                row.tokens_each.map_or(String::new(), |each| format!("{each:.1}")),
                row.name.clone(),
            ]
        });
        table(columns, rows, top, "instructions")
    }
}

impl Lines {
    /// Of all instructions whose line is known.
    pub fn of(counted: &Counted, compiled: &Compiled, lines: &wasm::Lines) -> Lines {
        let mut found: BTreeMap<wasm::Line, u64> = BTreeMap::new();
        for (at, count) in counted.counts.iter().enumerate().filter(|at| at.1.charged > 0) {
            let source = compiled.places.source(at);
            if let Some(line) = source.and_then(|source| lines.at(source.offset)) {
                *found.entry(line).or_default() += count.charged;
            }
        }
        let row = |(line, tokens): (wasm::Line, u64)| Line {
            file: line.file.to_owned(),
            line: line.line,
            tokens,
        };
        let mut rows: Vec<Line> = found.into_iter().map(row).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.tokens));
        Lines(rows)
    }

    /// The first rows.
    pub fn table(&self, all: u64, top: usize) -> Table {
        let rows = self.0.iter().map(|row| {
            let place = format!("{}:{}", short(&row.file), row.line);
            [share(row.tokens, all), grouped(row.tokens), place]
        });
        table(["share", "tokens", "line"], rows, top, "lines")
    }
}

/// Numbers to the right, and names last. What is left out is said.
fn table<const N: usize>(
    columns: [&str; N],
    rows: impl ExactSizeIterator<Item = [String; N]>,
    top: usize,
    what: &str,
) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(columns);
    let more = rows.len().saturating_sub(top);
    table.add_rows(rows.take(top));
    if more > 0 {
        let mut last = vec![String::new(); N];
        last[N - 1] = format!("and {} {what} more", grouped(more as u64));
        table.add_row(last);
    }
    for column in 0..N - 1 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A part of all as `12.3 %`.
fn share(part: u64, all: u64) -> String {
    format!("{:.1} %", 100.0 * part as f64 / all.max(1) as f64)
}
