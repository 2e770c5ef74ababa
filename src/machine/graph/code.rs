//! Where the program is: in the prompt, or in the weights. All else of the machine is the same.
//!
//! In the *prompt* an instruction is a name and four bytes: its place is a position, attention
//! fetches what the name's embedding says, and the bytes of an immediate are tokens like any other.
//!
//! In the *weights* the place is the program counter itself, and whatever there is to say of an
//! instruction is a function of this whole number: one unit for each instruction bends all
//! functions at once ([`Graph::tabulated`]). Nothing is fetched, but the functions are of the program
//! counter, which is first rounded, and their values are there half a layer later.
//! What is too large to be summed up in one function comes in parts: an immediate as four bytes, and
//! the properties of comparisons as what they are made of.

use super::features::{self, Instruction, NEVER, Token};
use super::history::History;
use super::opcode::{Opcode, number};
use super::result::IMMEDIATE;
use crate::graph::range::LONGEST;
use crate::graph::{Graph, Linear, Value};
use crate::machine::{Embedded, Op, Symbol};

/// Where the program is.
pub enum Code<'p> {
    /// In the prompt, between braces.
    Prompt,
    /// In the weights; the prompt begins with `start`.
    Weights(&'p Embedded),
}

/// What is known of the instruction at hand.
pub struct Fetched {
    /// Its properties.
    pub instruction: Instruction,
    /// The immediate.
    pub immediate: Linear,
    /// The same, byte by byte.
    pub immediate_bytes: Immediate,
}

/// The bytes of an immediate.
pub enum Immediate {
    /// They are tokens, of which the first stands at a position, nearly a whole number.
    At(Linear),
    /// They are known.
    Are {
        /// The lowest first.
        bytes: [Value; 4],
        /// 1 if the instruction writes them, else 0.
        written: Value,
    },
}

/// Tokens of the prompt an instruction takes: its name and four bytes.
const INSTRUCTION_TOKENS: f64 = 5.0;

/// The stack's depth before a run, so that the three topmost depths always exist.
pub const FIRST_DEPTH: f64 = 3.0;

impl Code<'_> {
    /// The tokens, in the order of ids.
    pub fn vocabulary(&self) -> &'static [Symbol] {
        match self {
            Code::Prompt => Symbol::with_program(),
            Code::Weights(_) => Symbol::without_program(),
        }
    }

    /// The token that stands at position 0 and nowhere else.
    pub fn bos(&self) -> Symbol {
        match self {
            Code::Prompt => Symbol::Open,
            Code::Weights(_) => Symbol::Start,
        }
    }

    /// How far apart the places of two neighbouring instructions are.
    pub fn step(&self) -> f64 {
        match self {
            Code::Prompt => INSTRUCTION_TOKENS,
            Code::Weights(_) => 1.0,
        }
    }

    /// The stack's depth before anything is pushed, as far as no token says it: `}` does.
    pub fn depth_at_start(&self, graph: &Graph) -> Linear {
        match self {
            Code::Prompt => Linear::zero(),
            Code::Weights(_) => graph.one() * FIRST_DEPTH,
        }
    }

    /// The place of the current instruction, of the nearly whole sum of all moves. In the prompt it
    /// is the position of the name, and 0, which names nothing, before the program is closed. In
    /// the weights it is the program counter, a whole number.
    pub fn place(&self, graph: &mut Graph, moved: Value) -> Value {
        match self {
            Code::Prompt => graph.persist("place", moved),
            Code::Weights(program) => {
                let begin = graph.one() * program.begin as f64;
                graph.round("program counter", begin + moved, LONGEST)
            }
        }
    }

    /// The instruction at the current place.
    pub fn fetch(
        &self,
        graph: &mut Graph,
        (token, ops): (&Token, &[Op]),
        history: &History,
    ) -> Fetched {
        match self {
            Code::Prompt => from_prompt(graph, (token, ops), history),
            Code::Weights(program) => from_weights(graph, program, ops, history.place),
        }
    }

    /// The first token behind `start`, and its logit there, which is 0 everywhere else.
    pub fn first(&self, graph: &mut Graph) -> Option<(Symbol, Linear)> {
        match self {
            Code::Prompt => None,
            Code::Weights(program) => {
                let symbols = self.vocabulary();
                let is_start = |id: usize| f64::from(u8::from(symbols[id] == Symbol::Start));
                Some((program.first, graph.feature("start", is_start) * program.told as f64))
            }
        }
    }

    /// What memory has before a run: the bytes that are not zero, and some others.
    pub fn memory(&self) -> &[(u64, Vec<u8>)] {
        match self {
            Code::Prompt => &[],
            Code::Weights(program) => &program.memory,
        }
    }
}

