//! Of which class the next token is, and the logits.
//!
//! Four classes: the end of the instruction (0), a byte (1), `branch_taken` (2), a
//! digit (3).
//! A number r picks the token v of a class by 2v·r - v² = r² - (v-r)², which is
//! greatest at v = r; so do classes themselves, with a factor that outweighs
//! everything inside a class.
//!
//! A digit is a quotient: the score of v is v·(r+1) - v(v+1)/2·d, which v+1 exceeds by
//! r + 1 - d(v+1). That is positive just when d(v+1) ≤ r, so floor(r/d) is the least
//! of the greatest. With r and d below 2³³ all of it is whole and below 2⁵³.

use super::code::Code;
use super::features::{Token, end_number};
use super::history::History;
use super::operands::{OPERANDS, Operands};
use super::result::{DIVIDE, Next};
use crate::graph::{Graph, Linear};
use crate::machine::{End, Op, Symbol};

/// Outweighs r² for every byte r, so that `out(..)` is ordered by its byte only
/// among its like.
const END: f64 = 1e7;

/// Outweighs `END` times the square of every end's number, and the scores of digits
/// outside of their class: at most 1023·2³³.
const CLASS: f64 = 1e13;

const BYTE_CLASS: f64 = 1.0;
const BRANCH_CLASS: f64 = 2.0;
const DIGIT_CLASS: f64 = 3.0;

/// Above the number of calls that can be open.
const CALLS: f64 = (1u64 << 30) as f64;

/// Above the end of every access.
const GREATEST_END: f64 = (1u64 << 34) as f64;

/// Instructions that write digits.
const WRITES_DIGITS: &[Op] = &[Op::MulHigh, Op::Mul, Op::DivU, Op::RemU];

/// Sets the logits.
pub fn predict(
    graph: &mut Graph,
    code: &Code,
    (token, history, operands): (&Token, &History, &Operands),
    next: &Next,
    calls: Option<u32>,
) {
    let one = graph.one();
    let traps = traps(graph, token, history, operands, calls);
    let class = class(graph, token, history, operands, &traps);
    let class = graph.persist_whole("class", class, DIGIT_CLASS);
    let end = end(graph, token, operands, &traps);
    let end = graph.persist_whole("end", end, 64.0);

    let pick = |number: Linear, v: f64| number * (2.0 * v) - one * (v * v);
    let of_class = |v: f64| pick(class.into(), v) * CLASS;
    let of_end = |v: f64| pick(end.into(), v) * END;
    let of_byte = |byte: u8| pick(next.byte.into(), f64::from(byte));
    let first = code.first(graph);
    for (id, &symbol) in code.vocabulary().iter().enumerate() {
        let logit = match symbol {
            Symbol::Byte(byte) => of_class(BYTE_CLASS) + of_byte(byte),
            // Half a step above its twin when marked, else half a step below.
            Symbol::Marked(byte) => of_class(BYTE_CLASS) + of_byte(byte) + next.mark - one * 0.5,
            Symbol::Digit(digit) => {
                let v = f64::from(digit);
                let multiples = v * (v + 1.0) / 2.0;
                of_class(DIGIT_CLASS) + next.dividend * v - next.divisor * multiples
            }
            Symbol::Trap => of_end(end_number(End::Trap, false)),
            Symbol::BranchTaken => of_class(BRANCH_CLASS),
            Symbol::Out(byte) => of_end(end_number(End::Output, false)) + of_byte(byte),
            Symbol::Commit { depth, pushes, branched } => {
                of_end(end_number(End::Commit { depth, pushes }, branched))
            }
            Symbol::CallCommit => of_end(end_number(End::Call, false)),
            Symbol::ReturnCommit => of_end(end_number(End::Return, false)),
            Symbol::MemoryCommit => of_end(end_number(End::Memory, false)),
            Symbol::Instruction(Op::Halt) => of_end(end_number(End::Halt, false)),
            // Tokens of the prompt: never.
            Symbol::Open | Symbol::Close | Symbol::Start | Symbol::Instruction(_) => {
                one * (-10.0 * CLASS)
            }
        };
        let at_start = first.as_ref().filter(|first| first.0 == symbol);
        graph.predict(id, logit + at_start.map_or(Linear::zero(), |first| first.1.clone()));
    }
}

