//! Measurements for people, as text or Markdown, and for tables of others.

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::report::{Measurement, ProgramReport, Report, Task};
use super::spread::Spread;
use crate::cli::report::grouped;
use crate::cli::version::VERSION;
use crate::shown;

/// How a table looks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Look {
    Text,
    Markdown,
}

const HEADER: [&str; 10] = [
    "",
    "threads",
    "tokens",
    "tokens/s",
    "least",
    "most",
    "ratio",
    "least to most",
    "peak memory",
    "history/token",
];

/// A table for each program, and what has to be known of their numbers.
pub fn tables(report: &Report, look: Look) -> String {
    let programs = report.programs.iter().map(|program| of_program(program, look));
    let programs: String = programs.collect();
    let bullet = if look == Look::Markdown { "- " } else { "" };
    let notes = notes(report).into_iter().map(|note| format!("{bullet}{note}\n"));
    format!("{programs}{}", notes.collect::<String>())
}

fn of_program(program: &ProgramReport, look: Look) -> String {
    let mut table = Table::new();
    table.load_preset(match look {
        Look::Text => presets::NOTHING,
        Look::Markdown => presets::ASCII_MARKDOWN,
    });
    table.set_header(HEADER);
    program.measurements.iter().for_each(|measurement| {
        table.add_row(row(measurement));
    });
    table.column_iter_mut().skip(1).for_each(|column| {
        column.set_cell_alignment(CellAlignment::Right);
    });
    let heading = if look == Look::Markdown { "**" } else { "" };
    let name = shown::path(&program.program);
    let trace = program.trace_bytes.map_or(String::new(), |bytes| {
        let each = bytes as f64 / program.tokens() as f64;
        format!("; its trace has {} bytes, {each:.2} a token", grouped(bytes))
    });
    let end = if program.halted { "" } else { ", stopped at --max-tokens" };
    format!(
        "{heading}{name}{heading}: {} prompt and {} generated tokens{end}{trace}; planning {}\n\n{}\n\n",
        grouped(program.prompt_tokens),
        grouped(program.generated_tokens),
        seconds(program.planning_seconds),
        table.trim_fmt()
    )
}

fn row(measurement: &Measurement) -> [String; 10] {
    let Measurement { tokens_per_second: speed, ratio, .. } = measurement;
    [
        label(measurement),
        measurement.threads.to_string(),
        grouped(measurement.tokens),
        grouped(speed.median as u64),
        grouped(speed.least as u64),
        grouped(speed.most as u64),
        times(ratio.median),
        format!("{} to {}", times(ratio.least), times(ratio.most)),
        measurement
            .peak_bytes
            .map_or("?".to_owned(), |bytes| format!("{:.0} MB", bytes as f64 / 1e6)),
        format!("{:.1} bytes", measurement.history_bytes_per_token),
    ]
}

/// What a measurement is of, in words.
pub fn label(measurement: &Measurement) -> String {
    let Measurement { method, fallback, .. } = measurement;
    match (measurement.task, fallback) {
        (Task::Run, None) => format!("run by {method}"),
        (Task::Run, Some(_)) => format!("run by {method}, then reference"),
        (Task::Verify, None) => format!("verify by {method}"),
        (Task::Verify, Some(_)) => format!("verify by {method}, then products"),
    }
}

/// A ratio with as many digits as say something.
pub fn times(ratio: f64) -> String {
    if ratio < 10.0 { format!("{ratio:.2}") } else { grouped(ratio.round() as u64) }
}

fn seconds(spread: Spread) -> String {
    let [median, least, most] =
        [spread.median, spread.least, spread.most].map(|seconds| 1000.0 * seconds);
    format!("{median:.1} ms ({least:.1} to {most:.1})")
}

/// Sentences below the tables.
pub fn notes(report: &Report) -> Vec<String> {
    let Report { shape, kernel, kernel_description, .. } = report;
    let plural = if report.runs == 1 { "" } else { "s" };
    let mut notes = vec![format!(
        "medians of {} run{plural} in turns, after one that does not count; ratios are to the reference in \
         the same turn",
        report.runs
    )];
    notes.extend(report.programs.iter().map(compared));
    for program in &report.programs {
        let broken = program.measurements.iter().filter_map(|one| Some((one, one.fallback?)));
        notes.extend(broken.map(|(measurement, fallback)| {
            format!(
                "{}, {}: from position {} on not by the plan: {}",
                shown::path(&program.program),
                label(measurement),
                grouped(fallback.position),
                fallback.reason
            )
        }));
    }
    notes.push(format!(
        "model {} ({shape}), loaded in {}",
        shown::path(&report.model),
        seconds(report.load_seconds)
    ));
    notes.push(format!(
        "reference: attention {}, kernel {kernel} ({kernel_description}), 1 thread",
        report.attention.name()
    ));
    notes.push(format!("hardmax {VERSION} on {}", report.machine.sentence()));
    notes
}

/// Which tokens both engines gave, for a ratio is worth no more than that.
fn compared(program: &ProgramReport) -> String {
    let name = shown::path(&program.program);
    let generated = grouped(program.generated_tokens);
    let prefix = program.measurements.iter().find(|measurement| !measurement.whole);
    match (&program.difference, prefix) {
        (Some(difference), _) => format!("{name}: TOKENS DIFFER: {difference}"),
        (None, Some(reference)) => format!(
            "{name}: the reference ran only the prompt and the first {} of {generated} generated tokens \
             (--reference-tokens); these are the same, and the whole trace is verified by each method",
            grouped(reference.tokens - program.prompt_tokens)
        ),
        (None, None) => format!("{name}: all {generated} tokens are the same in every run"),
    }
}

/// A line for each measurement, under a header.
pub fn csv(report: &Report) -> String {
    #[derive(Serialize)]
    struct Line<'r> {
        program: &'r str,
        task: &'static str,
        method: &'static str,
        threads: usize,
        tokens: u64,
        whole: bool,
        tokens_per_second: f64,
        tokens_per_second_least: f64,
        tokens_per_second_most: f64,
        ratio: f64,
        ratio_least: f64,
        ratio_most: f64,
        seconds: f64,
        seconds_least: f64,
        seconds_most: f64,
        peak_bytes: Option<u64>,
        history_bytes: u64,
        trace_bytes: Option<u64>,
        planning_seconds: f64,
        load_seconds: f64,
        runs: u32,
        version: &'static str,
        cpu: Option<&'r str>,
        cores: usize,
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    for program in &report.programs {
        for one in &program.measurements {
            let line = Line {
                program: &program.program,
                task: one.task.name(),
                method: one.method,
                threads: one.threads,
                tokens: one.tokens,
                whole: one.whole,
                tokens_per_second: one.tokens_per_second.median,
                tokens_per_second_least: one.tokens_per_second.least,
                tokens_per_second_most: one.tokens_per_second.most,
                ratio: one.ratio.median,
                ratio_least: one.ratio.least,
                ratio_most: one.ratio.most,
                seconds: one.seconds.median,
                seconds_least: one.seconds.least,
                seconds_most: one.seconds.most,
                peak_bytes: one.peak_bytes,
                history_bytes: one.history_bytes,
                trace_bytes: program.trace_bytes,
                planning_seconds: program.planning_seconds.median,
                load_seconds: report.load_seconds.median,
                runs: report.runs,
                version: VERSION,
                cpu: report.machine.cpu.as_deref(),
                cores: report.machine.cores,
            };
            writer.serialize(line).expect("vectors take all");
        }
    }
    let bytes = writer.into_inner().expect("vectors take all");
    String::from_utf8(bytes).expect("fields are text")
}
