//! The model of programs with one weight changed: its plan is refused, breaks, or predicts what
//! the reference predicts.
//!
//! A mutant is the bundled model with another value for one weight. Of a weight that is not 0
//! there are 16: its sign flipped, each of the 11 bits of its exponent, each of the first 4 bits
//! of its mantissa. Of a weight that is 0 there are two: 1 and -1. Weights are numbered as in
//! the file, embedding, layers, head, and mutants by weight.
//!
//! A plan and the reference are compared along the traces of a few random programs that together
//! have every instruction, at every token after the prompt, whatever the mutant predicts. Most
//! mutants have no plan, and most others change no token: that the reference predicts what the
//! model predicts is then verified for all positions at once, by sparse products. Only where a
//! token changes the two are taken through the history step by step.
//!
//! A test takes a sample. *The campaign* takes them all, or a part: with `HARDMAX_MUTANTS=3/8`
//! the fourth of eight parts, every eighth mutant, on one thread.
//!
//! ```text
//! HARDMAX_MUTANTS=0/1 cargo test --release --test plan mutants_campaign -- --nocapture
//! ```
//!
//! With `HARDMAX_MUTANTS=3/8/layers` it takes only weights of layers that are not 0, of which all
//! heads and units are made.
//!
//! It prints what it found now and then and at the end, and every difference at once: the number
//! of the mutant, its weight's byte in the file, the old and the new value, and where it
//! differs. `HARDMAX_MUTANT=<number>` instead tries that one, step by step.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::ops::AddAssign;
use std::panic::catch_unwind;
use std::sync::LazyLock;
use std::time::Instant;

use hardmax::engine::verify::{Products, Settings, verify};
use hardmax::engine::{Attention, Decoder, Planned};
use hardmax::linalg::Kernel;
use hardmax::machine::Symbol;
use hardmax::model::{Model, Token};
use hardmax::oracle;
use hardmax::plan::{Plan, Refusal};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::bundled_model::MODEL;
use crate::common::programs::source;
use crate::common::{POOLS, cases, tokens};
use crate::generator::Random;
use crate::verdict::{Verdict, behind};

/// The model's file, and where its weights are.
struct Original {
    bytes: Vec<u8>,
    first: usize,
    weights: Vec<f64>,
    /// By weight, the number of its first mutant; at the end, how many there are.
    numbers: Vec<u64>,
}

static ORIGINAL: LazyLock<Original> = LazyLock::new(|| {
    let bytes = MODEL.to_bytes();
    let matrices = MODEL.layers().flat_map(|layer| {
        [layer.attention_in, layer.attention_out, layer.feed_forward_in, layer.feed_forward_out]
    });
    let matrices = std::iter::once(MODEL.embedding()).chain(matrices).chain([MODEL.head()]);
    let weights: Vec<f64> = matrices.flat_map(|matrix| matrix.data.to_vec()).collect();
    let file: Vec<u8> = weights.iter().flat_map(|weight| weight.to_le_bytes()).collect();
    let first = bytes.windows(file.len()).position(|window| window == file).unwrap();
    let mut numbers = vec![0];
    for &weight in &weights {
        numbers.push(numbers[numbers.len() - 1] + if weight == 0.0 { 2 } else { 16 });
    }
    Original { bytes, first, weights, numbers }
});

/// One weight of the model, changed.
#[derive(Clone, Copy, Debug)]
struct Mutant {
    weight: usize,
    value: f64,
}

impl Mutant {
    fn numbered(number: u64) -> Mutant {
        let numbers = &ORIGINAL.numbers;
        let weight = numbers.partition_point(|&first| first <= number) - 1;
        let old = ORIGINAL.weights[weight];
        let kind = number - numbers[weight];
        let value = match (old == 0.0, kind) {
            (true, 0) => 1.0,
            (true, _) => -1.0,
            // From the sign on: 11 bits of the exponent, then the mantissa.
            (false, bit) => f64::from_bits(old.to_bits() ^ (1 << (63 - bit))),
        };
        Mutant { weight, value }
    }

