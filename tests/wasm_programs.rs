//! What compiled modules do, one claim at a time. The known traps on the way from WebAssembly to
//! a program have a test each.

use hardmax::machine::Symbol;
use hardmax::oracle::{self, Stopped};
use hardmax::program::text::{parse_program, parse_trace, write_program, write_trace};
use hardmax::program::{Prompt, Trace};
use hardmax::wasm::{Entry, Invocation, Options, compile_text};

const TOKENS: u64 = 10_000_000;

/// The output of calls of exports, `trap` at its end if it trapped.
fn calls(text: &str, calls: &[(&str, &[i32])], endless_memory: bool) -> String {
    let invocation = |&(export, args): &(&str, &[i32])| Invocation {
        export: export.into(),
        args: args.iter().map(|&arg| arg.into()).collect(),
    };
    let entry = Entry::Invoke(calls.iter().map(invocation).collect());
    let options = Options { entry, endless_memory, ..Options::default() };
    let program = compile_text(text, &options).unwrap().program;
    run(&program)
}

fn run(program: &hardmax::program::Program) -> String {
    let (tokens, stopped) = oracle::trace(program, TOKENS).unwrap();
    let mut output = String::from_utf8(oracle::output(&tokens)).unwrap();
    match stopped {
        Stopped::Halted => {}
        Stopped::Trapped => output.push_str("trap"),
        Stopped::TokenLimit => output.push_str("token limit"),
    }
    output
}

/// What `f` returns, exported by a module with `body` as its only function.
fn f(signature: &str, body: &str, args: &[i32]) -> String {
    let text = format!("(module (memory 1) (func (export \"f\") {signature} {body}))");
    calls(&text, &[("f", args)], false).trim_end().to_owned()
}

/// `a op b`.
fn binary(op: &str, a: i32, b: i32) -> String {
    f("(param i32 i32) (result i32)", &format!("local.get 0 local.get 1 {op}"), &[a, b])
}

/// `a op b`, where the compiler sees the second operand.
fn by_constant(op: &str, a: i32, b: i32) -> String {
    f("(param i32) (result i32)", &format!("local.get 0 i32.const {b} {op}"), &[a])
}

#[test]
fn locals_are_zeroed_at_every_call() {
    let text = r#"(module
        (func $count (result i32) (local i32)
            local.get 0 i32.const 1 i32.add local.tee 0)
        (func (export "twice") (result i32) call $count drop call $count))"#;
    assert_eq!(calls(text, &[("twice", &[])], false), "1\n");
}

#[test]
fn a_branch_unwinds_what_lies_beneath_its_results() {
    let body =
        "i32.const 100 (block (result i32) i32.const 1 i32.const 2 i32.const 3 br 0) i32.add";
    assert_eq!(f("(result i32)", body, &[]), "103");
}

#[test]
fn a_conditional_branch_unwinds_only_when_taken() {
    let body = "i32.const 100 (block (result i32)
        i32.const 10 i32.const 20 local.get 0 br_if 0 i32.sub) i32.add";
    assert_eq!(f("(param i32) (result i32)", body, &[1]), "120");
    assert_eq!(f("(param i32) (result i32)", body, &[0]), "90");
}

#[test]
fn a_return_unwinds() {
    let text = r#"(module
        (func $f (param i32) (result i32)
            i32.const 1 i32.const 2 i32.const 3 local.get 0 br_if 0 return)
        (func (export "g") (param i32) (result i32)
            i32.const 100 local.get 0 call $f i32.add))"#;
    assert_eq!(calls(text, &[("g", &[0]), ("g", &[1])], false), "103\n103\n");
}

#[test]
fn a_table_of_branches_unwinds_to_each_of_its_targets() {
    let body = "i32.const 1000 (block (result i32) i32.const 100 (block (result i32)
            i32.const 10 i32.const 7 local.get 0 br_table 0 1 0 1 1 0)
        i32.add) i32.add";
    let results = [0, 1, 2, 3, 4, 5, 99, -1].map(|i| f("(param i32) (result i32)", body, &[i]));
    let (inner, outer) = ("1107", "1007");
    assert_eq!(results, [inner, outer, inner, outer, outer, inner, inner, inner]);
}

