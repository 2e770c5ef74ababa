//! Round three: the current instruction, and what lies on top of the stack.

use super::code::{Code, Fetched, Immediate};
use super::features::{Instruction, Token};
use super::history::History;
use crate::graph::{Graph, Key, Linear, Value};
use crate::machine::Op;

/// The current instruction, and its operands as numbers and as positions.
pub struct Operands {
    /// The instruction.
    pub instruction: Instruction,
    /// The immediate.
    pub immediate: Linear,
    /// The top of the stack.
    pub top: Value,
    /// The value below the top.
    pub second: Value,
    /// Calls that have not returned.
    pub calls: Linear,
    /// By how many bytes a shift by the top moves.
    pub bytes_shifted: Value,
    /// For instructions on eight bytes -1, 0 or 1, as the low word of the top is less than,
    /// equal to or greater than that of the second.
    pub low_order: Value,
    /// For instructions on eight bytes the low word of the top.
    pub top_low: Value,
    /// Sign bit of the top.
    pub top_negative: Value,
    /// 1 when the top is not 0.
    pub nonzero: Value,
    /// Sign bit of the second.
    pub second_negative: Value,
    /// Position of the first of the last four bytes of the top.
    pub top_at: Linear,
    /// Position of the first of the last four bytes of the second.
    pub second_at: Linear,
    /// Position of the first of the last four bytes of the third.
    pub third_at: Linear,
    /// The bytes of the immediate.
    pub immediate_bytes: Immediate,
    /// Position of byte 0 of the immediate of the latest call on this depth.
    pub call_at: Linear,
    /// The memory's size, if the machine has an instruction that says it.
    pub memory: Option<Memory>,
}

/// The memory's size.
pub struct Memory {
    /// Bytes; [`ENDLESS`] where nothing said it.
    pub size: Value,
    /// Position of the first of the bytes that said it.
    pub said_at: Linear,
}

/// Above the last byte of every access.
const ENDLESS: f64 = (1u64 << 34) as f64;

/// Bytes of a page of memory.
const PAGE: f64 = 65536.0;

/// Above every operand.
pub const OPERANDS: f64 = (1u64 << 32) as f64;

/// Round three.
pub fn operands(
    graph: &mut Graph,
    code: &Code,
    (token, ops): (&Token, &[Op]),
    history: &History,
) -> Operands {
    let (one, t) = (graph.one(), graph.position());
    let value = history.value;

    let Fetched { instruction, immediate, immediate_bytes } =
        code.fetch(graph, (token, ops), history);

    let depth = history.depth.number.clone();
    let mut at_depth = |name: &str, below: f64, values: &[Value]| {
        let values: Vec<Linear> = values.iter().map(|&v| v.into()).collect();
        graph.latest(name, &history.depth, depth.clone() - one * below, &values)
    };
    let top = at_depth("top", 0.0, &[value, t]);
    let tested = at_depth("top, tested", 0.0, &[history.bytes_shifted, history.nonzero]);
    let of_eight = at_depth("top, of eight bytes", 0.0, &[history.half_shifted, history.low_word]);
    let top_negative = at_depth("top's sign", 0.0, &[history.negative])[0];
    let second = at_depth("second", 1.0, &[value, t]);
    let second_tested = at_depth("second, tested", 1.0, &[history.negative, history.low_word]);
    let third = at_depth("third", 2.0, &[t])[0];
    let call = graph.latest("call", &history.calls, history.calls.number.clone(), &[t.into()])[0];

    let wide = instruction.wide;
    // Nothing for instructions on four bytes, before whose operands anything may stand.
    let closed = (wide - one * 4.0) * (OPERANDS / 4.0);
    let top_low = graph.unit(of_eight[1] + closed.clone(), one);
    let top_low = graph.persist_whole("top's low word", top_low, OPERANDS);
    let low_order = graph.step(of_eight[1] - second_tested[1] + closed.clone() * 2.0, one)
        - graph.step(second_tested[1] - of_eight[1] + closed * 2.0, one);
    let low_order = graph.persist_whole("order of low words", low_order, 1.0);

    let half = graph.unit(of_eight[0] * 4.0 + wide - one * 4.0, one);
    let bytes_shifted = graph.persist_whole("bytes moved", tested[0] + half, 7.0);

    let memory = ops.contains(&Op::MemoryResize).then(|| memory(graph, token, value));
    // A value's last four bytes are the four tokens before the one that commits it.
    let mut bytes_of = |name: &str, commit: Value| graph.persist(name, commit) - one * 4.0;
    Operands {
        top_at: bytes_of("commit of top", top[1]),
        second_at: bytes_of("commit of second", second[1]),
        third_at: bytes_of("commit of third", third),
        call_at: bytes_of("commit of call", call),
        memory,
        instruction,
        immediate,
        immediate_bytes,
        top: top[0],
        second: second[0],
        calls: history.calls.number.clone(),
        bytes_shifted,
        low_order,
        top_low,
        top_negative,
        nonzero: tested[1],
        second_negative: second_tested[0],
    }
}

/// What the latest `memory_commit` said.
fn memory(graph: &mut Graph, token: &Token, value: Value) -> Memory {
    let (one, t) = (graph.one(), graph.position());
    let (number, square) = (Linear::zero(), Linear::zero());
    let key = Key { number, square, dead: token.resizes_nothing.into() };
    let pages = graph.latest("pages", &key, Linear::zero(), &[value.into(), t.into()]);
    // Where nothing said it, position 0 is found.
    let said = graph.latest("memory's size is said", &key, Linear::zero(), &[one.into()])[0];
    let size = pages[0] * PAGE + (one - said) * ENDLESS;
    Memory {
        size: graph.persist_whole("memory's size", size, OPERANDS * PAGE),
        said_at: graph.persist("commit of memory", pages[1]) - one * 4.0,
    }
}
