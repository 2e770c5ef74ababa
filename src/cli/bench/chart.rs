//! Measurements as a drawing: a bar for each, as long as its tokens a second, with a line from the least to the
//! most.
//!
//! Colours are those that the reader's browser prefers, light or dark. Lengths are to one scale, from 0: a bar
//! that is too short to be seen beside the others is what the numbers say.

use std::fmt::Write;

use super::report::{Measurement, Report, Task};
use super::table::{label, notes, times};
use crate::cli::report::grouped;
use crate::cli::xml::escaped;
use crate::shown;

/// In pixels: of the drawing, of what stands left of the bars, and of the longest bar.
const WIDTH: f64 = 860.0;
const LEFT: f64 = 210.0;
const LONGEST: f64 = 440.0;

/// From one line or bar to the next.
const LINE: f64 = 22.0;

/// Characters of a note that fit into a line.
const NOTE: usize = 135;

const STYLE: &str = "\
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .page { fill: #ffffff }
  .title { font-size: 16px; font-weight: 600 }
  .program { font-weight: 600 }
  .note { font-size: 11px; fill: #59636e }
  .run { fill: #2563a8 }
  .verify { fill: #2c8a5b }
  .spread { stroke: #1f2328; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .page { fill: #0d1117 }
    .note { fill: #9198a1 }
    .run { fill: #5aa2f0 }
    .verify { fill: #4cc38a }
    .spread { stroke: #e6edf3 }
  }
";

/// The drawing, an SVG file.
pub fn svg(report: &Report) -> String {
    let all = || report.programs.iter().flat_map(|program| &program.measurements);
    let most = all().map(|one| one.tokens_per_second.most).fold(1.0, f64::max);
    let scale = LONGEST / most;
    let mut drawn = String::new();
    let mut y = 30.0;
    text(
        &mut drawn,
        "title",
        16.0,
        y,
        "Tokens a second, and how many times those of the reference",
    );
    for program in &report.programs {
        y += 1.5 * LINE;
        let tokens = grouped(program.tokens());
        let name = format!("{}, {tokens} tokens", shown::path(&program.program));
        text(&mut drawn, "program", 16.0, y, &name);
        for measurement in &program.measurements {
            y += LINE;
            bar(&mut drawn, measurement, y, scale);
        }
    }
    y += 0.5 * LINE;
    for note in notes(report) {
        for line in textwrap::wrap(&note, NOTE) {
            y += 0.75 * LINE;
            text(&mut drawn, "note", 16.0, y, &line);
        }
    }
    let height = y + LINE;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\">\n<style>\n{STYLE}</style>\n\
         <rect class=\"page\" width=\"100%\" height=\"100%\"/>\n{drawn}</svg>\n"
    )
}

fn text(drawn: &mut String, class: &str, x: f64, y: f64, text: &str) {
    let text = escaped(text);
    writeln!(drawn, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>")
        .expect("strings take all");
}

/// A bar on the line at `y`, with its name to the left and its numbers to the right.
fn bar(drawn: &mut String, measurement: &Measurement, y: f64, scale: f64) {
    let speed = measurement.tokens_per_second;
    let class = match measurement.task {
        Task::Run => "run",
        Task::Verify => "verify",
    };
    let threads = match (measurement.task, measurement.threads) {
        (Task::Run, _) => String::new(),
        (Task::Verify, 1) => ", 1 thread".to_owned(),
        (Task::Verify, threads) => format!(", {threads} threads"),
    };
    text(drawn, "label", 16.0, y, &format!("{}{threads}", label(measurement)));
    let [median, least, most] = [speed.median, speed.least, speed.most].map(|speed| speed * scale);
    let (top, middle) = (y - 12.0, y - 4.5);
    let (from, to) = (LEFT + least, LEFT + most);
    writeln!(
        drawn,
        "<rect class=\"{class}\" x=\"{LEFT}\" y=\"{top:.1}\" width=\"{median:.1}\" height=\"15\" rx=\"2\"/>\n\
         <path class=\"spread\" d=\"M{from:.1} {middle:.1}H{to:.1}\"/>"
    )
    .expect("strings take all");
    let ratio = times(measurement.ratio.median);
    let numbers = format!("{} ({ratio} times)", grouped(speed.median as u64));
    text(drawn, "number", LEFT + most + 8.0, y, &numbers);
}