    /// The model, if there is one: the exponent may be that of no number.
    fn model(self) -> Option<Model> {
        let mut bytes = ORIGINAL.bytes.clone();
        let at = ORIGINAL.first + 8 * self.weight;
        bytes[at..at + 8].copy_from_slice(&self.value.to_le_bytes());
        Model::from_bytes(bytes).ok()
    }

    fn describe(self) -> String {
        let Mutant { weight, value } = self;
        let (at, old) = (ORIGINAL.first + 8 * weight, ORIGINAL.weights[weight]);
        format!("weight {weight} at byte {at}, {old:?} -> {value:?}")
    }
}

/// A prompt and what the model generates after it.
struct History {
    tokens: Vec<Token>,
    prompt: usize,
}

/// At most so many tokens of a prompt, and of what comes after it.
const LENGTH: usize = 600;

/// Few programs that together have all instructions and generate all kinds of tokens. Code that
/// a plan makes for one is made again for the next, so a long one is better than two.
static HISTORIES: LazyLock<Vec<History>> = LazyLock::new(|| {
    let mut runner = TestRunner::deterministic();
    let mut programs = Vec::new();
    while programs.len() < 1_000 {
        let program = source(false).new_tree(&mut runner).unwrap().current().program();
        let prompt = program.prompt();
        if prompt.len() > LENGTH {
            continue;
        }
        let (mut generated, _) = oracle::trace(&program, LENGTH as u64).unwrap();
        generated.truncate(LENGTH);
        // What makes a difference: instructions, what is generated but bytes, and after what.
        let plain = |symbol: &Symbol| symbol.byte().map_or(symbol.id(), |_| 0);
        let instructions = prompt.iter().flat_map(|symbol| (0..9).map(|n| (n, plain(symbol))));
        let pairs = generated.windows(2).map(|pair| (plain(&pair[0]), plain(&pair[1])));
        let marks: BTreeSet<(u32, u32)> = instructions.chain(pairs).collect();
        let tokens = tokens(prompt.iter().chain(&generated));
        programs.push((marks, History { tokens, prompt: prompt.len() }));
    }
    let mut seen = BTreeSet::new();
    let mut chosen = Vec::new();
    while chosen.len() < 3 {
        let gain = |(marks, _): &(BTreeSet<_>, History)| marks.difference(&seen).count();
        let best = (0..programs.len()).max_by_key(|&at| gain(&programs[at])).unwrap();
        let (marks, history) = programs.swap_remove(best);
        seen.extend(marks);
        chosen.push(history);
    }
    chosen
});

/// What became of mutants.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counts {
    mutants: u64,
    /// The file is refused.
    no_model: u64,
    /// The plan is refused.
    no_plan: u64,
    /// Histories on which the plan broke.
    broken: u64,
    /// Histories that the reference refused.
    unanswered: u64,
    predictions: u64,
    differences: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.mutants += other.mutants;
        self.no_model += other.no_model;
        self.no_plan += other.no_plan;
        self.broken += other.broken;
        self.unanswered += other.unanswered;
        self.predictions += other.predictions;
        self.differences += other.differences;
    }
}

/// Tokens after a changed prediction that are still compared, step by step.
const BEYOND: usize = 40;

/// How many tokens of a history must be compared step by step, if not all of them are as they were.
fn changed(model: &Model, plan: &Result<Plan, Refusal>, history: &History) -> Option<usize> {
    let History { tokens, prompt } = history;
    let mut engine = Planned::new(model, plan, Attention::Kinds, Kernel::Portable);
    for (at, pair) in tokens.windows(2).enumerate() {
        let asked = at + 1 >= *prompt;
        let taken = engine.take(pair[0], asked);
        if engine.fallback().is_some() || taken.is_err() {
            return Some(at + 1);
        }
        if asked && engine.next_token() != Ok(pair[1]) {
            return Some((at + BEYOND).min(tokens.len()));
        }
    }
    let settings = Settings {
        attention: Attention::Kinds,
        products: Products::Sparse,
        kernel: Kernel::preferred(),
        block: 2 * LENGTH,
        spot: None,
    };
    let trace = tokens.iter().map(|&token| Ok::<_, Infallible>(token));
    let verified = verify(model, *prompt as u64, trace, settings, &POOLS[0], |_| ());
    (!verified.is_ok_and(|verified| verified.passed())).then_some(tokens.len())
}

