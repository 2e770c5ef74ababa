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
    /// The byte of a byte token.
    pub byte: Value,
    /// 1 for a byte of 128 or more.
    pub high_bit: Value,
    /// 1 for a byte token.
    pub is_byte: Value,
    /// 1 for a byte that carries or borrows.
    pub carry: Value,
    /// 1 for `branch_taken`.
    pub branch_taken: Value,
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
}

/// Tokens of the prompt an instruction takes: its name and four bytes.
pub const INSTRUCTION_TOKENS: f64 = 5.0;

fn flag(condition: bool) -> f64 {
    if condition { 1.0 } else { 0.0 }
}

/// The features of the token at hand; the opening token has none.
pub fn token(graph: &mut Graph) -> Token {
    let mut feature = |name, of: &dyn Fn(Symbol) -> f64| {
        graph.feature(name, |id| match Symbol::all()[id] {
            Symbol::Open => 0.0,
            symbol => of(symbol),
        })
    };
    Token {
        byte: feature("byte", &|s| s.byte().map_or(0.0, f64::from)),
        high_bit: feature("high bit", &|s| flag(s.byte() >= Some(128))),
        is_byte: feature("is byte", &|s| flag(s.byte().is_some())),
        carry: feature("carry", &|s| flag(matches!(s, Symbol::Marked(_)))),
        branch_taken: feature("branch taken", &|s| flag(s == Symbol::BranchTaken)),
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

/// Features of an instruction's name.
pub struct Instruction {
    /// The number on the circle, first coordinate.
    pub x: Value,
    /// Second coordinate.
    pub y: Value,
    /// Bytes written before the end, jumps included.
    pub bytes: Value,
    /// Bytes read from memory.
    pub width: Value,
    /// For comparisons that hold when second < top: 0, and 1 when they hold on
    /// equality, too. [`NEVER`] for all else.
    pub less: Value,
    /// The same for second > top.
    pub greater: Value,
    /// 1 for signed comparisons by less, -1 for those by greater.
    pub signed: Value,
    /// Number of the token that ends the instruction, see [`end_number`].
    pub end: Value,
}

impl Instruction {
    /// The same features as something else brings them, which takes two at a time.
    pub fn map_pairs(&self, bring: impl FnMut(&[Value]) -> Vec<Value>) -> Instruction {
        let Instruction { x, y, bytes, width, less, greater, signed, end } = *self;
        let features = [x, y, bytes, width, less, greater, signed, end];
        let brought: Vec<Value> = features.chunks(2).flat_map(bring).collect();
        let [x, y, bytes, width, less, greater, signed, end] =
            brought.try_into().expect("as many come back");
        Instruction { x, y, bytes, width, less, greater, signed, end }
    }
}

/// Below every difference of two operands.
pub const NEVER: f64 = -((1u64 << 33) as f64);

/// The features of an instruction's name, to be fetched.
pub fn instruction(graph: &mut Graph) -> Instruction {
    let mut feature = |name, of: &dyn Fn(Op) -> f64| {
        graph.feature(name, |id| match Symbol::all()[id] {
            Symbol::Instruction(op) => of(op),
            _ => 0.0,
        })
    };
    Instruction {
        x: feature("opcode x", &|op| on_circle(op).0),
        y: feature("opcode y", &|op| on_circle(op).1),
        bytes: feature("bytes", &|op| {
            if op.branches() { 4.0 } else { f64::from(op.bytes()) }
        }),
        width: feature("width", &|op| match op {
            Op::Load => 4.0,
            Op::Load16U | Op::Load16S => 2.0,
            Op::Load8U | Op::Load8S => 1.0,
            _ => 0.0,
        }),
        less: feature("less", &|op| match op {
            Op::LtS | Op::LtU | Op::Ne => 0.0,
            Op::LeS | Op::LeU | Op::Eq => 1.0,
            _ => NEVER,
        }),
        greater: feature("greater", &|op| match op {
            Op::GtS | Op::GtU | Op::Ne => 0.0,
            Op::GeS | Op::GeU | Op::Eq => 1.0,
            _ => NEVER,
        }),
        signed: feature("signed", &|op| match op {
            Op::LtS | Op::LeS => 1.0,
            Op::GtS | Op::GeS => -1.0,
            _ => 0.0,
        }),
        end: feature("end", &|op| end_number(op.end(), op == Op::Br)),
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

/// Squared radius of the circle of opcodes; 64 lattice points lie on it.
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
    /// The opcode with these coordinates.
    pub fn new(graph: &Graph, x: Value, y: Value) -> Opcode {
        Opcode { one: graph.one(), x, y }
    }

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