#[test]
fn a_branch_to_an_ifs_label_from_its_then_arm_skips_the_else_arm() {
    let body = "(if (result i32) (local.get 0)
        (then i32.const 5 local.get 1 br_if 0 drop i32.const 6) (else i32.const 7))";
    let result = |a, b| f("(param i32 i32) (result i32)", body, &[a, b]);
    assert_eq!([result(1, 1), result(1, 0), result(0, 1)], ["5", "6", "7"]);
}

#[test]
fn globals_and_memory_do_not_touch() {
    let text = r#"(module (memory 1) (global $a (mut i32) (i32.const 7)) (global $b (mut i32) (i32.const 8))
        (func (export "f") (result i32)
            (memory.fill (i32.const 0) (i32.const 0xff) (i32.const 65536))
            (global.set $b (i32.add (global.get $a) (i32.const 1)))
            (i32.add (global.get $a) (i32.mul (i32.const 100) (global.get $b))))
        (func (export "low") (result i32) (i32.load (i32.const 0))))"#;
    assert_eq!(calls(text, &[("f", &[]), ("low", &[])], false), "807\n-1\n");
}

#[test]
fn the_start_function_runs_first() {
    let text = r#"(module (global $g (mut i32) (i32.const 1))
        (func $start (global.set $g (i32.const 42))) (start $start)
        (func (export "f") (result i32) global.get $g))"#;
    assert_eq!(calls(text, &[("f", &[])], false), "42\n");
}

#[test]
fn imports_shift_indices_and_can_be_called_through_a_table() {
    let text = r#"(module (import "env" "output_byte" (func $out (param i32)))
        (type $t (func (param i32))) (table funcref (elem $out $twice))
        (func $twice (param i32) local.get 0 call 0 local.get 0 call 0)
        (func (export "f") (param i32) i32.const 65 local.get 0 call_indirect (type $t)))"#;
    assert_eq!(calls(text, &[("f", &[0]), ("f", &[1])], false), "AAA");
}

#[test]
fn shift_counts_are_taken_modulo_32() {
    assert_eq!(binary("i32.shl", 3, 33), "6");
    assert_eq!(binary("i32.shr_s", -8, 65), "-4");
    assert_eq!(binary("i32.shr_u", -1, 63), "1");
    assert_eq!(binary("i32.rotl", 1, 32), "1");
}

/// `op a`, of a local that is still wanted afterwards.
fn unary(op: &str, a: i32) -> String {
    let body = format!("local.get 0 {op} i32.const 1000 i32.mul local.get 0 i32.add");
    let result: i32 = f("(param i32) (result i32)", &body, &[a]).parse().unwrap();
    let on_stack =
        f("(param i32) (result i32)", &format!("local.get 0 i32.const 0 i32.add {op}"), &[a]);
    assert_eq!(result, on_stack.parse::<i32>().unwrap().wrapping_mul(1000).wrapping_add(a));
    on_stack
}

#[test]
fn counts_of_zeros_and_sign_extensions_are_right_at_every_bit() {
    for value in (0..32).flat_map(|bit| [1u32 << bit, u32::MAX >> bit, u32::MAX << bit]).chain([0])
    {
        let a = value.cast_signed();
        assert_eq!(unary("i32.clz", a), value.leading_zeros().to_string(), "{value:x}");
        assert_eq!(unary("i32.ctz", a), value.trailing_zeros().to_string(), "{value:x}");
        assert_eq!(unary("i32.extend8_s", a), (a as i8).to_string(), "{value:x}");
        assert_eq!(unary("i32.extend16_s", a), (a as i16).to_string(), "{value:x}");
    }
}

#[test]
fn signed_division_truncates_and_its_remainder_has_the_dividends_sign() {
    for (a, b) in [(7, 2), (-7, 2), (7, -2), (-7, -2), (0, -3), (i32::MIN, 1), (i32::MIN, 2)] {
        for divide in [binary, by_constant] {
            assert_eq!(divide("i32.div_s", a, b), (a / b).to_string(), "{a} / {b}");
            assert_eq!(divide("i32.rem_s", a, b), (a % b).to_string(), "{a} % {b}");
        }
    }
    assert_eq!(binary("i32.div_s", 5, i32::MIN), "0");
    assert_eq!(binary("i32.rem_s", 5, i32::MIN), "5");
    assert_eq!(binary("i32.div_s", i32::MIN, i32::MIN), "1");
}

