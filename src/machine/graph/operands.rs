//! Round three: the current instruction, and what lies on top of the stack.

use super::features::{self, INSTRUCTION_TOKENS, Opcode};
use super::history::History;
use crate::graph::{Graph, Linear, Value};

/// The current instruction, its addresses, and its operands as numbers and as
/// positions.
pub struct Operands {
    /// Which instruction it is.
    pub opcode: Opcode,
    /// Its features, fetched.
    pub instruction: features::Instruction,
    /// Effective address when the top is an address.
    pub top_address: Value,
    /// Effective address when the second is one.
    pub second_address: Value,
    /// Number of the local in question, over all call depths, times 4.
    pub local: Value,
    /// 1 when the top is not 0.
    pub nonzero: Value,
    /// Sign bit of the second less that of the top.
    pub sign_difference: Value,
    /// Position of byte j of the top.
    pub top_byte: Linear,
    /// Position of byte j of the second.
    pub second_byte: Linear,
    /// Position of byte j of the third.
    pub third_byte: Linear,
    /// Position of byte j of the immediate.
    pub immediate_byte: Linear,
    /// Position of byte j of the immediate of the latest call on this depth.
    pub call_byte: Linear,
}

/// Bytes between the locals of one call depth and those of the next: room for
/// 1,024 locals.
pub const LOCALS: f64 = 4096.0;

/// Round three.
pub fn operands(graph: &mut Graph, names: &features::Instruction, history: &History) -> Operands {
    let (one, t) = (graph.one(), graph.position());
    let History { j, place, value, .. } = *history;

    let instruction = fetch_instruction(graph, names, place);
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
    let second = at_depth("second", 1.0, &[value, t]);
    let second_test = at_depth("second, tested", 1.0, &[history.negative]);
    let third = at_depth("third", 2.0, &[t])[0];
    let call = graph.latest("call", &history.calls, history.calls.number.clone(), &[t.into()])[0];

    let top_address = graph.persist("top address", top[0] + immediate);
    let second_address = graph.persist("second address", second[0] + immediate);
    let locals_of_call = history.calls.number.clone() * LOCALS;
    let local = graph.persist("local", locals_of_call + immediate * 4.0);
    let nonzero = graph.persist("top is not zero", top_test[0]);
    let sign_difference = graph.persist("sign difference", second_test[0] - top_test[1]);
    // A value's bytes are the four tokens before the one that commits it.
    let mut byte_of = |name: &str, commit: Value| graph.persist(name, commit) + j - one * 4.0;
    let [top_byte, second_byte, third_byte, call_byte] = [
        byte_of("commit of top", top[1]),
        byte_of("commit of second", second[1]),
        byte_of("commit of third", third),
        byte_of("commit of call", call),
    ];
    Operands {
        opcode: Opcode::new(graph, instruction.x, instruction.y),
        top_address,
        second_address,
        local,
        nonzero,
        sign_difference,
        top_byte,
        second_byte,
        third_byte,
        call_byte,
        immediate_byte: place + one + j,
        instruction,
    }
}

/// The features of the instruction whose name stands at `place`, two a head.
fn fetch_instruction(
    graph: &mut Graph,
    names: &features::Instruction,
    place: Value,
) -> features::Instruction {
    names.map_pairs(|pair| {
        let name = format!("instruction {}", graph.name(pair[0]));
        let values: Vec<Linear> = pair.iter().map(|&feature| feature.into()).collect();
        graph.gather(&name, place, &values)
    })
}
