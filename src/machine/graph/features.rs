//! What each token's embedding says: of the token itself, and, for the name of
//! an instruction, how the machine is to treat it.
//!
//! A feature costs a slot from the first layer to the round that fetches it; an
//! instruction's number on the circle costs two slots and one unit for each
//! place that asks. So properties that many instructions share, or that take
//! several values, are features, and what single instructions do is asked of the
//! circle ([`Opcode::is`]).

use crate::graph::{Graph, Linear, Value};
use crate::machine::{End, Op, Symbol};

/// Features of the token at hand.
pub struct Token {
    /// The bits of a byte token, the lowest first; for the name of an instruction
    /// its [`PROPERTIES`].
    pub bits: [Value; 8],
    /// 1 for a byte token.
    pub is_byte: Value,
    /// 1 for a byte that carries or borrows.
    pub carry: Value,
    /// 2^(7 - byte mod 8): half the power by which a shift to the right multiplies; x on the
    /// circle for the name of an instruction.
    pub right_power: Value,
    /// 2^(byte mod 8): the power by which a shift to the left multiplies; y on the circle
    /// for the name of an instruction.
    pub left_power: Value,
    /// The number of a digit token.
    pub digit: Value,
    /// 1 for a digit token.
    pub is_digit: Value,
    /// 1 for `branch_taken`.
    pub branch_taken: Value,
    /// 1 for `trap`.
    pub trapped: Value,
    /// By how much the stack grows.
    pub depth_change: Value,
    /// By how many calls the machine goes deeper.
    pub call_change: Value,
    /// By how much the place of the instruction in the prompt moves on, jumps apart.
    pub place_change: Value,
    /// Tokens an instruction takes in the prompt, for tokens that end a jump.
    pub jump: Value,
    /// 1 for tokens that push nothing.
    pub pushes_nothing: Value,
    /// 1 for tokens that call nothing.
    pub calls_nothing: Value,
    /// The property of an instruction's name that shares no slot with a bit: see
    /// [`Instruction::less`].
    less: Value,
    /// See [`Instruction::greater`].
    greater: Value,
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
}

/// The number with these bits, the lowest first.
pub fn byte(bits: &[Value; 8]) -> Linear {
    (0..8).map(|k| bits[k] * f64::from(1 << k)).sum()
}

/// Tokens of the prompt an instruction takes: its name and four bytes.
pub const INSTRUCTION_TOKENS: f64 = 5.0;

fn flag(condition: bool) -> f64 {
    if condition { 1.0 } else { 0.0 }
}

/// The features of the token at hand; the opening token has none.
pub fn token(graph: &mut Graph) -> Token {
    let mut feature = |name: &str, of: &dyn Fn(Symbol) -> f64| {
        graph.feature(name, |id| match Symbol::all()[id] {
            Symbol::Open => 0.0,
            symbol => of(symbol),
        })
    };
    let of_byte = |symbol: Symbol, of: &dyn Fn(u8) -> f64| symbol.byte().map_or(0.0, of);
    let of_op = |symbol: Symbol, of: fn(Op) -> f64| match symbol {
        Symbol::Instruction(op) => of(op),
        _ => 0.0,
    };
    Token {
        bits: [0, 1, 2, 3, 4, 5, 6, 7].map(|k| {
            let property = PROPERTIES.get(k);
            let name = property.map_or(String::new(), |property| format!(", or {}", property.0));
            feature(&format!("bit {k}{name}"), &|s| match (s, property) {
                (Symbol::Instruction(op), Some((_, of))) => of(op),
                _ => of_byte(s, &|byte| f64::from(byte >> k & 1)),
            })
        }),
        is_byte: feature("is byte", &|s| flag(s.byte().is_some())),
        carry: feature("carry", &|s| flag(matches!(s, Symbol::Marked(_)))),
        right_power: feature("right power, or x", &|s| match s {
            Symbol::Instruction(op) => on_circle(op).0,
            _ => of_byte(s, &|byte| 2f64.powi(7 - i32::from(byte % 8))),
        }),
        left_power: feature("left power, or y", &|s| match s {
            Symbol::Instruction(op) => on_circle(op).1,
            _ => of_byte(s, &|byte| 2f64.powi(i32::from(byte % 8))),
        }),
        digit: feature("digit", &|s| match s {
            Symbol::Digit(digit) => f64::from(digit),
            _ => 0.0,
        }),
        is_digit: feature("is digit", &|s| flag(matches!(s, Symbol::Digit(_)))),
        branch_taken: feature("branch taken", &|s| flag(s == Symbol::BranchTaken)),
        trapped: feature("trapped", &|s| flag(s == Symbol::Trap)),
        depth_change: feature("depth change", &depth_change),
        call_change: feature("call change", &|s| match s {
            Symbol::CallCommit => 1.0,
            Symbol::ReturnCommit => -1.0,
            _ => 0.0,
        }),
        place_change: feature("place change", &|s| match s {
            Symbol::Close => 1.0,
            _ => INSTRUCTION_TOKENS * flag(s.ends_instruction()),
        }),
        jump: feature("jump", &|s| INSTRUCTION_TOKENS * flag(s.jumps())),
        pushes_nothing: feature("pushes nothing", &|s| {
            flag(!matches!(s, Symbol::Commit { pushes: true, .. }))
        }),
        calls_nothing: feature("calls nothing", &|s| flag(s != Symbol::CallCommit)),
        less: feature("less", &|s| of_op(s, less)),
        greater: feature("greater", &|s| of_op(s, greater)),
    }
}

