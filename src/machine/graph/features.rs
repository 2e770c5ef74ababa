//! What each token's embedding says: of the token itself, and, for the name of
//! an instruction, how the machine is to treat it.
//!
//! A property of an instruction costs a slot while it is needed, what is asked of
//! the instruction's number costs a unit for each place that asks ([`Opcode`]). A
//! slot is worth about ten units, so only the properties that take many values are
//! features.

use super::code::{Code, FIRST_DEPTH};
use super::opcode::{Opcode, number};
use crate::graph::{Graph, Linear, Value};
use crate::machine::{End, Op, Symbol};

/// Features of the token at hand.
pub struct Token {
    /// The bits of a byte token, the lowest first; for the name of an instruction
    /// its [`PROPERTIES`]; all 1 for a commit that pushes, so that there is a place
    /// where a shift finds copies of a sign.
    pub bits: [Value; 8],
    /// 1 for a byte token, 2 for one that carries or borrows.
    pub byte_kind: Value,
    /// The number of a digit token.
    pub digit: Value,
    /// 1 for a digit token.
    pub is_digit: Value,
    /// 1 for every other.
    pub is_no_digit: Value,
    /// 1 for `branch_taken`.
    pub branched: Value,
    /// 1 for `trap`.
    pub trapped: Value,
    /// By how much the stack grows.
    pub depth_change: Value,
    /// By how many calls the machine goes deeper.
    pub call_change: Value,
    /// By how much the place of the instruction moves on, jumps apart.
    pub place_change: Value,
    /// What the place counts for an instruction, for tokens that end a jump.
    pub jump: Value,
    /// 1 for tokens that push nothing.
    pub pushes_nothing: Value,
    /// 1 for tokens that call nothing.
    pub calls_nothing: Value,
    /// 1 for tokens that do not change memory's size.
    pub resizes_nothing: Value,
    /// The number of an instruction's name, see [`number`].
    number: Value,
    /// Its square.
    square: Value,
    /// See [`Instruction::less`].
    less: Value,
    /// See [`Instruction::greater`].
    greater: Value,
    /// See [`Instruction::loads`].
    loads: Value,
    /// See [`Instruction::stores`].
    stores: Value,
}

impl Token {
    /// The byte of a byte token.
    pub fn byte(&self) -> Linear {
        byte(&self.bits)
    }

    /// Number of bits that are 1.
    pub fn ones(&self) -> Linear {
        self.bits.iter().map(|&bit| Linear::from(bit)).sum()
    }

    /// 1 for a byte of 128 or more.
    pub fn high_bit(&self) -> Value {
        self.bits[7]
    }

    /// (byte mod 32) div 8: by how many bytes a shift moves.
    pub fn bytes_shifted(&self) -> Linear {
        self.bits[3] + self.bits[4] * 2.0
    }

    /// (byte mod 64) div 32: whether a shift of eight bytes moves by four more.
    pub fn half_shifted(&self) -> Linear {
        self.bits[5].into()
    }

    /// byte mod 8: by how many bits it moves within bytes.
    pub fn bits_shifted(&self) -> Linear {
        self.bits[0] + self.bits[1] * 2.0 + self.bits[2] * 4.0
    }
}

/// The number with these bits, the lowest first.
pub fn byte(bits: &[Value; 8]) -> Linear {
    (0..8).map(|k| bits[k] * f64::from(1 << k)).sum()
}

fn flag(condition: bool) -> f64 {
    if condition { 1.0 } else { 0.0 }
}

