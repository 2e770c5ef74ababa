//! Instructions on i64 and floats, one by one, against an interpreter of WebAssembly: edge values
//! in all pairs, and random ones. The oracle executes all of them, and the plan generates the
//! oracle's trace for a sample. `NUMBER_PAIRS` sets how many random pairs each instruction gets.
//!
//! A NaN that an instruction makes may be any; ours is the canonical one.

mod common;

use std::fmt::Write;
use std::sync::LazyLock;

use hardmax::machine::Symbol;
use hardmax::model::Model;
use hardmax::oracle::{self, Stopped};
use hardmax::plan::{Plan, Refusal};
use hardmax::wasm::{Argument, Entry, Invocation, Options, compile};
use wasmi::{Engine, Instance, Linker, Module, Store, Val};

static MODEL: LazyLock<Model> = LazyLock::new(common::model);

static PLAN: LazyLock<Result<Plan, Refusal>> = LazyLock::new(|| common::plan(&MODEL));

/// More than any program here needs.
const TOKENS: u64 = 400_000_000;

/// Calls in one program.
const CALLS: usize = 200;

/// What takes one operand or two, and gives a result: name, operands, type of operands, of result.
fn instructions() -> Vec<(String, usize, &'static str, &'static str)> {
    let mut all = Vec::new();
    let mut add = |names: &str, operands, of, gives| {
        all.extend(names.split_whitespace().map(|name| (name.to_owned(), operands, of, gives)));
    };
    add("i64.clz i64.ctz i64.popcnt i64.extend8_s i64.extend16_s i64.extend32_s", 1, "i64", "i64");
    add("i64.add i64.sub i64.mul i64.and i64.or i64.xor i64.shl i64.shr_s", 2, "i64", "i64");
    add("i64.shr_u i64.rotl i64.rotr i64.div_s i64.div_u i64.rem_s i64.rem_u", 2, "i64", "i64");
    add("i64.eq i64.ne i64.lt_s i64.lt_u i64.gt_s i64.gt_u", 2, "i64", "i32");
    add("i64.le_s i64.le_u i64.ge_s i64.ge_u", 2, "i64", "i32");
    add("i64.eqz i32.wrap_i64", 1, "i64", "i32");
    add("i64.extend_i32_s i64.extend_i32_u", 1, "i32", "i64");
    for (float, of) in [("f32", "f32"), ("f64", "f64")] {
        let named = |names: &str| {
            names.split_whitespace().map(|name| format!("{float}.{name} ")).collect::<String>()
        };
        add(&named("abs neg ceil floor trunc nearest sqrt"), 1, of, of);
        add(&named("add sub mul div min max copysign"), 2, of, of);
        add(&named("eq ne lt gt le ge"), 2, of, "i32");
        add(&named("convert_i32_s convert_i32_u"), 1, "i32", of);
        add(&named("convert_i64_s convert_i64_u"), 1, "i64", of);
        for (integer, gives) in [("i32", "i32"), ("i64", "i64")] {
            for kind in ["trunc", "trunc_sat"] {
                add(
                    &format!("{integer}.{kind}_{float}_s {integer}.{kind}_{float}_u"),
                    1,
                    of,
                    gives,
                );
            }
        }
    }
    add("f64.promote_f32", 1, "f32", "f64");
    add("f32.demote_f64", 1, "f64", "f32");
    all
}

