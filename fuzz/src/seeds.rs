//! What campaigns and the ordinary tests begin with: a few small inputs for each target, most of
//! them made by the crate itself.

use hardmax::machine::Symbol;
use hardmax::model::{Clears, HeadKind, LayerParts, Model, ModelParts, Shape, TieBreak, Token};
use hardmax::program::binary::{Header, Writer, program_digest};
use hardmax::program::text::parse_trace;

macro_rules! files {
    ($($path:literal)*) => { vec![$(include_bytes!(concat!("../../", $path)).to_vec()),*] };
}

/// So many inputs of pseudo-random bytes, of one to twelve steps.
fn noise(count: u64, step: usize) -> Vec<Vec<u8>> {
    let bytes = |seed| {
        let mut state: u64 = seed;
        let mut byte = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        (0..step * (1 + seed as usize % 12)).map(|_| byte()).collect()
    };
    (0..count).map(bytes).collect()
}

/// Small models, with and without optional parts.
pub fn model_loader() -> Vec<Vec<u8>> {
    let model = |vocabulary: usize, width: usize, layers: usize, units: usize, parts: bool| {
        let heads = width / 2;
        let weights = |count| (0..count).map(|at| (at % 7) as f64 - 3.0).collect::<Vec<_>>();
        let layer = LayerParts {
            attention_in: weights(3 * width * width),
            attention_out: weights(width * width),
            feed_forward_in: weights(2 * units * width),
            feed_forward_out: weights(width * units),
        };
        let clears = Clears { after_attention: vec![3], after_feed_forward: vec![2, 0] };
        let kinds = [HeadKind::Lookup, HeadKind::Keyed, HeadKind::Gather, HeadKind::Mean];
        let model = Model::new(ModelParts {
            shape: Shape { vocabulary, width, layers, heads, units },
            stop: Token(0),
            vocabulary: (0..vocabulary).map(|token| format!("t{token}")).collect(),
            embedding: weights(vocabulary * width),
            layers: vec![layer; layers],
            head: weights(vocabulary * width),
            clears: parts.then(|| vec![clears; layers]),
            ties: parts.then(|| vec![TieBreak::Latest; layers * heads]),
            kinds: parts.then(|| (0..layers * heads).map(|head| kinds[head % 4]).collect()),
        });
        model.unwrap().to_bytes()
    };
    vec![model(1, 4, 0, 0, false), model(3, 4, 1, 1, true), model(2, 6, 2, 0, true)]
}

/// Noise: any bytes are a model and a history.
pub fn plan_agreement() -> Vec<Vec<u8>> {
    noise(60, 24)
}

/// Programs as text, and as bytes behind a 0.
pub fn token_programs() -> Vec<Vec<u8>> {
    let mut all = files!("tests/vectors/countdown.txt" "tests/vectors/reverse.txt");
    all.extend(noise(60, 30).into_iter().map(|noise| [vec![0], noise].concat()));
    all
}

/// Whole traces, and a short one with every form of word.
pub fn text_traces() -> Vec<Vec<u8>> {
    let mut all = files!("tests/vectors/countdown_ref.txt" "tests/vectors/countdown.txt");
    let short = "{ input_base 10 00 00 00 halt 00 00 00 00 }\nH <sp> z 00 commit(+0,sts=0,bt=0)\n\
                 00 ff' d(9) out(a) out(<sp>) branch_taken call_commit return_commit trap halt\n";
    all.push(short.into());
    all.push("start\nH i 00 commit(+0,sts=0,bt=0) 01 halt".into());
    all.push("start 05 00 00 00 commit(+1,sts=1,bt=0)\nhalt".into());
    all
}

/// A trace in blocks of various lengths, complete and cut.
pub fn binary_traces() -> Vec<Vec<u8>> {
    let trace = parse_trace(include_bytes!("../../tests/vectors/countdown_ref.txt")).unwrap();
    let prompt = trace.prompt.symbols();
    let symbols = [prompt.as_slice(), &trace.generated].concat();
    let mut used = symbols.clone();
    used.sort();
    used.dedup();
    let names: Vec<String> = used.iter().map(Symbol::to_string).collect();
    let id = |symbol| used.binary_search(symbol).unwrap() as u16;
    let program = program_digest(prompt.iter().map(|symbol| names[id(symbol) as usize].as_str()));
    let stop = id(&hardmax::machine::HALT);
    let header = Header { names, stop, prompt: prompt.len() as u64, model: [7; 32], program };
    let file = |block: usize| {
        let mut writer = Writer::new(Vec::new(), &header).unwrap();
        for (at, symbol) in symbols.iter().enumerate() {
            writer.push(id(symbol)).unwrap();
            if at + 1 == prompt.len() || (at + 1) % block == 0 {
                writer.end_block().unwrap();
            }
        }
        writer.finish().unwrap()
    };
    let cut = |mut file: Vec<u8>| {
        file.truncate(file.len() - 40);
        file
    };
    vec![file(1000), file(9), cut(file(50))]
}

/// Noise: any bytes are calls and a module.
pub fn wasm_modules() -> Vec<Vec<u8>> {
    noise(96, 100)
}

/// Modules as text, with something of everything that compiles, and one as bytes.
pub fn wat_texts() -> Vec<Vec<u8>> {
    let everything = r#"(module
        (import "env" "output_byte" (func $out (param i32)))
        (type $t (func (param i32) (result i32)))
        (memory (export "memory") 1 2) (data (i32.const 8) "ab\00\ff")
        (global $g (mut i32) (i32.const 5)) (table 2 funcref) (elem (i32.const 0) $f $out)
        (func $f (export "f") (type $t) (local i32 i32)
          local.get 0 (if (result i32) (then i32.const -1) (else local.get 1))
          (block (param i32) (result i32) (loop (param i32) (result i32)
            i32.const 3 i32.sub local.tee 1 local.get 1 i32.const 0 i32.gt_s br_if 0))
          global.get $g i32.rem_s call $out i32.const 4 i32.load8_s offset=4
          (block (block local.get 0 br_table 0 1 0)) i32.extend8_s i32.clz)
        (func (export "compute") (param i32)
          local.get 0 i32.const 1 call_indirect (type $t) global.set $g
          i32.const 3 i32.const 65 i32.store i32.const 0 i32.const 4 i32.const 9 memory.copy
          i32.const 1 memory.grow drop global.get $g i32.ctz i32.const 7 i32.rotl call $out))"#;
    let mut all = files!("programs/gcd.wat" "programs/hello.wasm");
    all.push(everything.into());
    all.push(b"(module (func (export \"compute\") (param i32) unreachable))".into());
    all
}

/// Noise: any bytes choose a trace and what becomes of it; none leave it as it is.
pub fn wrong_tokens() -> Vec<Vec<u8>> {
    let mut all = noise(24, 6);
    all.extend([vec![], vec![1]]);
    all
}