#[test]
fn division_by_zero_traps_and_so_does_the_quotient_that_does_not_fit() {
    for divide in [binary, by_constant] {
        for a in [0, 1, -1, i32::MIN] {
            for op in ["i32.div_s", "i32.div_u", "i32.rem_s", "i32.rem_u"] {
                assert_eq!(divide(op, a, 0), "trap", "{a} {op} 0");
            }
        }
        assert_eq!(divide("i32.div_s", i32::MIN, -1), "trap");
        assert_eq!(divide("i32.rem_s", i32::MIN, -1), "0");
    }
}

#[test]
fn results_are_printed_signed_one_a_line() {
    for value in [0, 9, 10, -1, i32::MAX, i32::MIN, 1_000_000_000] {
        assert_eq!(f("(result i32)", &format!("i32.const {value}"), &[]), value.to_string());
    }
    assert_eq!(f("(result i32 i32)", "i32.const 1 i32.const -2", &[]), "1\n-2");
    assert_eq!(f("", "", &[]), "");
}

#[test]
fn an_indirect_call_traps_where_there_is_no_such_function() {
    let text = r#"(module (type $t (func (result i32))) (type $same (func (result i32)))
        (type $other (func (param i32) (result i32)))
        (table 5 funcref) (elem (i32.const 1) $one $two $three)
        (func $one (type $t) i32.const 1) (func $two (type $other) i32.const 2)
        (func $three (type $same) i32.const 3)
        (func (export "f") (param i32) (result i32) local.get 0 call_indirect (type $t)))"#;
    let result = |index| calls(text, &[("f", &[index])], false);
    assert_eq!((result(1), result(3)), ("1\n".into(), "3\n".into()));
    for (index, why) in
        [(0, "null"), (2, "another type"), (4, "null"), (5, "beyond"), (-1, "beyond")]
    {
        assert_eq!(result(index), "trap", "{why}");
    }
}

#[test]
fn memory_grows_up_to_its_maximum() {
    let text = r#"(module (memory 1 3)
        (func (export "grow") (param i32) (result i32) local.get 0 memory.grow)
        (func (export "size") (result i32) memory.size))"#;
    let sequence: [(&str, &[i32]); 7] = [
        ("size", &[]),
        ("grow", &[1]),
        ("grow", &[2]),
        ("grow", &[-1]),
        ("grow", &[1]),
        ("grow", &[0]),
        ("size", &[]),
    ];
    assert_eq!(calls(text, &sequence, false), "1\n1\n-1\n-1\n2\n3\n3\n");
}

#[test]
fn the_last_byte_is_in_and_the_next_is_out() {
    for growing in ["", "(func (export \"grow\") (result i32) i32.const 1 memory.grow)"] {
        for (bytes, load, store) in
            [(1, "load8_u", "store8"), (2, "load16_s", "store16"), (4, "load", "store")]
        {
            let text = format!(
                "(module (memory 1 2) {growing}
                (func (export \"l\") (param i32) local.get 0 i32.{load} offset=10 drop)
                (func (export \"s\") (param i32) local.get 0 i32.const 1 i32.{store} offset=10))"
            );
            let last = 65536 - 10 - bytes;
            for call in ["l", "s"] {
                assert_eq!(calls(&text, &[(call, &[last])], false), "", "{call} {load}");
                assert_eq!(calls(&text, &[(call, &[last + 1])], false), "trap", "{call} {load}");
                assert_eq!(calls(&text, &[(call, &[-4])], false), "trap", "{call} {load}");
                if !growing.is_empty() {
                    let grown: [(&str, &[i32]); 2] = [("grow", &[]), (call, &[last + 65536])];
                    assert_eq!(calls(&text, &grown, false), "1\n", "{call} {load}");
                }
            }
        }
    }
}

#[test]
fn copies_may_overlap_either_way_and_fills_fill_bytes() {
    let text = r#"(module (memory 1) (data (i32.const 0) "abcdefghijklmnop")
        (import "env" "output_byte" (func $out (param i32)))
        (func $show (local i32) (loop (call $out (i32.load8_u (local.get 0)))
            (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 16)))))
        (func (export "copy") (param i32 i32 i32)
            (memory.copy (local.get 0) (local.get 1) (local.get 2)) call $show)
        (func (export "fill") (param i32 i32 i32)
            (memory.fill (local.get 0) (local.get 1) (local.get 2)) call $show))"#
        .replacen("(memory 1) (data", "(data", 1)
        .replacen("(func $show", "(memory 1) (func $show", 1);
    for (to, from, length) in [(0, 3, 9), (3, 0, 9), (1, 0, 15), (0, 1, 15), (2, 2, 5), (5, 0, 0)] {
        let mut expected = *b"abcdefghijklmnop";
        expected.copy_within(from..from + length, to);
        let args = [to as i32, from as i32, length as i32];
        assert_eq!(calls(&text, &[("copy", &args)], false).as_bytes(), expected, "{args:?}");
    }
    assert_eq!(calls(&text, &[("fill", &[1, 0x158, 6])], false), "aXXXXXXhijklmnop");
    assert_eq!(calls(&text, &[("fill", &[65536, 1, 0])], false), "abcdefghijklmnop");
    assert_eq!(calls(&text, &[("fill", &[65530, 1, 7])], false), "trap");
    assert_eq!(calls(&text, &[("copy", &[0, 65537, 0])], false), "trap");
    assert_eq!(calls(&text, &[("copy", &[0, 8, -1])], false), "trap");
}

#[test]
fn dead_code_is_skipped_whatever_it_contains() {
    let body = "i32.const 1 return i64.const 1 i64.add drop (block br 0) (if (then) (else)) drop";
    assert_eq!(f("(result i32)", body, &[]), "1");
    let body = "(block (result i32) i32.const 2 br 0 (loop (result i32) br 0) i32.add)";
    assert_eq!(f("(result i32)", body, &[]), "2");
}

#[test]
fn what_nothing_calls_is_neither_compiled_nor_refused() {
    let text = r#"(module (func $float (result f64) f64.const 1)
        (func (export "f") (result i32) i32.const 1))"#;
    assert_eq!(calls(text, &[("f", &[])], false), "1\n");
}

