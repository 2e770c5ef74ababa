//! What a plan is lowered to: straight-line operations on whole-number registers.
//!
//! Operands are register numbers, so that the executor never asks what a value is
//! or where it came from. Whatever is compared, clamped or looked up fits 2^62, so arithmetic
//! may wrap inside of a sum and still ends right (lemma 2 of docs/plan.md).

/// The number of a register, which holds a whole number of 64 bits.
pub type Reg = u16;

/// Always holds 0.
pub const ZERO: Reg = 0;
/// The latest position, in tokens from 0.
pub const POSITION: Reg = 1;
/// The predicted token.
pub const PREDICTION: Reg = 2;
/// The logit of the best candidate so far.
pub const BEST: Reg = 3;
/// The greatest logit of another token than the best so far, of all that are compared with their errors.
pub const CEILING: Reg = 4;
/// The place of the token by which code is specialised.
pub const SELECTED: Reg = 5;
/// The first register that is the plan's own.
pub const FIRST: Reg = 6;

/// Tokens as numbers: which table of the compiler's.
pub type TokenTable = u16;

/// One operation. `dst` is written; all other fields are read.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "each variant says what its fields are")]
pub enum Op {
    /// dst = k
    Set { dst: Reg, k: i64 },
    /// dst = a + k
    AddConst { dst: Reg, a: Reg, k: i64 },
    /// dst = a + b
    Add { dst: Reg, a: Reg, b: Reg },
    /// dst = a - b
    Sub { dst: Reg, a: Reg, b: Reg },
    /// dst = a + k·b
    MulAdd { dst: Reg, a: Reg, b: Reg, k: i64 },
    /// dst = a·b
    Mul { dst: Reg, a: Reg, b: Reg },
    /// dst = a·b, at the end of the range where it is beyond.
    MulSaturating { dst: Reg, a: Reg, b: Reg },
    /// dst = a / 2^shift, rounded, ties to even.
    Round { dst: Reg, a: Reg, shift: u32 },
    /// dst = a / 2^shift; a rest is a guard failure.
    Divide { dst: Reg, a: Reg, shift: u32 },
    /// a beyond ±2^40 is a guard failure.
    Guard { a: Reg },
    /// a beyond 2^44 is a guard failure: a number is off by so many steps of 2^-53.
    GuardCount { a: Reg },
    /// dst = a + k + Σ (table + i)[token at clamp(at + offset - i, 0, t)] over i < count
    Read { dst: Reg, a: Reg, k: i32, table: TokenTable, count: u8, at: Reg, offset: i16 },
    /// dst = a + the number at clamp(at + offset, 0, last) of a function whose values begin with a table
    Lookup { dst: Reg, a: Reg, table: TokenTable, last: u16, at: Reg, offset: i32 },
    /// dst = clamp(a + k, 0, t)
    Clamp { dst: Reg, a: Reg, k: i32 },
    /// dst = how far a running sum over t, times t, may be from itself (`plan/expression/mean.rs`)
    SumSteps { dst: Reg, sum: Reg },
    /// dst = max(gate + k, 0)
    Relu { dst: Reg, gate: Reg, k: i64 },
    /// dst = clamp(gate + k, 0, 1)
    Step { dst: Reg, gate: Reg, k: i64 },
    /// dst = 1 if gate + k = 0, else 0
    IsZero { dst: Reg, gate: Reg, k: i64 },
    /// found = the key nearest to `key` + k in a table, dst = its position; beside a hull the query may be
    /// off by `steps` times 2^-53
    Find { dst: Reg, found: Reg, table: u16, key: Reg, k: i32, steps: Reg },
    /// The latest position becomes that of `key` + k.
    Insert { table: u16, key: Reg, k: i32 },
    /// The same if `dead` is 0; nothing if it is greater; less is a guard failure.
    InsertUnless { table: u16, key: Reg, k: i32, dead: Reg },
    /// The same into a table whose keys are a little off: by at most `steps` times 2^-53.
    InsertInexact { table: u16, key: Reg, k: i32, dead: Reg, steps: Reg },
    /// sum += a, guarded.
    Accumulate { sum: Reg, a: Reg },
    /// sum += k, guarded.
    AccumulateConst { sum: Reg, k: i64 },
    /// latch = t if `dead` is 0; nothing if it is greater; less is a guard failure.
    SetLatch { latch: Reg, dead: Reg },
    /// Appends to a column.
    Push { column: u16, a: Reg },
    /// dst = what a column holds at clamp(at, 0, t)
    Take { dst: Reg, column: u16, at: Reg },
    /// prediction = token
    Predict { token: u32 },
    /// prediction = the winner of a line group at x
    PickLine { group: u16, x: Reg },
    /// prediction = the winner at x of `above` if `by` + k is positive, else of `below`
    Either { above: u16, below: u16, x: Reg, by: Reg, k: i16 },
    /// prediction = the winner of a plane group at (x, y)
    PickPlane { group: u16, x: Reg, y: Reg },
    /// The winner of a line group at x, over its base, if it beats the best so far.
    CandidateLine { group: u16, x: Reg, base: Reg },
    /// The winner of a plane group at (x, y), over its base, if it beats the best so far.
    CandidatePlane { group: u16, x: Reg, y: Reg, base: Reg },
    /// The same of a line group whose logits may be off; the ceiling rises to all of its other logits, and
    /// to the best so far if that is beaten.
    CandidateNear { group: u16, x: Reg, base: Reg },
    /// Where `off` is not 0, a best logit that is not above the ceiling by more than off / 2^shift is a
    /// guard failure.
    Apart { off: Reg, shift: u32 },
}

