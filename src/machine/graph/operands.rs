//! Round three: the current instruction, and what lies on top of the stack.

use super::features::{INSTRUCTION_TOKENS, Instruction, Token};
use super::history::History;
use crate::graph::{Graph, Linear, Value};
use crate::machine::Op;

/// The current instruction, and its operands as numbers and as positions.
pub struct Operands {
    /// The instruction.
    pub instruction: Instruction,
    /// The immediate.
    pub immediate: Value,
    /// The top of the stack.
    pub top: Value,
    /// The value below the top.
    pub second: Value,
    /// Calls that have not returned.
    pub calls: Linear,
    /// By how many bytes a shift by the top moves.
    pub bytes_shifted: Value,
    /// 1 when the top is not 0.
    pub nonzero: Value,
    /// Sign bit of the second.
    pub second_negative: Value,
    /// Position of byte 0 of the top.
    pub top_at: Linear,
    /// Position of byte 0 of the second.
    pub second_at: Linear,
    /// Position of byte 0 of the third.
    pub third_at: Linear,
    /// Position of byte 0 of the immediate.
    pub immediate_at: Linear,
    /// Position of byte 0 of the immediate of the latest call on this depth.
    pub call_at: Linear,
}

/// Above every operand.
pub const OPERANDS: f64 = (1u64 << 32) as f64;

/// Round three.
pub fn operands(graph: &mut Graph, (token, ops): (&Token, &[Op]), history: &History) -> Operands {
    let (one, t) = (graph.one(), graph.position());
    let History { place, value, .. } = *history;

    let instruction = Instruction::fetch(graph, (token, ops), |graph, pair| {
        let name = format!("instruction's {}", graph.name(pair[0]));
        let values: Vec<Linear> = pair.iter().map(|&feature| feature.into()).collect();
        graph.gather(&name, place, &values)
    });
    // The value at a position is that of the four bytes before it.
    let behind = place + one * INSTRUCTION_TOKENS;
    let immediate = graph.gather("immediate", behind, &[value.into()])[0];

    let depth = history.depth.number.clone();
    let mut at_depth = |name: &str, below: f64, values: &[Value]| {
        let values: Vec<Linear> = values.iter().map(|&v| v.into()).collect();
        graph.latest(name, &history.depth, depth.clone() - one * below, &values)
    };
    let top = at_depth("top", 0.0, &[value, t]);
    let tested = at_depth("top, tested", 0.0, &[history.bytes_shifted, history.nonzero]);
    let second = at_depth("second", 1.0, &[value, t]);
    let second_negative = at_depth("second, tested", 1.0, &[history.negative])[0];
    let third = at_depth("third", 2.0, &[t])[0];
    let call = graph.latest("call", &history.calls, history.calls.number.clone(), &[t.into()])[0];

    // A value's bytes are the four tokens before the one that commits it.
    let mut bytes_of = |name: &str, commit: Value| graph.persist(name, commit) - one * 4.0;
    Operands {
        top_at: bytes_of("commit of top", top[1]),
        second_at: bytes_of("commit of second", second[1]),
        third_at: bytes_of("commit of third", third),
        call_at: bytes_of("commit of call", call),
        immediate_at: place + one,
        instruction,
        immediate,
        top: top[0],
        second: second[0],
        calls: history.calls.number.clone(),
        bytes_shifted: tested[0],
        nonzero: tested[1],
        second_negative,
    }
}