/// Compares plan and reference along a history: by kinds, or by hulls where a kind is none.
fn compared(model: &Model, plan: &Result<Plan, Refusal>, history: (&[Token], usize)) -> Verdict {
    let by = |attention| behind(model, plan, history, attention);
    match by(Attention::Kinds) {
        Verdict::Unanswered { .. } => by(Attention::Hull),
        verdict => verdict,
    }
}

/// A history in which a token stands twice where it does not belong.
fn astray(token: usize) -> Vec<Token> {
    let History { tokens, prompt } = &HISTORIES[0];
    let stray = [Token(token as u32)];
    let [begin, middle, end] = [
        &tokens[..prompt / 3],
        &tokens[prompt / 3..prompt + 20],
        &tokens[prompt + 20..prompt + 60],
    ];
    [begin, &stray, middle, &stray, end].concat()
}

/// Compares a mutant's plan with its reference; `slowly`: step by step wherever it goes.
fn tried(mutant: Mutant, slowly: bool) -> Counts {
    let mut counts = Counts { mutants: 1, ..Counts::default() };
    let Some(model) = mutant.model() else {
        return Counts { no_model: 1, ..counts };
    };
    let plan = Plan::new(&model, HISTORIES[0].tokens[0]);
    if plan.is_err() {
        return Counts { no_plan: 1, ..counts };
    }
    let token = mutant.weight / MODEL.shape().width;
    let stray = (token < MODEL.shape().vocabulary).then(|| astray(token));
    let mut verdicts: Vec<Verdict> = Vec::new();
    // What a weight that is 0 adds shows in any history, and there are many of them.
    let few = if slowly || ORIGINAL.weights[mutant.weight] != 0.0 { HISTORIES.len() } else { 1 };
    for history in &HISTORIES[..few] {
        let length = history.tokens.len();
        let until = if slowly { Some(length) } else { changed(&model, &plan, history) };
        verdicts.push(match until {
            Some(until) => compared(&model, &plan, (&history.tokens[..until], history.prompt)),
            None => Verdict::Agrees { predictions: length - history.prompt },
        });
    }
    verdicts.extend(stray.map(|stray| compared(&model, &plan, (&stray, 0))));
    for (number, verdict) in verdicts.iter().enumerate() {
        match *verdict {
            Verdict::Refused => {}
            Verdict::Broken { at } => {
                counts.broken += 1;
                counts.predictions += at as u64;
            }
            Verdict::Unanswered { at } => {
                counts.unanswered += 1;
                counts.predictions += at as u64;
            }
            Verdict::Agrees { predictions } => counts.predictions += predictions as u64,
            Verdict::Differs { .. } => {
                counts.differences += 1;
                println!("{}: history {number}, {verdict:?}", mutant.describe());
                break;
            }
        }
    }
    counts
}

#[test]
fn histories_have_all_kinds_of_tokens() {
    let all: BTreeSet<Token> =
        HISTORIES.iter().flat_map(|history| history.tokens.iter().copied()).collect();
    let predictions: usize = HISTORIES.iter().map(|h| h.tokens.len() - h.prompt).sum();
    let bytes = |symbol: &Symbol| symbol.byte().is_some() || matches!(symbol, Symbol::Out(_));
    let symbols = Symbol::all().iter().filter(|symbol| !bytes(symbol));
    let (met, missing): (Vec<&Symbol>, Vec<&Symbol>) =
        symbols.partition(|symbol| all.contains(&Token(symbol.id())));
    println!("{predictions} predictions, {} symbols, without {missing:?}", met.len());
    assert!(predictions > 800 && met.len() > 50);
}

/// By layer, where the query, key and value rows of heads begin, what heads add, the gate and value rows of
/// units, and what units add; in numbers of weights, each with its end.
fn matrices() -> impl Iterator<Item = std::ops::Range<usize>> {
    let shape = MODEL.shape();
    let (square, units) = (shape.width * shape.width, shape.width * shape.units);
    let layer = [square, square, square, square, units, units, units];
    let mut begin = shape.vocabulary * shape.width;
    let layers = std::iter::repeat_n(layer, shape.layers).flatten();
    layers.map(move |length| {
        begin += length;
        begin - length..begin
    })
}

