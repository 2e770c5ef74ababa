//! Modules as text or as bytes: each compiles or is refused, whatever is called of it. A program
//! that comes of it is well formed: its text reads the same, running it breaks no rule of
//! the machine, a profile counts all of its tokens, and a trap has its place in the module.

use std::path::Path;

use hardmax::oracle::{self, Stopped};
use hardmax::profile::Profile;
use hardmax::program::Walk;
use hardmax::program::text::{parse_program, write_program};
use hardmax::wasm::{
    Compiled, Entry, Invocation, Lines, Options, WasmError, compile, compile_text,
};
use wasmparser::{ExternalKind, Parser, Payload};

/// Programs run for so many tokens.
const TOKENS: u64 = 2_000;

/// The bytes are a module, or its text.
pub fn check(data: &[u8]) -> bool {
    let compiles = |entry: Entry, endless_memory| {
        let options = Options { entry, endless_memory, ..Options::default() };
        let compiled = match std::str::from_utf8(data) {
            Ok(text) if !data.starts_with(b"\0asm") => compile_text(text, &options),
            _ => compile(data, &options),
        };
        is_well_formed(compiled)
    };
    // What a module says of its source may be anything.
    let _: [Option<Lines>; 2] = [Lines::of(data), Lines::of_text(data, Path::new("text.wat"))];
    let mut compiled = compiles(Entry::Compute, false) | compiles(Entry::Compute, true);
    let Ok(wasm) = wat::parse_bytes(data) else { return false };
    for export in functions(&wasm).into_iter().take(3) {
        for count in 0..3 {
            let calls = vec![Invocation { export: export.clone(), args: vec![7.into(); count] }; 2];
            compiled |= compiles(Entry::Invoke(calls), count % 2 == 1);
        }
    }
    compiled
}

fn is_well_formed(compiled: Result<Compiled, WasmError>) -> bool {
    let Ok(Compiled { program, places, .. }) = compiled else { return false };
    assert!(places.routines().iter().all(|routine| routine.begin < program.code().len()));
    let text = write_program(&program);
    assert_eq!(parse_program(text.as_bytes()).as_ref(), Ok(&program));
    let (mut walk, mut profile) = (Walk::new(&program), Profile::new(&program, &places));
    let mut tokens = 0;
    let run = oracle::execute(&program, TOKENS, |token| {
        walk.step(token);
        profile.take(token);
        tokens += 1;
    });
    let stopped = run.unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(profile.finish().all.tokens, tokens);
    if stopped == Stopped::Trapped {
        let trap = places.trap(&program, &walk, 3);
        assert!(trap.place.source.is_some() && trap.place.routine.is_of_module(), "{trap:?}");
    }
    true
}

/// The exported functions, as far as the module can be read.
fn functions(wasm: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    for payload in Parser::new(0).parse_all(wasm).map_while(Result::ok) {
        let Payload::ExportSection(exports) = payload else { continue };
        let exports = exports.into_iter().map_while(Result::ok);
        let functions = exports.filter(|export| export.kind == ExternalKind::Func);
        names.extend(functions.map(|export| export.name.to_owned()));
    }
    names
}