/// The features of the token at hand; BOS has none.
pub fn token(graph: &mut Graph, code: &Code) -> Token {
    let mut feature = |name: &str, of: &dyn Fn(Symbol) -> f64| {
        graph.feature(name, |id| match code.vocabulary()[id] {
            symbol if symbol == code.bos() => 0.0,
            symbol => of(symbol),
        })
    };
    let step = code.step();
    let of_op = |symbol: Symbol, of: fn(Op) -> f64| match symbol {
        Symbol::Instruction(op) => of(op),
        _ => 0.0,
    };
    Token {
        bits: [0, 1, 2, 3, 4, 5, 6, 7].map(|k| {
            let property = PROPERTIES.get(k);
            let name = property.map_or(String::new(), |property| format!(", or {}", property.0));
            feature(&format!("bit {k}{name}"), &|s| match s {
                Symbol::Instruction(op) => property.map_or(0.0, |property| property.1(op)),
                Symbol::Commit { pushes, .. } => flag(pushes),
                _ => s.byte().map_or(0.0, |byte| f64::from(byte >> k & 1)),
            })
        }),
        byte_kind: feature("byte kind", &|s| match s {
            Symbol::Byte(_) => 1.0,
            Symbol::Marked(_) => 2.0,
            _ => 0.0,
        }),
        digit: feature("digit", &|s| match s {
            Symbol::Digit(digit) => f64::from(digit),
            _ => 0.0,
        }),
        is_digit: feature("is digit", &|s| flag(matches!(s, Symbol::Digit(_)))),
        is_no_digit: feature("is no digit", &|s| flag(!matches!(s, Symbol::Digit(_)))),
        branched: feature("branched", &|s| flag(s == Symbol::BranchTaken)),
        trapped: feature("trapped", &|s| flag(s == Symbol::Trap)),
        depth_change: feature("depth change", &depth_change),
        call_change: feature("call change", &|s| match s {
            Symbol::CallCommit => 1.0,
            Symbol::ReturnCommit => -1.0,
            _ => 0.0,
        }),
        place_change: feature("place change", &|s| match s {
            Symbol::Close => 1.0,
            _ => step * flag(s.ends_instruction()),
        }),
        jump: feature("jump", &|s| step * flag(s.jumps())),
        pushes_nothing: feature("pushes nothing", &|s| {
            flag(!matches!(s, Symbol::Commit { pushes: true, .. }))
        }),
        calls_nothing: feature("calls nothing", &|s| flag(s != Symbol::CallCommit)),
        resizes_nothing: feature("resizes nothing", &|s| flag(s != Symbol::MemoryCommit)),
        number: feature("number", &|s| of_op(s, number)),
        square: feature("number squared", &|s| of_op(s, |op| number(op) * number(op))),
        less: feature("less", &|s| of_op(s, less)),
        greater: feature("greater", &|s| of_op(s, greater)),
        loads: feature("loads", &|s| of_op(s, loads)),
        stores: feature("stores", &|s| of_op(s, stores)),
    }
}

/// `}` sets the depth to 3, so that the three topmost depths always exist.
fn depth_change(symbol: Symbol) -> f64 {
    match symbol {
        Symbol::Commit { depth, .. } => f64::from(depth),
        Symbol::Out(_) | Symbol::MemoryCommit => -1.0,
        Symbol::Close => FIRST_DEPTH,
        _ => 0.0,
    }
}

