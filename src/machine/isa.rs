//! The instruction set: names, immediates' meaning and the tokens an
//! instruction ends with. What an instruction *computes* is said twice, on
//! purpose and independently: in [`super::graph`] and in [`crate::oracle`].

/// The token that ends an instruction, and by which the machine's state moves on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum End {
    /// `commit(sd,sts,bt)`: `depth` is the change of the stack depth, `pushes`
    /// says that the four bytes before are the new top.
    Commit {
        /// Change of the stack depth.
        depth: i8,
        /// Whether the committed value becomes the top of the stack.
        pushes: bool,
    },
    /// `out(..)`: the low byte of the top, which is popped.
    Output,
    /// `call_commit`.
    Call,
    /// `return_commit`.
    Return,
    /// `halt`, the stop token.
    Halt,
    /// `trap`, after which only `halt` can follow.
    Trap,
}

const fn commit(depth: i8, pushes: bool) -> End {
    End::Commit { depth, pushes }
}

/// Declares the instructions in token order, each with its name and its end.
macro_rules! instructions {
    ($($(#[$doc:meta])* $op:ident $name:literal $end:expr;)*) => {
        /// An instruction of the machine.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Op { $($(#[$doc])* $op,)* }

        impl Op {
            /// All instructions, in the order of their tokens.
            pub const ALL: &[Op] = &[$(Op::$op,)*];

            /// The name, which is also the token.
            pub fn name(self) -> &'static str {
                match self { $(Op::$op => $name,)* }
            }

            /// The token that ends the instruction. Taken branches end with the
            /// commit's twin `bt=1`.
            pub fn end(self) -> End {
                match self { $(Op::$op => $end,)* }
            }
        }
    };
}

instructions! {
    /// Pushes the immediate.
    Const "i32.const" commit(1, true);
    /// Pushes the local named by the immediate.
    LocalGet "local.get" commit(1, true);
    /// Pops into a local.
    LocalSet "local.set" commit(-1, false);
    /// Copies the top into a local.
    LocalTee "local.tee" commit(0, false);
    /// Replaces an address by the word there.
    Load "i32.load" commit(0, true);
    /// Replaces an address by the byte there.
    Load8U "i32.load8_u" commit(0, true);
    /// Replaces an address by the signed byte there.
    Load8S "i32.load8_s" commit(0, true);
    /// Replaces an address by the half word there.
    Load16U "i32.load16_u" commit(0, true);
    /// Replaces an address by the signed half word there.
    Load16S "i32.load16_s" commit(0, true);
    /// Pops a value and an address, writes four bytes.
    Store "i32.store" commit(-2, false);
    /// Pops a value and an address, writes one byte.
    Store8 "i32.store8" commit(-2, false);
    /// Pops a value and an address, writes two bytes.
    Store16 "i32.store16" commit(-2, false);
    /// Pops.
    Drop "drop" commit(-1, false);
    /// Pops a condition and two values, pushes one of them.
    Select "select" commit(-2, true);
    /// Sum modulo 2³².
    Add "i32.add" commit(-1, true);
    /// Difference modulo 2³².
    Sub "i32.sub" commit(-1, true);
    /// 1 when the top is 0, else 0.
    Eqz "i32.eqz" commit(0, true);
    /// Equal.
    Eq "i32.eq" commit(-1, true);
    /// Not equal.
    Ne "i32.ne" commit(-1, true);
    /// Signed less.
    LtS "i32.lt_s" commit(-1, true);
    /// Unsigned less.
    LtU "i32.lt_u" commit(-1, true);
    /// Signed greater.
    GtS "i32.gt_s" commit(-1, true);
    /// Unsigned greater.
    GtU "i32.gt_u" commit(-1, true);
    /// Signed less or equal.
    LeS "i32.le_s" commit(-1, true);
    /// Unsigned less or equal.
    LeU "i32.le_u" commit(-1, true);
    /// Signed greater or equal.
    GeS "i32.ge_s" commit(-1, true);
    /// Unsigned greater or equal.
    GeU "i32.ge_u" commit(-1, true);
    /// Jumps by the immediate, counted from the next instruction.
    Br "br" commit(0, false);
    /// Pops a condition and jumps when it is not 0.
    BrIf "br_if" commit(-1, false);
    /// Jumps and remembers where from.
    Call "call" End::Call;
    /// Jumps behind the latest call that has not returned.
    Return "return" End::Return;
    /// Writes the low byte of the top to the output, and pops.
    Output "output" End::Output;
    /// Stops.
    Halt "halt" End::Halt;
    /// Stands for a payload in the prompt, written to memory from the immediate on.
    InputBase "input_base" commit(0, false);
    /// Bitwise and.
    And "i32.and" commit(-1, true);
    /// Bitwise or.
    Or "i32.or" commit(-1, true);
    /// Bitwise exclusive or.
    Xor "i32.xor" commit(-1, true);
    /// Shift to the left; like all counts, modulo 32.
    Shl "i32.shl" commit(-1, true);
    /// Shift to the right, zeros from the left.
    ShrU "i32.shr_u" commit(-1, true);
    /// Shift to the right, copies of the sign from the left.
    ShrS "i32.shr_s" commit(-1, true);
    /// Rotation to the left.
    Rotl "i32.rotl" commit(-1, true);
    /// Rotation to the right.
    Rotr "i32.rotr" commit(-1, true);
    /// How many bits are 1.
    Popcnt "i32.popcnt" commit(0, true);
    /// Product modulo 2³². Four carry digits stand before the bytes.
    Mul "i32.mul" commit(-1, true);
    /// Unsigned quotient. Four quotient digits, the highest first, stand before the
    /// bytes. A divisor of 0 traps.
    DivU "i32.div_u" commit(-1, true);
    /// Unsigned remainder, told like the quotient: its digits, then the remainder's bytes.
    RemU "i32.rem_u" commit(-1, true);
    /// Traps.
    Unreachable "unreachable" End::Trap;
    /// Pushes the two locals from the immediate on as one value of eight bytes.
    LocalGet64 "i64.local.get" commit(1, true);
    /// Pops eight bytes into two locals.
    LocalSet64 "i64.local.set" commit(-1, false);
    /// Copies eight bytes into two locals.
    LocalTee64 "i64.local.tee" commit(0, false);
    /// Replaces an address by the eight bytes there.
    Load64 "i64.load" commit(0, true);
    /// Pops a value and an address, writes eight bytes.
    Store64 "i64.store" commit(-2, false);
    /// Pops a condition of four bytes and two values of eight, pushes one of them.
    Select64 "i64.select" commit(-2, true);
    /// Sum modulo 2⁶⁴.
    Add64 "i64.add" commit(-1, true);
    /// Difference modulo 2⁶⁴.
    Sub64 "i64.sub" commit(-1, true);
    /// Bitwise and.
    And64 "i64.and" commit(-1, true);
    /// Bitwise or.
    Or64 "i64.or" commit(-1, true);
    /// Bitwise exclusive or.
    Xor64 "i64.xor" commit(-1, true);
    /// Shift to the left; the count has four bytes and is taken modulo 64.
    Shl64 "i64.shl" commit(-1, true);
    /// Shift to the right, zeros from the left.
    ShrU64 "i64.shr_u" commit(-1, true);
    /// Shift to the right, copies of the sign from the left.
    ShrS64 "i64.shr_s" commit(-1, true);
    /// Rotation to the left.
    Rotl64 "i64.rotl" commit(-1, true);
    /// Rotation to the right.
    Rotr64 "i64.rotr" commit(-1, true);
    /// 1 when the top is 0, else 0.
    Eqz64 "i64.eqz" commit(0, true);
    /// Equal.
    Eq64 "i64.eq" commit(-1, true);
    /// Not equal.
    Ne64 "i64.ne" commit(-1, true);
    /// Signed less.
    LtS64 "i64.lt_s" commit(-1, true);
    /// Unsigned less.
    LtU64 "i64.lt_u" commit(-1, true);
    /// Signed greater.
    GtS64 "i64.gt_s" commit(-1, true);
    /// Unsigned greater.
    GtU64 "i64.gt_u" commit(-1, true);
    /// Signed less or equal.
    LeS64 "i64.le_s" commit(-1, true);
    /// Unsigned less or equal.
    LeU64 "i64.le_u" commit(-1, true);
    /// Signed greater or equal.
    GeS64 "i64.ge_s" commit(-1, true);
    /// Unsigned greater or equal.
    GeU64 "i64.ge_u" commit(-1, true);
    /// Replaces eight bytes by the four low ones.
    Wrap "i32.wrap_i64" commit(0, true);
    /// Makes eight bytes of four, zeros above.
    ExtendU "i64.extend_i32_u" commit(0, true);
    /// Makes eight bytes of four, copies of the sign above.
    ExtendS "i64.extend_i32_s" commit(0, true);
    /// Pops the four low bytes and the four high ones below them, pushes both as eight.
    Join "i64.join" commit(-1, true);
}

impl Op {
    /// The instructions of the plain vocabulary, which other builders know, too: none by bits, and none
    /// that multiplies or divides.
    pub fn plain() -> &'static [Op] {
        let count = Op::ALL.iter().position(|&op| op == Op::And).unwrap_or(Op::ALL.len());
        &Op::ALL[..count]
    }

    /// Whether the instruction may write `branch_taken`.
    pub(crate) fn branches(self) -> bool {
        matches!(self, Op::Br | Op::BrIf | Op::Call | Op::Return)
    }

    /// The instruction that does with four bytes what this one does with eight: itself,
    /// unless it is one of i64 that has such a twin.
    pub(crate) fn narrow(self) -> Op {
        match self {
            Op::LocalGet64 => Op::LocalGet,
            Op::LocalSet64 => Op::LocalSet,
            Op::LocalTee64 => Op::LocalTee,
            Op::Load64 => Op::Load,
            Op::Store64 => Op::Store,
            Op::Select64 => Op::Select,
            Op::Add64 => Op::Add,
            Op::Sub64 => Op::Sub,
            Op::And64 => Op::And,
            Op::Or64 => Op::Or,
            Op::Xor64 => Op::Xor,
            Op::Shl64 => Op::Shl,
            Op::ShrU64 => Op::ShrU,
            Op::ShrS64 => Op::ShrS,
            Op::Rotl64 => Op::Rotl,
            Op::Rotr64 => Op::Rotr,
            Op::Eqz64 => Op::Eqz,
            Op::Eq64 => Op::Eq,
            Op::Ne64 => Op::Ne,
            Op::LtS64 => Op::LtS,
            Op::LtU64 => Op::LtU,
            Op::GtS64 => Op::GtS,
            Op::GtU64 => Op::GtU,
            Op::LeS64 => Op::LeS,
            Op::LeU64 => Op::LeU,
            Op::GeS64 => Op::GeS,
            Op::GeU64 => Op::GeU,
            other => other,
        }
    }

    /// Whether the instruction takes or gives eight bytes where its twin takes or gives four.
    /// Addresses, conditions and counts of shifts have four all the same.
    pub(crate) fn is_wide(self) -> bool {
        self.narrow() != self || self == Op::Wrap
    }

    /// Whether the result is 0 or 1.
    pub(crate) fn compares(self) -> bool {
        matches!(
            self.narrow(),
            Op::Eqz
                | Op::Eq
                | Op::Ne
                | Op::LtS
                | Op::LtU
                | Op::GtS
                | Op::GtU
                | Op::LeS
                | Op::LeU
                | Op::GeS
                | Op::GeU
        )
    }

    /// How many byte tokens a run of the instruction writes before its end, when
    /// it neither branches nor traps.
    pub(crate) fn bytes(self) -> u32 {
        match (self, self.end()) {
            (Op::ExtendU | Op::ExtendS | Op::Join, _) => 8,
            (Op::Wrap, _) => 4,
            (wide, _) if wide.is_wide() && !wide.compares() => 2 * wide.narrow().bytes(),
            (Op::Store16, _) => 2,
            (Op::Store8, _) => 1,
            (Op::Store | Op::LocalSet | Op::LocalTee, _) => 4,
            (_, End::Commit { pushes: true, .. }) => 4,
            _ => 0,
        }
    }
}

/// An instruction and its immediate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Instruction {
    /// What to do.
    pub op: Op,
    /// With what; 0 where the instruction takes nothing.
    pub immediate: u32,
}

impl Instruction {
    /// An instruction with its immediate.
    pub fn new(op: Op, immediate: u32) -> Self {
        Instruction { op, immediate }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let names: std::collections::BTreeSet<_> = Op::ALL.iter().map(|op| op.name()).collect();
        assert_eq!(names.len(), Op::ALL.len());
    }
}