#[test]
fn calls_nest_deeply() {
    let text = r#"(module (func $sum (export "sum") (param i32) (result i32)
        (if (result i32) (local.get 0)
            (then (i32.add (local.get 0) (call $sum (i32.sub (local.get 0) (i32.const 1)))))
            (else i32.const 0))))"#;
    assert_eq!(calls(text, &[("sum", &[20_000])], false), "200010000\n");
}

#[test]
fn blocks_take_and_give_several_values() {
    let body =
        "i32.const 5 i32.const 3 (block (param i32 i32) (result i32 i32) i32.sub i32.const 9)
        (loop (param i32 i32) (result i32) i32.add local.get 0 i32.const 1 i32.sub local.tee 0
            (if (param i32) (result i32 i32) (then i32.const 1) (else i32.const 0))
            local.get 0 br_if 0 i32.add)";
    assert_eq!(f("(param i32) (result i32)", body, &[3]), "13");
}

/// Writes its input back, between the data of the module.
const ECHO: &str = r#"(module (import "env" "output_byte" (func $out (param i32)))
    (memory 1) (data (i32.const 8) "<") (data (i32.const 9) ">")
    (func (export "compute") (param i32)
        (call $out (i32.load8_u (i32.const 8)))
        (block (loop
            (br_if 1 (i32.eqz (i32.load8_u (local.get 0))))
            (call $out (i32.load8_u (local.get 0)))
            (local.set 0 (i32.add (local.get 0) (i32.const 1)))
            (br 0)))
        (call $out (i32.load8_u (i32.const 9)))))"#;

#[test]
fn compute_gets_the_address_of_its_input() {
    let compiled = compile_text(ECHO, &Options::default()).unwrap();
    assert_eq!(compiled.program.payloads(), [b"<>".to_vec(), Vec::new()]);
    assert_eq!(compiled.input.unwrap().address, 65536);
    assert_eq!(run(&compiled.with_input(b"Hello!").unwrap()), "<Hello!>");
}

#[test]
fn without_room_for_an_input_compute_finds_an_empty_one() {
    let options = Options { input_capacity: None, ..Options::default() };
    let compiled = compile_text(ECHO, &options).unwrap();
    assert_eq!(compiled.program.payloads().len(), 1);
    assert_eq!(run(&compiled.program), "<>");
}