/// Values at edges: of integers, and of floats around halves, powers of two, the least normal
/// and the greatest number; for f32 in the high half.
fn edges() -> Vec<u64> {
    let mut edges = vec![0, 1, 2, 3, 7, 10, 255, u64::MAX, u64::MAX - 1, 0x1234_5678_9abc_def0];
    for bit in [31, 32, 33, 47, 52, 53, 63] {
        edges.extend([(1u64 << bit) - 1, 1 << bit, (1 << bit) + 1]);
    }
    let floats = [0.5, 1.0, 1.5, 2.5, 3.0, 0.1, 1e10, 4294967295.0, 2147483648.5, 9.3e18, 1.9e19];
    for float in floats {
        for bits in [f64::to_bits(float), f64::to_bits(-float)] {
            edges.extend([bits, bits + 1, bits - 1]);
        }
        edges.push(u64::from((float as f32).to_bits()) << 32);
        edges.push(u64::from((-float as f32).to_bits()) << 32 | 1 << 32);
    }
    // The least normal, the greatest subnormal, infinity, the greatest, and NaNs.
    for bits in [0x0010_0000_0000_0000, 0x7ff0_0000_0000_0000u64] {
        edges.extend([bits, bits - 1, bits + 1, bits | 1 << 63, (bits - 1) | 1 << 63]);
    }
    for bits in [0x0080_0000u64, 0x7f80_0000] {
        edges.extend([bits, bits - 1, bits + 1, bits | 1 << 31].map(|bits| bits << 32));
    }
    edges.extend([0x7ff8_0000_0000_0000, 0xfff8_0000_0000_0001, 0x7fc0_0000 << 32]);
    edges
}

/// A random value: an edge, a random number of random length, or a float of a moderate exponent.
fn random(rng: &mut fastrand::Rng, edges: &[u64]) -> u64 {
    match rng.u8(..4) {
        0 => edges[rng.usize(..edges.len())],
        1 => rng.u64(..) >> rng.u32(..64),
        2 => {
            let exponent = 1023u64.wrapping_add_signed(rng.i64(-70..70));
            rng.u64(..) & !(0x7ff << 52) | exponent << 52
        }
        _ => {
            let exponent = 127u64.wrapping_add_signed(rng.i64(-40..40));
            (rng.u64(..) & !(0xff << 55) | exponent << 55) & !0xffff_ffff
        }
    }
}

/// A module that exports every instruction by its name; floats go in and out as their bits.
fn module() -> Vec<u8> {
    let mut text = String::from("(module\n");
    for (name, operands, of, gives) in instructions() {
        let bits = |ty: &str| if ty.ends_with("32") { "i32" } else { "i64" };
        let params = format!(" {}", bits(of)).repeat(operands);
        let operand = |local: usize| match of {
            "f32" => format!("local.get {local} f32.reinterpret_i32 "),
            "f64" => format!("local.get {local} f64.reinterpret_i64 "),
            _ => format!("local.get {local} "),
        };
        let taken: String = (0..operands).map(operand).collect();
        // Integers of eight bytes are told as floats are: in few tokens.
        let (result, told) = match gives {
            "i64" => ("f64", "f64.reinterpret_i64"),
            _ => (gives, ""),
        };
        let _ = writeln!(
            text,
            "(func (export \"{name}\") (param{params}) (result {result}) {taken}{name} {told})"
        );
    }
    text.push(')');
    wat::parse_str(text).unwrap()
}

/// What the interpreter says, as a line of output; nothing where it traps.
fn interpreted(
    store: &mut Store<()>,
    instance: &Instance,
    (name, gives): (&str, &str),
    args: &[(u64, bool)],
) -> Option<String> {
    let function = instance.get_func(&*store, name).unwrap();
    let args: Vec<Val> = args
        .iter()
        .map(|&(bits, short)| match short {
            true => Val::I32(bits as u32 as i32),
            false => Val::I64(bits as i64),
        })
        .collect();
    let mut results = [Val::I32(0)];
    function.call(store, &args, &mut results).ok()?;
    let float = gives.starts_with('f');
    Some(match results[0] {
        Val::I32(value) => value.to_string(),
        Val::F32(value) if f32::from(value).is_nan() => canonical(name, value.to_bits().into(), 8),
        Val::F32(value) => format!("{:#010x}", value.to_bits()),
        Val::F64(value) if float && f64::from(value).is_nan() => {
            canonical(name, value.to_bits(), 16)
        }
        Val::F64(value) => format!("{:#018x}", value.to_bits()),
        ref other => panic!("{other:?}"),
    })
}