/// Halves of keys are no whole numbers, halves of squares no squares, and half of the position times a mean is half
/// of the sum: of every matrix the first and the last weight, halved or doubled, and half as much again.
#[test]
fn weights_of_every_matrix_halved_or_doubled() {
    let mut counts = Counts::default();
    for mut matrix in matrices() {
        let is_used = |&at: &usize| ORIGINAL.weights[at] != 0.0;
        let first = matrix.find(is_used).unwrap();
        let last = matrix.rfind(is_used).unwrap_or(first);
        for weight in [first, last] {
            let old = ORIGINAL.weights[weight];
            let next_exponent = f64::from_bits(old.to_bits() ^ (1 << 52));
            for value in [next_exponent, 1.5 * old] {
                counts += tried(Mutant { weight, value }, false);
            }
        }
    }
    println!("{counts:?}");
    assert_eq!(counts.differences, 0, "{counts:?}");
    assert!(counts.no_plan > 0 && counts.predictions > 1_000, "{counts:?}");
}

#[test]
fn a_sample_of_mutants() {
    let total = *ORIGINAL.numbers.last().unwrap();
    let random = &mut Random(20_240_229);
    let mut counts = Counts::default();
    for _ in 0..cases(300).max(300) {
        let mutant = Mutant::numbered(random.below(total));
        let slowly = random.below(8) == 0;
        let of = catch_unwind(|| tried(mutant, slowly));
        counts += of.unwrap_or_else(|_| {
            println!("{}: panics", mutant.describe());
            Counts { mutants: 1, differences: 1, ..Counts::default() }
        });
    }
    println!("{counts:?}");
    assert_eq!(counts.differences, 0, "{counts:?}");
    assert!(counts.predictions > 1_000, "{counts:?}");
}

/// Whether a mutant is one of a weight of a layer that is not 0.
fn of_layers(number: u64) -> bool {
    let Mutant { weight, .. } = Mutant::numbered(number);
    let ends = MODEL.shape().vocabulary * MODEL.shape().width;
    let layers = ends..ORIGINAL.weights.len() - ends;
    layers.contains(&weight) && ORIGINAL.weights[weight] != 0.0
}

/// See above. Without the environment variable it is the sample alone.
#[test]
fn mutants_campaign() {
    let total = *ORIGINAL.numbers.last().unwrap();
    let number = |text: &str| text.parse::<u64>().unwrap();
    if let Ok(one) = std::env::var("HARDMAX_MUTANT") {
        let mutant = Mutant::numbered(number(&one));
        println!("{}", mutant.describe());
        println!("{:?}", tried(mutant, true));
    }
    let Ok(part) = std::env::var("HARDMAX_MUTANTS") else { return };
    let mut parts = part.split('/');
    let [offset, stride] = [0, 1].map(|_| number(parts.next().unwrap()));
    let all: Vec<u64> = match parts.next() {
        None => (0..total).collect(),
        Some("layers") => (0..total).filter(|&number| of_layers(number)).collect(),
        Some(other) => panic!("what are {other}?"),
    };
    println!("{} mutants in all parts", all.len());
    let (begin, mut told) = (Instant::now(), Instant::now());
    let mut counts = Counts::default();
    for &number in all.iter().skip(offset as usize).step_by(stride as usize) {
        let of = catch_unwind(|| tried(Mutant::numbered(number), false));
        let of = of.unwrap_or(Counts { mutants: 1, differences: 1, ..Counts::default() });
        if of.differences > 0 {
            println!("that was mutant {number}, {}", Mutant::numbered(number).describe());
        }
        counts += of;
        if told.elapsed().as_secs() >= 60 {
            println!("{number} of {total}, {:.0?}: {counts:?}", begin.elapsed());
            told = Instant::now();
        }
    }
    println!("part {part} of {total}, {:.0?}: {counts:?}", begin.elapsed());
    assert_eq!(counts.differences, 0);
}
