//! What cannot become a program is refused by name and place, and nothing panics.

use hardmax::wasm::{Options, WasmError, compile, compile_text};
use wasmparser::Parser;

fn refusal(text: &str) -> String {
    compile_text(text, &Options::default()).unwrap_err().to_string()
}

fn compute(body: &str) -> String {
    format!("(module (memory 1) (func (export \"compute\") (param i32) {body}))")
}

/// A module with something of everything.
fn sample() -> Vec<u8> {
    wat::parse_str(
        r#"(module (import "env" "output_byte" (func $out (param i32)))
        (memory 1) (data (i32.const 3) "data") (table funcref (elem $out))
        (global $g (mut i32) (i32.const 5))
        (func (export "compute") (param i32) (local i32)
            (block (loop
                (br_table 0 1 (i32.load8_u (local.get 0)))))
            (call_indirect (param i32) (i32.div_s (global.get $g) (local.get 1)) (i32.const 0))))"#,
    )
    .unwrap()
}

#[test]
fn bytes_that_are_no_module() {
    for bytes in [&b""[..], b"\x7fELF", b"\0bsm\x01\0\0\0", b"(module)"] {
        let error = compile(bytes, &Options::default()).unwrap_err();
        assert!(matches!(error, WasmError::NotWasm { .. }), "{error}");
    }
    assert!(matches!(compile_text("(module", &Options::default()), Err(WasmError::NotText { .. })));
}

#[test]
fn a_module_cut_at_any_byte_is_refused_unless_a_section_ends_there() {
    let wasm = sample();
    let sections = Parser::new(0).parse_all(&wasm);
    let ends: Vec<u64> =
        sections.filter_map(|section| Some(section.unwrap().as_section()?.1.end)).collect();
    assert!(compile(&wasm, &Options::default()).is_ok());
    for length in 0..wasm.len() {
        let cut = compile(&wasm[..length], &Options::default());
        if !ends.contains(&(length as u64)) {
            assert!(cut.is_err(), "cut at {length} of {}", wasm.len());
        }
    }
}

#[test]
fn a_module_with_any_bit_flipped_does_not_panic() {
    let wasm = sample();
    for bit in 0..8 * wasm.len() {
        let mut flipped = wasm.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        for endless_memory in [false, true] {
            let _ = compile(&flipped, &Options { endless_memory, ..Options::default() });
        }
    }
}

#[test]
fn unsupported_instructions_are_named_with_their_offset() {
    let wasm = wat::parse_str(compute("v128.const i64x2 0 0 drop")).unwrap();
    let offset = wasm.iter().rposition(|&byte| byte == 0xfd).unwrap();
    assert_eq!(
        compile(&wasm, &Options::default()),
        Err(WasmError::UnsupportedInstruction { name: "v128.const".into(), offset: offset as u64 })
    );
    assert!(refusal(&compute("i32.const 0 v128.load drop")).contains("v128.load"));
}

#[test]
fn unsupported_types_are_named() {
    assert!(refusal(&compute("(local v128)")).contains("a local of compute has type v128"));
    let called = r#"(module (func $f (param v128)) (func (export "compute") (param i32) v128.const i32x4 0 0 0 0 call $f))"#;
    assert!(refusal(called).contains("v128"));
    let global = r#"(module (global $g v128 (v128.const i64x2 0 0))
        (func (export "compute") (param i32) global.get $g drop))"#;
    assert!(refusal(global).contains("global[0] has type v128"));
}

#[test]
fn a_missing_entry_is_an_error_and_not_function_0() {
    let text = r#"(module (func (param i32)) (func (export "other") (param i32)) (memory (export "compute") 1))"#;
    let error = compile_text(text, &Options::default()).unwrap_err();
    let (export, exports) = ("compute".into(), "other".into());
    assert_eq!(error, WasmError::MissingEntry { export, exports });
}

#[test]
fn an_entry_of_another_signature_is_refused() {
    for signature in ["", "(param i64)", "(param i32 i32)", "(param i32) (result i64)"] {
        let body = if signature.contains("result") { "i64.const 0" } else { "" };
        let text = format!("(module (func (export \"compute\") {signature} {body}))");
        let error = compile_text(&text, &Options::default()).unwrap_err();
        assert!(matches!(error, WasmError::WrongSignature { .. }), "{error}");
    }
    let text = "(module (func (export \"f\") (param i32)))";
    let error = compile_text(text, &Options::invoke("f", &[])).unwrap_err();
    assert!(matches!(error, WasmError::WrongSignature { .. }), "{error}");
}

#[test]
fn imports_other_than_output_byte_are_refused() {
    let import = |import: &str| refusal(&format!("(module (import {import}))"));
    assert!(import("\"env\" \"putchar\" (func (param i32))").contains("env.putchar"));
    assert!(import("\"env\" \"memory\" (memory 1)").contains("env.memory"));
    assert!(
        import("\"env\" \"output_byte\" (func (param i32) (result i32))")
            .contains("(i32) -> (i32)")
    );
}

#[test]
fn segments_must_fit() {
    let data = "(module (memory 1) (data (i32.const 65535) \"ab\"))";
    assert!(refusal(data).contains("a segment of data covers 65535..65537, beyond the 65536"));
    let elements = "(module (table 1 funcref) (func $f) (elem (i32.const 1) $f))";
    assert!(refusal(elements).contains("a segment of elements covers 1..2"));
}

#[test]
fn what_lies_outside_of_memory_needs_room() {
    let module = |pages| {
        format!(
            r#"(module (memory {pages}) (table 70000 funcref)
                (func (export "compute") (param i32) i32.const 0 table.get 0 drop))"#
        )
    };
    // Four bytes for an element are five pages.
    assert!(compile_text(&module(65_530), &Options::default()).is_ok());
    let said = refusal(&module(65_532));
    assert!(said.contains("take 5 pages outside of memory; a memory of 65532 pages"), "{said}");
}

#[test]
fn four_thousand_locals_fit_and_no_more() {
    let text = |locals| compute(&format!("(local {}) ", "i32 ".repeat(locals)));
    assert!(compile_text(&text(3999), &Options::default()).is_ok());
    let error = compile_text(&text(4000), &Options::default()).unwrap_err();
    assert!(matches!(error, WasmError::TooManyLocals { locals: 4001, .. }), "{error}");
}

#[test]
fn an_input_needs_room() {
    let full = "(module (memory 1 1) (func (export \"compute\") (param i32)))";
    assert!(matches!(
        compile_text(full, &Options::default()),
        Err(WasmError::NoRoomForInput { capacity: 65535, pages: 2, max: 1 })
    ));
    let options = Options { input_capacity: Some(4), ..Options::default() };
    let compiled = compile_text(&compute(""), &options).unwrap();
    assert!(matches!(
        compiled.with_input(b"12345"),
        Err(WasmError::InputTooLong { length: 5, capacity: 4 })
    ));
}