/// A byte while fewer than `bytes` are written; but a branch that has not yet said
/// so says `branch_taken` first, `br_if` ends at once if it is not taken, digits
/// come before bytes, and what traps ends at once.
fn class(
    graph: &mut Graph,
    token: &Token,
    history: &History,
    operands: &Operands,
    traps: &[Trap],
) -> Linear {
    let (one, i) = (graph.one(), history.i);
    let opcode = &operands.instruction.opcode;
    let byte = graph.step(operands.instruction.bytes - i, one);
    let silent = one - i - token.branched;
    let jumps = opcode.units(graph, &[Op::Br, Op::Call, Op::Return], silent.clone(), one);
    let may_jump = opcode.units(graph, &[Op::BrIf], silent.clone(), one);
    let nonzero = operands.top + (silent - one) * OPERANDS;
    let does_jump = opcode.steps(graph, &[Op::BrIf], nonzero, OPERANDS, one);
    let digits = opcode.units(graph, WRITES_DIGITS, history.before_digits, one);
    let trapping = traps.iter().map(|trap| trap.holds.clone() * trap.class).sum::<Linear>();
    byte * BYTE_CLASS + jumps * (BRANCH_CLASS - BYTE_CLASS) - may_jump * BYTE_CLASS
        + does_jump * BRANCH_CLASS
        + digits * (DIGIT_CLASS - BYTE_CLASS)
        - trapping
}

/// Why an instruction traps, or just has.
struct Trap {
    /// 1 where it does, else 0.
    holds: Linear,
    /// The class of the token that would be next.
    class: f64,
    /// An instruction that it happens to: all end alike.
    op: Op,
}

/// What traps but for `unreachable`; a call where `calls` are open already. Asked at the first token of an
/// instruction.
fn traps(
    graph: &mut Graph,
    token: &Token,
    history: &History,
    operands: &Operands,
    calls: Option<u32>,
) -> Vec<Trap> {
    let one = graph.one();
    let Operands { instruction, top, second, immediate, .. } = operands;
    let opcode = &instruction.opcode;
    let first = history.before_digits - one;

    let holds = opcode.units(graph, DIVIDE, history.before_digits - *top, one);
    let mut traps = vec![Trap { holds, class: DIGIT_CLASS, op: Op::DivU }];
    if let Some(memory) = &operands.memory {
        let accesses =
            [(&instruction.loads, top, Op::Load), (&instruction.stores, second, Op::Store)];
        for (bytes, address, op) in accesses {
            let end = immediate.clone() + *address + bytes.clone();
            let beyond = end - memory.size + first.clone() * GREATEST_END;
            traps.push(Trap { holds: graph.step(beyond, one), class: BYTE_CLASS, op });
        }
    }
    if let Some(most) = calls {
        let too_many = operands.calls.clone() - one * (f64::from(most) - 1.0);
        let too_many = too_many + (first - token.branched) * CALLS;
        let holds = opcode.steps(graph, &[Op::Call], too_many, CALLS, one);
        traps.push(Trap { holds, class: BRANCH_CLASS, op: Op::Call });
    }
    traps
}

/// The number of the token that ends the instruction: the instruction's own; one more after a taken branch;
/// `trap` where it traps; `halt` after `trap`.
fn end(graph: &mut Graph, token: &Token, operands: &Operands, traps: &[Trap]) -> Linear {
    let instruction = &operands.instruction;
    let trap = end_number(End::Trap, false);
    let taken = instruction.opcode.steps(graph, &[Op::BrIf], operands.top, OPERANDS, graph.one());
    let trapping =
        traps.iter().map(|it| it.holds.clone() * (trap - end_number(it.op.end(), false)));
    instruction.end
        + taken
        + trapping.sum::<Linear>()
        + token.trapped * (end_number(End::Halt, false) - trap)
}