/// A NaN: its bits where the instruction only moves them, else the canonical ones.
fn canonical(name: &str, bits: u64, digits: usize) -> String {
    let moves = ["abs", "neg", "copysign"].iter().any(|moves| name.ends_with(moves));
    match (moves, digits) {
        (true, 8) => format!("{bits:#010x}"),
        (true, _) => format!("{bits:#018x}"),
        (_, 8) => "0x7fc00000".into(),
        _ => "0x7ff8000000000000".into(),
    }
}

#[test]
fn every_instruction_gives_what_an_interpreter_says() {
    let wasm = module();
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let compiled = Module::new(&engine, &wasm).unwrap();
    let instance = Linker::new(&engine).instantiate_and_start(&mut store, &compiled).unwrap();
    let pairs = common::setting("NUMBER_PAIRS", 300);
    let edges = edges();
    let mut rng = fastrand::Rng::with_seed(7);
    let (mut calls, mut traps, mut tokens) = (0, 0, 0u64);
    for (name, operands, of, gives) in instructions() {
        let short = of.ends_with("32");
        // An f32 is the high half of an edge, an i32 the low one.
        let word = |bits: u64| if of == "f32" { bits >> 32 } else { bits };
        let mut all: Vec<Vec<u64>> = Vec::new();
        for &a in &edges {
            match operands {
                1 => all.push(vec![word(a)]),
                _ => {
                    let some = edges.iter().skip(rng.usize(..7)).step_by(7);
                    all.extend(some.map(|&b| vec![word(a), word(b)]));
                }
            }
        }
        for _ in 0..pairs {
            all.push((0..operands).map(|_| word(random(&mut rng, &edges))).collect());
        }
        let mut block: Vec<(Invocation, String)> = Vec::new();
        for values in all {
            let args: Vec<(u64, bool)> = values.iter().map(|&bits| (bits, short)).collect();
            let bits = |&(bits, short): &(u64, bool)| {
                Argument::Bits(if short { u64::from(bits as u32) } else { bits })
            };
            let call = Invocation { export: name.clone(), args: args.iter().map(bits).collect() };
            calls += 1;
            match interpreted(&mut store, &instance, (&name, gives), &args) {
                Some(line) => block.push((call, line)),
                None => {
                    // A trap ends a program, so each has one of its own; a few are enough.
                    traps += 1;
                    if traps % 16 == 0 {
                        let (_, stopped) = run(&wasm, vec![call], &mut tokens, false);
                        assert_eq!(stopped, Stopped::Trapped, "{name} {values:?}");
                    }
                }
            }
        }
        for (number, block) in block.chunks(CALLS).enumerate() {
            let calls = block.iter().map(|(call, _)| call.clone()).collect();
            let (output, stopped) = run(&wasm, calls, &mut tokens, number == 0);
            assert_eq!(stopped, Stopped::Halted, "{name}");
            for ((call, expected), line) in block.iter().zip(output.lines()) {
                assert_eq!(line, expected, "{call:?}");
            }
            assert_eq!(output.lines().count(), block.len(), "{name}");
        }
    }
    println!("{calls} calls, {traps} traps, {tokens} tokens");
    assert!(traps > 100);
}

/// What calls write and how they end, by the oracle; `by_plan`: the plan generates the same.
fn run(wasm: &[u8], calls: Vec<Invocation>, tokens: &mut u64, by_plan: bool) -> (String, Stopped) {
    let options = Options { entry: Entry::Invoke(calls), ..Options::default() };
    let program = compile(wasm, &options).unwrap().program;
    let (mut output, mut trace) = (Vec::new(), Vec::new());
    let stopped = oracle::execute(&program, TOKENS, |token| {
        *tokens += 1;
        if by_plan {
            trace.push(token);
        }
        if let Symbol::Out(byte) = token {
            output.push(byte);
        }
    });
    if by_plan {
        trace.truncate(100_000);
        let generated =
            common::generated_by_plan(&MODEL, &PLAN, &program.prompt(), trace.len() as u64);
        assert!(generated == trace, "the plan generates other tokens");
    }
    (String::from_utf8(output).unwrap(), stopped.unwrap())
}