#[test]
fn the_input_lies_at_the_heap_base_and_in_memory_of_its_own() {
    let text = r#"(module (import "env" "output_byte" (func $out (param i32)))
        (memory 2) (global (export "__heap_base") i32 (i32.const 70000))
        (func (export "compute") (param i32) (call $out (i32.add (i32.const 48) (memory.size)))
            (call $out (i32.load8_u (i32.const 70000)))))"#;
    let options = |capacity| Options { input_capacity: Some(capacity), ..Options::default() };
    let output =
        |capacity| run(&compile_text(text, &options(capacity)).unwrap().with_input(b"x").unwrap());
    assert_eq!(output(100), "2x");
    assert_eq!(output(65536), "3x");
}

#[test]
fn a_program_and_its_trace_survive_their_files() {
    let text = r#"(module (func (export "f") (param i32 i32) (result i32)
        (i32.div_u (i32.mul (local.get 0) (local.get 0)) (local.get 1))))"#;
    for divisor in [7, 0] {
        let options = Options::invoke("f", &[1000, divisor]);
        let program = compile_text(text, &options).unwrap().program;
        let (generated, _) = oracle::trace(&program, TOKENS).unwrap();
        let prompt = Prompt::Program(program.clone());
        let file = write_trace(&prompt, &generated);
        assert_eq!(parse_program(write_program(&program).as_bytes()), Ok(program.clone()));
        assert_eq!(parse_trace(file.as_bytes()), Ok(Trace { prompt, generated }));
        assert_eq!(file.ends_with("trap\nhalt\n"), divisor == 0);
    }
}

#[test]
fn branches_cost_no_test_that_a_comparison_has_made() {
    let text = r#"(module (func (export "f") (param i32) (result i32)
        (if (result i32) (i32.lt_s (local.get 0) (i32.const 5)) (then i32.const 1) (else i32.const 2))))"#;
    let program = compile_text(text, &Options::invoke("f", &[3])).unwrap().program;
    let names: Vec<&str> = program.code().iter().map(|i| i.op.name()).collect();
    assert!(!names.contains(&"i32.eqz"), "{names:?}");
    assert!(names.windows(2).any(|pair| pair == ["i32.ge_s", "br_if"]), "{names:?}");
}

#[test]
fn a_listing_says_where_routines_begin() {
    let compiled = compile_text(ECHO, &Options::default()).unwrap();
    let routines = compiled.places.routines();
    let names: Vec<&str> = routines.iter().map(|routine| routine.name.as_str()).collect();
    assert_eq!(names, ["the start code", "compute"]);
    let begin = routines[1].begin;
    let prompt = compiled.program.prompt();
    assert_eq!(prompt[1 + 5 * begin], Symbol::from_name("local.set").unwrap());
}

#[test]
fn a_mask_that_leaves_the_bytes_that_are_written_costs_nothing() {
    let module = |mask: u32, write: &str| {
        format!(
            "(module (import \"env\" \"output_byte\" (func $write (param i32))) (memory 1)
                (func (export \"f\") (param i32)
                    i32.const 8 local.get 0 i32.const {mask} i32.and {write}
                    i32.const 8 i32.load call $write i32.const 9 i32.load8_u call $write))"
        )
    };
    let ands = |text: &str| {
        let program = compile_text(text, &Options::invoke("f", &[0x1234_4142])).unwrap().program;
        let ands = program.code().iter().filter(|it| it.op == hardmax::machine::Op::And).count();
        (ands, run(&program))
    };
    for (mask, write, expected) in [
        (0xff, "i32.store8", (0, "B\0")),
        (0x1ff, "i32.store8", (0, "B\0")),
        (0x7f, "i32.store8", (1, "B\0")),
        (0xffff, "i32.store16", (0, "BA")),
        (0xff, "i32.store16", (1, "B\0")),
        (0xff, "i32.store", (1, "B\0")),
        (0xff, "call $write drop", (0, "B\0\0")),
        // A branch may come to the instruction behind the constant.
        (0xff, "block end call $write drop", (0, "B\0\0")),
    ] {
        let (count, output) = ands(&module(mask, write));
        assert_eq!((count, output.as_str()), expected, "{mask:#x} {write}");
    }
    // What jumps to between the mask and what it masks has another mask.
    let text = "(module (import \"env\" \"output_byte\" (func $write (param i32)))
        (func (export \"f\") (param i32)
            local.get 0
            (block (param i32) (result i32 i32)
                i32.const 0x40 local.get 0 br_if 0 drop i32.const 0xff)
            i32.and call $write))";
    assert_eq!(ands(text), (1, "@".to_owned()));
}
