//! Round three: the current instruction, and what lies on top of the stack.

use super::features::{INSTRUCTION_TOKENS, Instruction, Token};
use super::history::History;
use crate::graph::{Graph, Linear, Value};

/// The current instruction, its addresses, and its operands as numbers and as
/// positions.
pub struct Operands {
    /// The instruction.
    pub instruction: Instruction,
    /// Effective address when the top is an address; the top where there is no
    /// immediate.
    pub top_address: Value,
    /// The same of the second.
    pub second_address: Value,
    /// Number of the local in question, over all call depths, times 4.
    pub local: Value,
    /// 1 when the top is not 0.
    pub nonzero: Value,
    /// Bits of the top that are 1.
    pub ones: Value,
    /// By how many bytes a shift by the top moves.
    pub bytes_shifted: Value,
    /// Half the power of a shift by the top to the right, and the power to the left.
    pub powers: [Value; 2],
    /// Sign bit of the top.
    pub top_negative: Value,
    /// Sign bit of the second.
    pub second_negative: Value,
    /// Position of byte 0 of the top.
    pub top: Linear,
    /// Position of byte 0 of the second.
    pub second: Linear,
    /// Position of byte 0 of the third.
    pub third: Linear,
    /// Position of byte 0 of the immediate.
    pub immediate: Linear,
    /// Position of byte 0 of the immediate of the latest call on this depth.
    pub call: Linear,
}

/// Bytes between the locals of one call depth and those of the next: room for
/// 1,024 locals.
pub const LOCALS: f64 = 4096.0;

/// Round three.
pub fn operands(graph: &mut Graph, token: &Token, history: &History) -> Operands {
    let (one, t) = (graph.one(), graph.position());
    let History { place, value, .. } = *history;

    let instruction = Instruction::fetch(graph, token, |graph, pair| {
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
    let top_test = at_depth("top, tested", 0.0, &[history.nonzero, history.negative]);
    let top_count = at_depth("top, counted", 0.0, &[history.ones, history.bytes_shifted]);
    let powers = at_depth("top, as a power", 0.0, &history.powers);
    let second = at_depth("second", 1.0, &[value, t]);
    let second_test = at_depth("second, tested", 1.0, &[history.negative]);
    let third = at_depth("third", 2.0, &[t])[0];
    let call = graph.latest("call", &history.calls, history.calls.number.clone(), &[t.into()])[0];

    let locals_of_call = history.calls.number.clone() * LOCALS;
    // A value's bytes are the four tokens before the one that commits it.
    let mut bytes_of = |name: &str, commit: Value| graph.persist(name, commit) - one * 4.0;
    Operands {
        top: bytes_of("commit of top", top[1]),
        second: bytes_of("commit of second", second[1]),
        third: bytes_of("commit of third", third),
        call: bytes_of("commit of call", call),
        immediate: place + one,
        instruction,
        top_address: graph.persist("top address", top[0] + immediate),
        second_address: graph.persist("second address", second[0] + immediate),
        local: graph.persist("local", locals_of_call + immediate * 4.0),
        nonzero: graph.persist("top is not zero", top_test[0]),
        ones: graph.persist("ones of top", top_count[0]),
        bytes_shifted: graph.persist("bytes shifted by top", top_count[1]),
        powers: [powers[0], powers[1]],
        top_negative: graph.persist("top is negative", top_test[1]),
        second_negative: graph.persist("second is negative", second_test[0]),
    }
}
