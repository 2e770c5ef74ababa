//! Names that come from files, as they are shown to a person: escaped, and not too long.

use std::fs;
use std::io::BufReader;

use crate::common::command::{at, binary_trace, file, hardmax, prints, refused, says, vector};
use hardmax::program::binary::{Reader, Writer};

/// Nothing in it that a terminal obeys, and no more than a person reads.
fn harmless(said: &str) -> String {
    let bad = said.chars().find(|&c| {
        (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}' || c == '\u{200b}'
    });
    assert_eq!(bad, None, "{said:?}");
    assert!(said.len() < 20_000, "{} bytes", said.len());
    said.to_owned()
}

/// Where a name cannot have controls it can still have marks of direction.
#[test]
fn names_in_traces_are_escaped_and_short() {
    let hostile = format!("\u{202e}\u{200b}{}", "z".repeat(250));
    let original = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/models/wasm32.bin")).unwrap();
    let at_name = original.windows(10).position(|window| window == b"\x06\0\0\0out(m)").unwrap();
    let length = (hostile.len() as u32).to_le_bytes();
    let (before, after) = (&original[..at_name], &original[at_name + 10..]);
    let renamed = [before, &length, hostile.as_bytes(), after].concat();

    let (folder, path) = binary_trace("reverse");
    let mut reader = Reader::new(BufReader::new(fs::File::open(&path).unwrap())).unwrap();
    let mut header = reader.header().clone();
    let mut tokens: Vec<u16> = reader.by_ref().map(Result::unwrap).collect();
    let id = |name: &str| header.names.iter().position(|known| known == name).unwrap();
    let (renamed_id, other) = (id("out(m)"), id("out(n)") as u16);
    header.names[renamed_id] = hostile;
    header.model = blake3::hash(&renamed).into();
    let model = at(&folder, "model.bin");
    fs::write(&model, renamed).unwrap();
    let write = |tokens: &[u16]| {
        let mut writer = Writer::new(Vec::new(), &header).unwrap();
        tokens.iter().try_for_each(|&token| writer.push(token)).unwrap();
        fs::write(&path, writer.finish().unwrap()).unwrap();
    };
    write(&tokens);
    let shown = harmless(&prints(0, &mut hardmax(&["trace", &path, "--range", "700.."])));
    assert!(shown.contains(r"\u{202e}\u{200b}zzz"), "{shown}");
    harmless(&refused(&["verify", &path]));
    harmless(&refused(&["trace", &path, "--output", &at(&folder, "text.txt")]));
    harmless(&says(2, &mut hardmax(&["run", &vector("reverse.txt"), "--model", &model])));

    let wrong = tokens.iter().position(|&token| usize::from(token) == renamed_id).unwrap();
    tokens[wrong] = other;
    write(&tokens);
    for method in ["dgemm", "plan"] {
        let verify = ["verify", &path, "--model", &model, "--method", method];
        let said = harmless(&says(1, &mut hardmax(&verify)));
        assert!(said.contains(r"the model predicts `\u{202e}\u{200b}zzz"), "{said}");
    }
}

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
