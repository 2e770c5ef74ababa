//! An explanation as a page: one file, which needs no other, for light and dark.
//!
//! - The tokens, one a line, the one that is explained at the bottom. An arc leads from there to each that a head
//!   found, in the colour of its layer; where heads found the same, their arcs lie side by side.
//! - The heads by layer: what each asked for, found and gave. Pointing at one shows its arc.
//! - The residual stream: a line of numbers after the embedding and after each half of a layer, as colours.

use std::fmt::Write;

use super::{HeadRow, Report, TokenRow, number};
use crate::cli::report::grouped;
use crate::cli::xml::escaped;
use crate::shown;

/// From one token to the next, in pixels.
const LINE: usize = 20;

/// Where tokens stand left of which arcs are.
const ARCS: usize = 230;

/// Widths of the drawing of tokens and of a number of the stream.
const WIDTH: usize = 690;
const CELL: usize = 12;

/// Colours of layers, which begin again where there are more.
const COLOURS: usize = 8;

const STYLE: &str = "
:root { color-scheme: light dark; --text: #1f2328; --page: #ffffff; --weak: #59636e; --line: #d1d9e0;
  --marked: #fff3c4; --plus: #1f6feb; --minus: #c9510c;
  --layer0: #0969da; --layer1: #bf3989; --layer2: #1a7f37; --layer3: #9a6700; --layer4: #8250df; --layer5: #cf222e;
  --layer6: #0f766e; --layer7: #6e7781 }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --page: #0d1117; --weak: #9198a1; --line: #3d444d;
  --marked: #4a3a00; --plus: #58a6ff; --minus: #f0883e;
  --layer0: #58a6ff; --layer1: #f778ba; --layer2: #3fb950; --layer3: #d29922; --layer4: #bc8cff; --layer5: #ff7b72;
  --layer6: #2dd4bf; --layer7: #9198a1 } }
body { margin: 24px auto; max-width: 1560px; padding: 0 20px; background: var(--page); color: var(--text);
  font: 14px/1.5 system-ui, sans-serif }
h1 { font-size: 20px; margin: 0 0 4px } h2 { font-size: 16px; margin: 24px 0 6px }
code, svg text, td { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 12.5px }
.columns { display: flex; flex-wrap: wrap; gap: 32px; align-items: flex-start }
.columns > div { overflow-x: auto; max-width: 100% } .columns > .heads { flex: 1 1 520px }
svg text { fill: var(--text) } svg .weak { fill: var(--weak) }
.marked { fill: var(--marked) } .rule { stroke: var(--line) }
.arc { fill: none; stroke-width: 1.6; opacity: .75 }
table { border-collapse: collapse } td, th { padding: 2px 10px 2px 0; text-align: left; white-space: nowrap }
th { color: var(--weak); font-weight: 500 } tr { border-top: 1px solid var(--line) }
tr.on td { background: var(--marked) } .arc.on { stroke-width: 4; opacity: 1 } .dim .arc:not(.on) { opacity: .12 }
.plus { fill: var(--plus) } .minus { fill: var(--minus) } .zero { fill: var(--line); opacity: .35 }
.weak { color: var(--weak) } .narrow { max-width: 680px }
";

/// Marks the row and the arc of the head that is pointed at.
const SCRIPT: &str = "
const all = [...document.querySelectorAll('[data-head]')], page = document.body;
for (const one of all) {
  const mark = on => { page.classList.toggle('dim', on);
    all.filter(it => it.dataset.head == one.dataset.head).forEach(it => it.classList.toggle('on', on)); };
  one.addEventListener('mouseenter', () => mark(true));
  one.addEventListener('mouseleave', () => mark(false));
}
";

/// The page.
pub fn html(report: &Report) -> String {
    let title = format!("{}, position {}", shown::name(&report.program), grouped(report.position));
    let title = escaped(&title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<style>{}{STYLE}</style>\n<body>\n\
         <h1>{title}</h1>\n{}\n<div class=\"columns\">\n<div>\n<h2>What its heads read</h2>\n{}\
         <h2>The residual stream</h2>\n{}</div>\n<div class=\"heads\">\n{}</div>\n</div>\n\
         <script>{SCRIPT}</script>\n</body>\n</html>\n",
        layer_colours(),
        summary(report),
        tokens(report),
        stream(report),
        heads(report),
    )
}

fn layer_colours() -> String {
    (0..COLOURS).fold(String::new(), |mut style, colour| {
        let _ = write!(
            style,
            "\n.layer{colour} {{ stroke: var(--layer{colour}) }} .of{colour} {{ color: var(--layer{colour}) }}"
        );
        style
    })
}

fn summary(report: &Report) -> String {
    let code = |name: &str| format!("<code>{}</code>", escaped(&shown::name(name)));
    let mut text = format!(
        "<p>{}, {}.<br>Instruction {}.<br>Predicted {} with logit {}",
        code(&report.token),
        escaped(&report.part),
        escaped(&report.place.sentence(&report.phrase)),
        code(&report.predicted),
        number(report.logit),
    );
    if let Some((other, margin)) = report.runner_up.as_deref().zip(report.margin) {
        let _ = write!(text, ", {} above {}", number(margin), code(other));
    }
    text += ".</p>";
    text
}

/// Where the line of a token is drawn: gaps in the history take a line, too.
fn lines(window: &[TokenRow]) -> Vec<usize> {
    let mut line = 0;
    let mut before: Option<usize> = None;
    let place = |row: &TokenRow| {
        let has_gap = row.position > before.map_or(0, |before| before + 1);
        line += usize::from(before.is_some()) + usize::from(has_gap);
        before = Some(row.position);
        line
    };
    window.iter().map(place).collect()
}

fn tokens(report: &Report) -> String {
    let lines = lines(&report.window);
    let Some(&last) = lines.last() else { return String::new() };
    let height = (last + 2) * LINE;
    let middle = |line: usize| line * LINE + LINE;
    let mut svg = format!("<svg width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n");
    let _ = writeln!(
        svg,
        "<rect class=\"marked\" x=\"{ARCS}\" y=\"{}\" width=\"{}\" height=\"{LINE}\"/>",
        middle(last) - LINE * 7 / 10,
        WIDTH - ARCS,
    );
    for (row, &line) in report.window.iter().zip(&lines) {
        let y = middle(line);
        let name = escaped(&shown::name(&row.token));
        let place = escaped(&row.place.short());
        let _ = writeln!(
            svg,
            "<text class=\"weak\" x=\"{}\" y=\"{y}\" text-anchor=\"end\">{}</text>\
             <text x=\"{}\" y=\"{y}\">{name}</text><text class=\"weak\" x=\"{}\" y=\"{y}\">{place}</text>",
            ARCS + 62,
            grouped(row.position as u64),
            ARCS + 74,
            ARCS + 250,
        );
    }
    for pair in lines.windows(2).chain([&[usize::MAX, lines[0]][..]]) {
        // Nothing stands on a line between two that are not neighbours.
        let begin = pair[0].wrapping_add(1);
        (begin..pair[1]).for_each(|gap| {
            let _ = writeln!(
                svg,
                "<text class=\"weak\" x=\"{}\" y=\"{}\">⋮</text>",
                ARCS + 58,
                middle(gap)
            );
        });
    }
    let line_of = |position: usize| {
        let at = report.window.binary_search_by_key(&position, |row| row.position).ok()?;
        Some(lines[at])
    };
    let mut arcs_to = vec![0; last + 1];
    for head in &report.heads {
        let Some(line) = head.found().and_then(line_of) else { continue };
        // Arcs to one token lie side by side.
        let shift = 3 * arcs_to[line].min(6);
        arcs_to[line] += 1;
        let (from, to) = (middle(last) - LINE / 4, middle(line) - LINE / 4 + shift);
        let deep = (24 + 6 * (last - line)).min(ARCS - 20) + shift;
        let (x, bend) = (ARCS - 4, ARCS.saturating_sub(4 + deep));
        let _ = writeln!(
            svg,
            "<path class=\"arc layer{}\" data-head=\"{}\" d=\"M{x} {from}C{bend} {from} {bend} {to} {x} {to}\">\
             <title>head {}, {}: asks for {}, finds {}</title></path>",
            head.layer % COLOURS,
            head.name(),
            head.name(),
            head.kind,
            escaped(&head.asks()),
            escaped(&head.finds()),
        );
    }
    svg += "</svg>\n";
    svg
}

impl HeadRow {
    /// Layer and number.
    fn name(&self) -> String {
        format!("{}.{}", self.layer, self.head)
    }

    /// The position that it found, if it found one.
    fn found(&self) -> Option<usize> {
        self.token.as_ref().map(|_| self.position as usize)
    }
}

fn heads(report: &Report) -> String {
    let mut text = String::new();
    for layer in report.heads.chunk_by(|one, other| one.layer == other.layer) {
        let number = layer[0].layer;
        let _ = write!(
            text,
            "<h2 class=\"of{}\">Layer {number}</h2>\n<table>\n<tr><th>head<th>kind<th>asks for<th>finds<th>gives</tr>\n",
            number % COLOURS
        );
        for head in layer {
            let _ = writeln!(
                text,
                "<tr data-head=\"{}\"><td>{}<td>{}<td>{}<td>{}<td>{}</tr>",
                head.name(),
                head.name(),
                head.kind,
                escaped(&head.asks()),
                escaped(&head.finds()),
                escaped(&head.gives()),
            );
        }
        text += "</table>\n";
    }
    text
}

/// What a line of the stream comes after.
fn after(line: usize) -> String {
    match line.checked_sub(1) {
        None => "embedding".to_owned(),
        Some(half) if half % 2 == 0 => format!("attention {}", half / 2),
        Some(half) => format!("units {}", half / 2),
    }
}

fn stream(report: &Report) -> String {
    const LABELS: usize = 90;
    let width = LABELS + CELL * report.stream.first().map_or(0, Vec::len);
    let height = CELL * (report.stream.len() + 1);
    let mut text = "<p class=\"weak narrow\">Its numbers, from left to right, after the embedding and after the heads and the units of each \
         layer: the stronger the colour, the greater the number, by its logarithm; blue above zero, orange below.</p>\n"
        .to_owned();
    let _ = writeln!(text, "<svg width=\"{width}\" height=\"{height}\" role=\"img\">");
    let values = report.stream.iter().flatten();
    let most = values.fold(1.0, |most: f64, value| most.max(value.abs())).ln_1p();
    for (line, values) in report.stream.iter().enumerate() {
        let y = CELL * line;
        let _ = writeln!(
            text,
            "<text class=\"weak\" x=\"0\" y=\"{}\">{}</text>",
            y + CELL - 3,
            after(line)
        );
        for (slot, &value) in values.iter().enumerate() {
            let class = match value {
                0.0 => "zero",
                value if value < 0.0 => "minus",
                _ => "plus",
            };
            let strength =
                if value == 0.0 { 1.0 } else { 0.15 + 0.85 * value.abs().ln_1p() / most };
            let _ = writeln!(
                text,
                "<rect class=\"{class}\" x=\"{}\" y=\"{y}\" width=\"{size}\" height=\"{size}\" fill-opacity=\"{strength:.2}\">\
                 <title>slot {slot} after {}: {value}</title></rect>",
                LABELS + CELL * slot,
                after(line),
                size = CELL - 1,
            );
        }
    }
    text += "</svg>\n";
    text
}
