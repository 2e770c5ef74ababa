//! Paths of calls: as lines that tools for flame graphs read, and drawn.
//!
//! The drawing is our own, for the library that draws them has a licence that `deny.toml` does not allow. It
//! has no script: a title, which browsers show under the pointer, says of each box what it is.

use std::fmt::Write;

use crate::cli::report::grouped;
use crate::cli::xml::escaped;
use crate::profile::Counted;
use crate::shown;

/// Width of the drawing, and height of a box, in pixels.
const WIDTH: f64 = 1200.0;
const HEIGHT: f64 = 18.0;

/// Boxes that are narrower are left out.
const NARROWEST: f64 = 0.3;

/// About how wide a character of a box's name is.
const CHARACTER: f64 = 7.0;

/// A path with all that it called.
struct Tree {
    name: Vec<String>,
    /// Behind each path: those that it called.
    called: Vec<Vec<usize>>,
    /// Tokens of each path with those of all that it called.
    total: Vec<u64>,
}

impl Tree {
    fn of(counted: &Counted) -> Tree {
        let count = counted.paths.len();
        let mut called = vec![Vec::new(); count];
        let mut total: Vec<u64> = counted.paths.iter().map(|path| path.tokens).collect();
        for (number, path) in counted.paths.iter().enumerate().rev() {
            if let Some(caller) = path.caller {
                total[caller] += total[number];
                called[caller].push(number);
            }
        }
        // The greatest first, so that what matters stands to the left.
        for called in &mut called {
            called.sort_by_key(|&number| (std::cmp::Reverse(total[number]), number));
        }
        let name = counted.paths.iter().map(|path| match path.function {
            // In a line `;` parts the names.
            Some(function) => shown::name(&counted.functions[function].name).replace(';', ":"),
            None => "(deeper)".to_owned(),
        });
        Tree { name: name.collect(), called, total }
    }

    /// Calls `each` for every path with the names on its way, callers first.
    fn walk(&self, mut each: impl FnMut(usize, &[usize])) {
        let mut way: Vec<usize> = Vec::new();
        // Paths that are still to be visited, and how deep.
        let mut left = vec![(0, 0)];
        while let Some((path, depth)) = left.pop() {
            way.truncate(depth);
            way.push(path);
            each(path, &way);
            left.extend(self.called[path].iter().rev().map(|&called| (called, depth + 1)));
        }
    }
}

/// A line for each path: `main;f;g 123`.
pub fn folded(counted: &Counted) -> String {
    let tree = Tree::of(counted);
    let mut text = String::new();
    tree.walk(|path, way| {
        let tokens = counted.paths[path].tokens;
        if tokens > 0 {
            for (number, &part) in way.iter().enumerate() {
                text += if number > 0 { ";" } else { "" };
                text += &tree.name[part];
            }
            writeln!(text, " {tokens}").expect("strings take all");
        }
    });
    text
}

/// A flame graph: each box as wide as the tokens of a path with all that it called, on top of its caller.
pub fn svg(counted: &Counted, program: &str) -> String {
    let tree = Tree::of(counted);
    let all = tree.total[0].max(1) as f64;
    let mut boxes = String::new();
    // Where the next box at a path of this depth begins.
    let mut begins = vec![0.0];
    let mut deepest = 0;
    tree.walk(|path, way| {
        let (depth, total) = (way.len() - 1, tree.total[path]);
        let width = WIDTH * total as f64 / all;
        begins.truncate(depth + 1);
        let x = begins[depth];
        begins[depth] += width;
        begins.push(x);
        if width >= NARROWEST {
            deepest = deepest.max(depth);
            draw(&mut boxes, &tree.name[path], (x, depth, width), total, all);
        }
    });
    let height = HEIGHT * (deepest as f64 + 3.0);
    let bottom = height - 1.5 * HEIGHT;
    let title = escaped(&format!("{}: {} tokens", shown::path(program), grouped(tree.total[0])));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" font-family=\"monospace\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"4\" y=\"13\">{title}</text>\n\
         <g transform=\"translate(0 {bottom})\">\n{boxes}</g>\n</svg>\n"
    )
}

/// One box, `depth` above the lowest.
fn draw(
    boxes: &mut String,
    name: &str,
    (x, depth, width): (f64, usize, f64),
    total: u64,
    all: f64,
) {
    let y = -HEIGHT * depth as f64;
    let share = 100.0 * total as f64 / all;
    let fits = (width / CHARACTER) as usize;
    let shortened: String = name.chars().take(fits).collect();
    // Warm colours, the same for the same name.
    let hue = name.bytes().fold(7u32, |hash, byte| hash.wrapping_mul(31) + u32::from(byte)) % 50;
    writeln!(
        boxes,
        "<g><title>{}: {} tokens, {share:.2} %</title><rect x=\"{x:.2}\" y=\"{y}\" width=\"{:.2}\" \
         height=\"{}\" fill=\"hsl({hue} 85% 65%)\"/><text x=\"{:.2}\" y=\"{:.2}\">{}</text></g>",
        escaped(name),
        grouped(total),
        (width - 0.5).max(NARROWEST / 2.0),
        HEIGHT - 1.0,
        x + 3.0,
        y + 12.5,
        escaped(if fits > 2 { &shortened } else { "" }),
    )
    .expect("strings take all");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Cost, Path, Profile};
    use crate::wasm::{Options, compile_text};

    fn counted() -> Counted {
        let text = r#"(module (func $"<a;b>") (func $g call $"<a;b>" call $"<a;b>") (func (export "f") call $g call $"<a;b>"))"#;
        let compiled = compile_text(text, &Options::invoke("f", &[])).unwrap();
        let mut profile = Profile::new(&compiled.program, &compiled.places);
        crate::oracle::execute(&compiled.program, 1000, |token| profile.take(token)).unwrap();
        profile.finish()
    }

    #[test]
    fn a_line_has_a_path_and_its_own_tokens() {
        let counted = counted();
        let text = folded(&counted);
        let paths: Vec<&str> = text.lines().map(|line| line.rsplit_once(' ').unwrap().0).collect();
        let start = "the start code";
        let expected = ["", ";f", ";f;g", ";f;g;<a:b>", ";f;<a:b>"];
        assert_eq!(paths, expected.map(|path| format!("{start}{path}")));
        let tokens = text.lines().map(|line| line.rsplit_once(' ').unwrap().1);
        let all: u64 = tokens.map(|tokens| tokens.parse::<u64>().unwrap()).sum();
        assert_eq!(all, counted.all.tokens);
    }

    #[test]
    fn a_drawing_has_a_box_for_each_path_and_names_are_escaped() {
        let drawn = svg(&counted(), "a&b.wat");
        assert_eq!(drawn.matches("<title>").count(), 5);
        assert!(drawn.contains("&lt;a:b&gt;: ") && drawn.contains("a&amp;b.wat: "), "{drawn}");
        assert!(!drawn.contains("<a:b>"));
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        let path = Path { caller: None, function: None, tokens: 0 };
        let counted =
            Counted { all: Cost::default(), counts: vec![], functions: vec![], paths: vec![path] };
        assert_eq!(folded(&counted), "");
        assert!(svg(&counted, "x").contains("0 tokens"));
    }
}