/// What an operation does with a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The value before the operation matters.
    Reads,
    /// The value before the operation does not matter.
    Writes,
}

impl Op {
    /// Whether it reads or changes what a step leaves behind, other than by writing a register.
    pub fn is_of_history(&self) -> bool {
        matches!(
            self,
            Op::Find { .. }
                | Op::Insert { .. }
                | Op::InsertUnless { .. }
                | Op::InsertInexact { .. }
                | Op::Accumulate { .. }
                | Op::AccumulateConst { .. }
                | Op::SetLatch { .. }
                | Op::Push { .. }
                | Op::Take { .. }
        )
    }

    /// Visits every register that it names, those that it reads first. `BEST`, `CEILING` and
    /// `PREDICTION` are also those of operations that predict.
    pub fn registers(&mut self, mut visit: impl FnMut(Role, &mut Reg)) {
        let (mut read, mut written): ([Option<&mut Reg>; 3], [Option<&mut Reg>; 2]) =
            Default::default();
        match self {
            Op::Set { dst, .. } => written = [Some(dst), None],
            Op::AddConst { dst, a, .. }
            | Op::Round { dst, a, .. }
            | Op::Divide { dst, a, .. }
            | Op::Clamp { dst, a, .. }
            | Op::SumSteps { dst, sum: a }
            | Op::Relu { dst, gate: a, .. }
            | Op::Step { dst, gate: a, .. }
            | Op::IsZero { dst, gate: a, .. }
            | Op::Take { dst, at: a, .. } => {
                (read, written) = ([Some(a), None, None], [Some(dst), None])
            }
            Op::Add { dst, a, b }
            | Op::Sub { dst, a, b }
            | Op::MulAdd { dst, a, b, .. }
            | Op::Mul { dst, a, b }
            | Op::MulSaturating { dst, a, b }
            | Op::Lookup { dst, a, at: b, .. }
            | Op::Read { dst, a, at: b, .. } => {
                (read, written) = ([Some(a), Some(b), None], [Some(dst), None]);
            }
            Op::Find { dst, found, key, steps, .. } => {
                (read, written) = ([Some(key), Some(steps), None], [Some(dst), Some(found)]);
            }
            Op::Guard { a }
            | Op::GuardCount { a }
            | Op::Apart { off: a, .. }
            | Op::Insert { key: a, .. }
            | Op::Push { a, .. }
            | Op::PickLine { x: a, .. } => read = [Some(a), None, None],
            Op::InsertUnless { key, dead, .. } => read = [Some(key), Some(dead), None],
            Op::InsertInexact { key, dead, steps, .. } => {
                read = [Some(key), Some(dead), Some(steps)]
            }
            Op::Accumulate { sum, a } => read = [Some(sum), Some(a), None],
            Op::AccumulateConst { sum: a, .. } => read = [Some(a), None, None],
            Op::SetLatch { latch, dead } => read = [Some(latch), Some(dead), None],
            Op::Predict { .. } => {}
            Op::Either { x, by, .. } => read = [Some(x), Some(by), None],
            Op::PickPlane { x, y, .. } => read = [Some(x), Some(y), None],
            Op::CandidateLine { x, base, .. } | Op::CandidateNear { x, base, .. } => {
                read = [Some(x), Some(base), None]
            }
            Op::CandidatePlane { x, y, base, .. } => read = [Some(x), Some(y), Some(base)],
        }
        read.into_iter().flatten().for_each(|reg| visit(Role::Reads, reg));
        written.into_iter().flatten().for_each(|reg| visit(Role::Writes, reg));
    }
}

// Four operations share a cache line.
const _: () = assert!(size_of::<Op>() == 16);
