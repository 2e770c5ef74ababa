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
    /// `memory_commit`: the four bytes before are popped, and are the memory's size.
    Memory,
    /// `halt`, the stop token.
    Halt,
    /// `trap`, after which only `halt` can follow.
    Trap,
}

/// So many calls may be open; one more traps.
pub const MOST_CALLS: u32 = 1 << 16;

const fn commit(depth: i8, pushes: bool) -> End {
    End::Commit { depth, pushes }
}

/// Declares the instructions in token order, each with its name and its end; and behind them those on
/// eight bytes that have a twin on four, each with its name, its twin, whose end it has, and how many bytes
/// it gives or writes.
macro_rules! instructions {
    (
        { $($(#[$doc:meta])* $op:ident $name:literal $end:expr;)* }
        on eight bytes { $($wide:ident $wide_name:literal $twin:ident $bytes:literal;)* }
    ) => {
        /// An instruction of the machine.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Op {
            $($(#[$doc])* $op,)*
            $(
                #[doc = concat!("Like [`Op::", stringify!($twin), "`], on values of eight bytes.")]
                $wide,
            )*
        }

        impl Op {
            /// All instructions, in the order of their tokens.
            pub const ALL: &[Op] = &[$(Op::$op,)* $(Op::$wide,)*];

            /// The name, which is also the token.
            pub fn name(self) -> &'static str {
                match self { $(Op::$op => $name,)* $(Op::$wide => $wide_name,)* }
            }

            /// The token that ends the instruction. Taken branches end with the
            /// commit's twin `bt=1`.
            pub fn end(self) -> End {
                match self { $(Op::$op => $end,)* $(Op::$wide => Op::$twin.end(),)* }
            }

            /// The instruction that does with four bytes what this one does with eight, if there is
            /// one, and how many bytes this one gives or writes. Addresses, conditions and counts of
            /// shifts have four bytes all the same.
            fn twin(self) -> Option<(Op, u32)> {
                match self { $(Op::$wide => Some((Op::$twin, $bytes)),)* _ => None }
            }

            /// The instruction that does with eight bytes what this one does with four; itself, if
            /// there is none.
            pub(crate) fn wide(self) -> Op {
                match self { $(Op::$twin => Op::$wide,)* other => other }
            }
        }
    };
}

instructions! {
    {
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
        /// Jumps and remembers where from. Traps where [`MOST_CALLS`] have not returned.
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
        /// Replaces eight bytes by the four low ones.
        Wrap "i32.wrap_i64" commit(0, true);
        /// Makes eight bytes of four, zeros above.
        ExtendU "i64.extend_i32_u" commit(0, true);
        /// Makes eight bytes of four, copies of the sign above.
        ExtendS "i64.extend_i32_s" commit(0, true);
        /// Pops the four low bytes and the four high ones below them, pushes both as eight.
        Join "i64.join" commit(-1, true);
        /// Pushes the memory's size in pages, as [`Op::MemoryResize`] last gave it.
        MemorySize "memory.size" commit(1, true);
        /// Pops the memory's new size in pages: from here on, a load or a store that reaches beyond
        /// it traps. Before the first of these memory has no end.
        MemoryResize "memory.resize" End::Memory;
        /// Pushes the word of a global, which the immediate names.
        GlobalGet "global.get" commit(1, true);
        /// Pops into a global.
        GlobalSet "global.set" commit(-1, false);
        /// Replaces an address by the byte there, wherever memory ends.
        InputLoad8U "input.load8_u" commit(0, true);
        /// Upper half of the product, whose lower half is that of the latest [`Op::Mul`]: the last digit
        /// that any instruction wrote is the carry from there. It stands again before the bytes, and
        /// behind it the three carries between them.
        MulHigh "i32.mul_high" commit(-1, true);
    }
    on eight bytes {
        LocalGet64 "i64.local.get" LocalGet 8;
        LocalSet64 "i64.local.set" LocalSet 8;
        LocalTee64 "i64.local.tee" LocalTee 8;
        Load64 "i64.load" Load 8;
        Store64 "i64.store" Store 8;
        GlobalGet64 "i64.global.get" GlobalGet 8;
        GlobalSet64 "i64.global.set" GlobalSet 8;
        Select64 "i64.select" Select 8;
        Add64 "i64.add" Add 8;
        Sub64 "i64.sub" Sub 8;
        And64 "i64.and" And 8;
        Or64 "i64.or" Or 8;
        Xor64 "i64.xor" Xor 8;
        Shl64 "i64.shl" Shl 8;
        ShrU64 "i64.shr_u" ShrU 8;
        ShrS64 "i64.shr_s" ShrS 8;
        Rotl64 "i64.rotl" Rotl 8;
        Rotr64 "i64.rotr" Rotr 8;
        Eqz64 "i64.eqz" Eqz 4;
        Eq64 "i64.eq" Eq 4;
        Ne64 "i64.ne" Ne 4;
        LtS64 "i64.lt_s" LtS 4;
        LtU64 "i64.lt_u" LtU 4;
        GtS64 "i64.gt_s" GtS 4;
        GtU64 "i64.gt_u" GtU 4;
        LeS64 "i64.le_s" LeS 4;
        LeU64 "i64.le_u" LeU 4;
        GeS64 "i64.ge_s" GeS 4;
        GeU64 "i64.ge_u" GeU 4;
    }
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

    /// The twin of an instruction on eight bytes, and of any other the instruction itself.
    pub(crate) fn narrow(self) -> Op {
        self.twin().map_or(self, |twin| twin.0)
    }

    /// Whether the instruction finds eight bytes where others find four.
    pub(crate) fn is_wide(self) -> bool {
        self.twin().is_some() || self == Op::Wrap
    }

    /// How many bytes of memory, which must all be there, the instruction accesses: none, if it is no load
    /// and no store, or one that does not ask.
    pub fn accesses(self) -> u32 {
        match self.narrow() {
            Op::Load8U | Op::Load8S => 1,
            Op::Load16U | Op::Load16S => 2,
            Op::Load | Op::Store | Op::Store8 | Op::Store16 => self.bytes(),
            _ => 0,
        }
    }

    /// How many byte tokens a run of the instruction writes before its end, when
    /// it neither branches nor traps.
    pub(crate) fn bytes(self) -> u32 {
        if let Some((_, bytes)) = self.twin() {
            return bytes;
        }
        match (self, self.end()) {
            (Op::ExtendU | Op::ExtendS | Op::Join, _) => 8,
            (Op::Store16, _) => 2,
            (Op::Store8, _) => 1,
            (Op::Store | Op::LocalSet | Op::LocalTee | Op::GlobalSet, _) => 4,
            (_, End::Memory) => 4,
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
