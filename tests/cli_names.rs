//! Names that come from files, as they are shown to a person: escaped, and not too long.

mod common;

use std::fs;

use common::command::{at, file, hardmax, prints, refused, says, vector};

/// What came from files is shown, not obeyed.
#[test]
fn names_from_files_are_escaped_and_short() {
    const HOSTILE: &str = "\u{1b}[31m\u{9b}2J\u{202e}\r\u{7}";
    let long = "y".repeat(60_000);
    let original = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/models/wasm32.bin")).unwrap();
    // Another name for the first token, which is called 00.
    let renamed = |name: &str| {
        let length = (name.len() as u32).to_le_bytes();
        [&original[..24], &length, name.as_bytes(), &original[30..]].concat()
    };
    let harmless = |said: &str| {
        let bad = said.chars().find(|&c| {
            (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}' || c == '\u{200b}'
        });
        assert_eq!(bad, None, "{said:?}");
        assert!(said.len() < 20_000, "{} bytes", said.len());
        said.to_owned()
    };
    let (folder, model) = file("model.bin", renamed(HOSTILE));
    let shown = harmless(&prints(0, &mut hardmax(&["inspect", &model, "--plan"])));
    assert!(shown.contains(r"\u{1b}[31m\u{9b}2J\u{202e}\r\u{7}"), "{shown}");
    fs::write(&model, renamed(&format!("{HOSTILE}{long}"))).unwrap();
    harmless(&prints(0, &mut hardmax(&["inspect", &model])));
    // Two tokens of one name.
    let ff = original.windows(6).position(|window| window == b"\x02\0\0\0ff").unwrap();
    let length = (long.len() as u32).to_le_bytes();
    let twice = [&original[..24], &length, long.as_bytes(), &original[30..ff], &length];
    let twice = [&twice.concat(), long.as_bytes(), &original[ff + 6..]].concat();
    fs::write(&model, twice).unwrap();
    assert!(harmless(&refused(&["inspect", &model])).contains("give each its own name"));

    // Modules: functions, exports, imports.
    let wat = at(&folder, "names.wat");
    let name = r"\1b[31m\c2\9b2J\e2\80\ae\0d\n";
    for name in [name.to_owned(), format!("{name}{long}")] {
        fs::write(
            &wat,
            format!(r#"(module (func (@name "{name}") (export "compute") (param i32)))"#),
        )
        .unwrap();
        let listing = prints(0, &mut hardmax(&["compile", &wat, "--listing"]));
        assert!(harmless(&listing).contains(r"\u{1b}[31m"), "{listing}");
        fs::write(&wat, format!(r#"(module (func (export "{name}")))"#)).unwrap();
        harmless(&refused(&["run", &wat]));
        harmless(&refused(&["run", &wat, "--invoke", &format!("{HOSTILE}{long}")]));
        fs::write(&wat, format!(r#"(module (import "{name}" "{name}" (func)))"#)).unwrap();
        harmless(&refused(&["run", &wat]));
    }
    fs::write(&wat, format!("(module {HOSTILE} {long}")).unwrap();
    harmless(&refused(&["run", &wat]));

    // Words of programs and traces, and the names of files themselves.
    let program = at(&folder, "program.txt");
    for words in [format!("{{ {HOSTILE}"), format!("{{ {long}"), format!("{long} }}")] {
        fs::write(&program, &words).unwrap();
        harmless(&refused(&["run", &program]));
        harmless(&refused(&["verify", &program]));
    }
    let odd = at(&folder, &format!("{HOSTILE}\n.txt"));
    fs::copy(vector("reverse.txt"), &odd).unwrap();
    let trace = at(&folder, &format!("{HOSTILE}\n.hmt"));
    let said = harmless(&says(0, &mut hardmax(&["run", &odd, "--trace", &trace])));
    assert!(said.contains(r"\r\u{7}\n.txt: halted after"), "{said}");
    harmless(&prints(0, &mut hardmax(&["trace", &trace])));
    harmless(&refused(&["run", &format!("{odd}x")]));
    harmless(&refused(&["inspect", &odd, &odd]));
    harmless(&says(1, &mut hardmax(&["verify", &odd])));
}