/// A name and what it is of each instruction.
type Property = (&'static str, fn(Op) -> f64);

/// What the name of an instruction says where a byte says its bits, the lowest first. No
/// place is ever asked for both: bits are fetched where bytes stand, properties where a
/// name stands. Read as bits, the properties of a name make a number of 0 to 255 all the
/// same, so that whoever looks only at embeddings can bound what bytes make. See
/// [`Instruction`] for their meaning.
const PROPERTIES: [Property; 4] =
    [("end", end), ("bytes", bytes), ("signed", signed), ("wide", wide)];

/// The number of the token that ends the instruction.
pub fn end(op: Op) -> f64 {
    end_number(op.end(), op == Op::Br)
}

/// Bytes that it writes.
pub fn bytes(op: Op) -> f64 {
    if op.branches() { 4.0 } else { f64::from(op.bytes()) }
}

/// See [`Instruction::signed`].
pub fn signed(op: Op) -> f64 {
    match op.narrow() {
        Op::LtS | Op::LeS => 1.0,
        Op::GtS | Op::GeS => -1.0,
        _ => 0.0,
    }
}

/// See [`Instruction::wide`].
pub fn wide(op: Op) -> f64 {
    4.0 * flag(op.is_wide())
}

/// See [`Instruction::less`].
pub fn less(op: Op) -> f64 {
    match op.narrow() {
        Op::LtS | Op::LtU | Op::Ne => 0.0,
        Op::LeS | Op::LeU | Op::Eq => 1.0,
        _ => NEVER,
    }
}

/// See [`Instruction::greater`].
pub fn greater(op: Op) -> f64 {
    match op.narrow() {
        Op::GtS | Op::GtU | Op::Ne => 0.0,
        Op::GeS | Op::GeU | Op::Eq => 1.0,
        _ => NEVER,
    }
}

/// See [`Instruction::loads`].
pub fn loads(op: Op) -> f64 {
    match op.accesses() {
        bytes @ 1.. if pops_an_address_alone(op) => f64::from(bytes),
        _ => NEVER,
    }
}

/// See [`Instruction::stores`].
pub fn stores(op: Op) -> f64 {
    match op.accesses() {
        bytes @ 1.. if !pops_an_address_alone(op) => f64::from(bytes),
        _ => NEVER,
    }
}

/// Of what accesses memory, a load: the value that a store writes lies above its address.
fn pops_an_address_alone(op: Op) -> bool {
    matches!(op.end(), End::Commit { pushes: true, .. })
}

/// Below twice every difference of two operands, and below every address, negated.
pub const NEVER: f64 = -((1u64 << 34) as f64);

/// Properties of an instruction: in the prompt, those of its name.
pub struct Instruction {
    /// Which it is.
    pub opcode: Opcode,
    /// Bytes written before the end, those of jumps included.
    pub bytes: Value,
    /// Number of the token that ends the instruction, see [`end_number`].
    pub end: Value,
    /// 1 for signed comparisons by less, -1 for those by greater.
    pub signed: Value,
    /// For comparisons that hold when second < top: 0, and 1 when they hold on
    /// equality, too. [`NEVER`], or little more, for all else.
    pub less: Linear,
    /// The same for second > top.
    pub greater: Linear,
    /// For loads the number of bytes that must be there; [`NEVER`] for all else.
    pub loads: Linear,
    /// The same for stores.
    pub stores: Linear,
    /// 4 for instructions on eight bytes: so much before its last four bytes an operand begins.
    pub wide: Value,
}

impl Instruction {
    /// The properties of the instruction whose name `fetch` finds, two at a time.
    pub fn fetch(
        graph: &mut Graph,
        (token, ops): (&Token, &[Op]),
        mut fetch: impl FnMut(&mut Graph, &[Value]) -> Vec<Value>,
    ) -> Instruction {
        let [end, bytes, signed, wide, ..] = token.bits;
        let features =
            [token.number, token.square, end, bytes, signed, wide, token.less, token.greater];
        let fetched: Vec<Value> = features.chunks(2).flat_map(|pair| fetch(graph, pair)).collect();
        let [number, square, end, bytes, signed, wide, less, greater] =
            fetched.try_into().expect("as many come back");
        let accesses = match ops.contains(&Op::MemoryResize) {
            true => {
                fetch(graph, &[token.loads, token.stores]).into_iter().map(Linear::from).collect()
            }
            // Where memory has no end nothing asks.
            false => vec![Linear::zero(); 2],
        };
        let [loads, stores] = accesses.try_into().expect("as many come back");
        let opcode = Opcode { one: graph.one(), number, square, ops: ops.to_vec() };
        let [less, greater] = [less, greater].map(Linear::from);
        Instruction { opcode, bytes, end, signed, less, greater, loads, stores, wide }
    }
}

/// Number of the token that ends an instruction. A jump adds 1 to a commit's.
pub fn end_number(end: End, branched: bool) -> f64 {
    let mut ends: Vec<End> = Op::ALL.iter().map(|op| op.end()).collect();
    ends.sort();
    ends.dedup();
    let place = ends.binary_search(&end).expect("every end is some instruction's");
    2.0 * place as f64 + flag(branched)
}