fn from_prompt(graph: &mut Graph, (token, ops): (&Token, &[Op]), history: &History) -> Fetched {
    let (one, place) = (graph.one(), history.place);
    let instruction = Instruction::fetch(graph, (token, ops), |graph, pair| {
        let name = format!("instruction's {}", graph.name(pair[0]));
        let values: Vec<Linear> = pair.iter().map(|&feature| feature.into()).collect();
        graph.gather(&name, place, &values)
    });
    // The value at a position is that of the four bytes before it.
    let behind = place + one * INSTRUCTION_TOKENS;
    let immediate = graph.gather("immediate", behind, &[history.value.into()])[0].into();
    Fetched { instruction, immediate, immediate_bytes: Immediate::At(place + one) }
}

/// What is asked of an instruction and its immediate, and its name.
type Column = (&'static str, fn(Op, u32) -> f64);

/// What is asked of an instruction in the weights, each a number of few digits.
const COLUMNS: [Column; 17] = [
    ("number", |op, _| number(op)),
    ("number squared", |op, _| number(op) * number(op)),
    ("end", |op, _| features::end(op)),
    ("bytes", |op, _| features::bytes(op)),
    ("signed", |op, _| features::signed(op)),
    ("wide", |op, _| features::wide(op)),
    ("never less", |op, _| f64::from(features::less(op) == NEVER)),
    ("never greater", |op, _| f64::from(features::greater(op) == NEVER)),
    ("or equal", |op, _| f64::from(features::less(op) == 1.0 || features::greater(op) == 1.0)),
    ("accesses", |op, _| f64::from(op.accesses())),
    ("never loads", |op, _| f64::from(features::loads(op) == NEVER)),
    ("never stores", |op, _| f64::from(features::stores(op) == NEVER)),
    ("writes its immediate", |op, _| f64::from(IMMEDIATE.contains(&op))),
    ("immediate's byte 0", |_, immediate| f64::from(immediate.to_le_bytes()[0])),
    ("immediate's byte 1", |_, immediate| f64::from(immediate.to_le_bytes()[1])),
    ("immediate's byte 2", |_, immediate| f64::from(immediate.to_le_bytes()[2])),
    ("immediate's byte 3", |_, immediate| f64::from(immediate.to_le_bytes()[3])),
];

fn from_weights(
    graph: &mut Graph,
    program: &Embedded,
    ops: &[Op],
    program_counter: Value,
) -> Fetched {
    let columns = COLUMNS.map(|(_, of)| {
        program.code.iter().map(|instruction| of(instruction.op, instruction.immediate)).collect()
    });
    let tabulated = graph.tabulated(program_counter, &columns);
    let mut values = COLUMNS.iter().zip(&columns).zip(tabulated).map(|((column, numbers), sum)| {
        let most = numbers.iter().fold(0.0, |most: f64, number: &f64| most.max(number.abs()));
        graph.persist_whole(&format!("instruction's {}", column.0), sum, most)
    });
    let mut next = || values.next().expect("a value for each column");
    let [number, square, end, bytes, signed, wide] = [(); 6].map(|()| next());
    let [never_less, never_greater, or_equal] = [(); 3].map(|()| next());
    let [accesses, never_loads, never_stores, written] = [(); 4].map(|()| next());
    let immediate_bytes = [(); 4].map(|()| next());
    drop(values);
    let immediate = (0..4).map(|k| immediate_bytes[k] * 256f64.powi(k as i32)).sum();
    let instruction = Instruction {
        opcode: Opcode { one: graph.one(), number, square, ops: ops.to_vec() },
        bytes,
        end,
        signed,
        less: never_less * NEVER + or_equal,
        greater: never_greater * NEVER + or_equal,
        loads: never_loads * NEVER + accesses,
        stores: never_stores * NEVER + accesses,
        wide,
    };
    let immediate_bytes = Immediate::Are { bytes: immediate_bytes, written };
    Fetched { instruction, immediate, immediate_bytes }
}

impl Immediate {
    /// Byte i of an immediate that is written and that no position has; byte 3 from there on.
    pub fn byte(&self, graph: &mut Graph, i: Value) -> Linear {
        let Immediate::Are { bytes, written } = self else { return Linear::zero() };
        let one = graph.one();
        // At least 1 from byte 0 on.
        let open = i + one + (*written - one) * LONGEST;
        let mut before = Linear::zero();
        let mut steps = Vec::new();
        for (k, &byte) in bytes.iter().enumerate() {
            steps.push(graph.step(open.clone() - one * k as f64, byte - before));
            before = byte.into();
        }
        steps.into_iter().sum()
    }
}