/// `}` sets the depth to 3, so that the three topmost depths always exist.
fn depth_change(symbol: Symbol) -> f64 {
    match symbol {
        Symbol::Commit { depth, .. } => f64::from(depth),
        Symbol::Out(_) => -1.0,
        Symbol::Close => 3.0,
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
const PROPERTIES: [Property; 6] = [
    ("end", |op| end_number(op.end(), op == Op::Br)),
    ("signed", |op| match op {
        Op::LtS | Op::LeS => 1.0,
        Op::GtS | Op::GeS => -1.0,
        _ => 0.0,
    }),
    ("direction", |op| match op {
        Op::ShrU | Op::ShrS | Op::Rotr => 1.0,
        Op::Shl | Op::Rotl => 2.0,
        Op::DivU | Op::RemU => -1.0,
        _ => 0.0,
    }),
    ("and factor", |op| match op {
        Op::And => 1.0,
        Op::Or => -1.0,
        Op::Xor => -2.0,
        _ => 0.0,
    }),
    ("bytes", |op| if op.branches() { 4.0 } else { f64::from(op.bytes()) }),
    ("unsummed", |op| {
        let shifts = matches!(op, Op::Shl | Op::ShrU | Op::ShrS | Op::Rotl | Op::Rotr);
        flag(shifts || matches!(op, Op::And | Op::Or | Op::Xor | Op::Mul))
    }),
];

fn less(op: Op) -> f64 {
    match op {
        Op::LtS | Op::LtU | Op::Ne => 0.0,
        Op::LeS | Op::LeU | Op::Eq => 1.0,
        _ => NEVER,
    }
}

fn greater(op: Op) -> f64 {
    match op {
        Op::GtS | Op::GtU | Op::Ne => 0.0,
        Op::GeS | Op::GeU | Op::Eq => 1.0,
        _ => NEVER,
    }
}

/// Below every difference of two operands.
pub const NEVER: f64 = -((1u64 << 33) as f64);

/// Properties of an instruction, fetched from its name.
pub struct Instruction {
    /// The number on the circle.
    pub opcode: Opcode,
    /// Bytes written before the end, those of jumps included.
    pub bytes: Value,
    /// Number of the token that ends the instruction, see [`end_number`].
    pub end: Value,
    /// 1 for signed comparisons by less, -1 for those by greater.
    pub signed: Value,
    /// 1 for shifts and rotations to the right, 2 for those to the left; -1 for
    /// divisions, which a gate asks for by `-direction`.
    pub direction: Value,
    /// What becomes of the conjunction of two bits: 1 for `and`, -1 for `or`, -2
    /// for `xor`, which also take the sum of both.
    pub and_factor: Value,
    /// 1 for instructions that fetch operand bytes for something else than their sum.
    pub unsummed: Value,
    /// For comparisons that hold when second < top: 0, and 1 when they hold on
    /// equality, too. [`NEVER`] for all else.
    pub less: Value,
    /// The same for second > top.
    pub greater: Value,
}

impl Instruction {
    /// The properties of the instruction whose name `fetch` finds, two at a time.
    pub fn fetch(
        graph: &mut Graph,
        token: &Token,
        mut fetch: impl FnMut(&mut Graph, &[Value]) -> Vec<Value>,
    ) -> Instruction {
        let [end, signed, direction, and_factor, bytes, unsummed, ..] = token.bits;
        let (x, y) = (token.right_power, token.left_power);
        let features =
            [x, y, bytes, end, signed, direction, and_factor, unsummed, token.less, token.greater];
        let fetched: Vec<Value> = features.chunks(2).flat_map(|pair| fetch(graph, pair)).collect();
        let [x, y, bytes, end, signed, direction, and_factor, unsummed, less, greater] =
            fetched.try_into().expect("as many come back");
        let opcode = Opcode { one: graph.one(), x, y };
        Instruction { opcode, bytes, end, signed, direction, and_factor, unsummed, less, greater }
    }

    /// `factor` for divisions where `condition`, which is never more than 1, is 1: one unit.
    pub fn division(
        &self,
        graph: &mut Graph,
        condition: impl Into<Linear>,
        factor: impl Into<Linear>,
    ) -> Linear {
        let gate = condition.into() - self.direction - graph.one();
        graph.unit(gate, factor).into()
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

/// Squared radius of the circle of opcodes; 64 lattice points lie on it. The powers of a
/// byte, which share its slots, are a point well inside.
const CIRCLE: i32 = 32045;

/// The opcode of an instruction: a lattice point on the circle.
fn on_circle(op: Op) -> (f64, f64) {
    let radius = 0..=CIRCLE.isqrt();
    let quadrant = radius.clone().flat_map(|x| radius.clone().map(move |y| (x, y)));
    let points = quadrant.filter(|(x, y)| x * x + y * y == CIRCLE);
    let mut turned = points.flat_map(|(x, y)| [(x, y), (-y, x), (-x, -y), (y, -x)]);
    let (x, y) = turned.nth(op as usize).expect("there are at most 64 instructions");
    (f64::from(x), f64::from(y))
}

/// The fetched point on the circle.
pub struct Opcode {
    one: Value,
    x: Value,
    y: Value,
}

impl Opcode {
    /// The sum of one unit for each instruction: `factor` where it is this one and
    /// `condition`, which is never more than 1, is 1.
    pub fn units(
        &self,
        graph: &mut Graph,
        ops: &[Op],
        condition: impl Into<Linear>,
        factor: impl Into<Linear>,
    ) -> Linear {
        let (condition, factor) = (condition.into(), factor.into());
        let others = condition - self.one;
        let unit = |op: &Op| graph.unit(self.is(*op) + others.clone(), factor.clone());
        ops.iter().map(unit).map(Linear::from).sum()
    }

    /// 1 for this instruction, 0 or less for any other and for none: two points p
    /// and q of a circle have p·q = r² - |p-q|²/2.
    pub fn is(&self, op: Op) -> Linear {
        let (x, y) = on_circle(op);
        self.x * x + self.y * y + self.one * f64::from(1 - CIRCLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_read_as_bits_make_a_byte() {
        for &op in Op::ALL {
            let number: f64 = (0..).zip(PROPERTIES).map(|(k, (_, of))| 2f64.powi(k) * of(op)).sum();
            assert!((0.0..256.0).contains(&number), "{op:?}: {number}");
        }
    }

    #[test]
    fn every_instruction_has_its_own_point_on_the_circle() {
        for &a in Op::ALL {
            let (x, y) = on_circle(a);
            for &b in Op::ALL {
                let (u, v) = on_circle(b);
                let test = x * u + y * v + f64::from(1 - CIRCLE);
                assert!(if a == b { test == 1.0 } else { test <= 0.0 }, "{a:?} {b:?}");
            }
        }
    }
}
