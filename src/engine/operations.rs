//! What operations compute: the one meaning of each, whether it is executed for a single step
//! (`execute/state.rs`) or for all lanes of a batch (`verify/lanes/code.rs`).
//!
//! All are functions of numbers and of the groups of the output head. Operations on what a history
//! leaves behind, its tables, columns, sums and latches, only a step has.

use crate::plan::{self, LineGroup, MAX_COUNT, MAX_PRODUCT, PlaneGroup};

/// a + b
#[inline(always)]
pub fn add(a: i64, b: i64) -> i64 {
    a.wrapping_add(b)
}

/// a - b
#[inline(always)]
pub fn sub(a: i64, b: i64) -> i64 {
    a.wrapping_sub(b)
}

/// a + k·b
#[inline(always)]
pub fn mul_add(a: i64, b: i64, k: i64) -> i64 {
    a.wrapping_add(b.wrapping_mul(k))
}

/// a·b
#[inline(always)]
pub fn mul(a: i64, b: i64) -> i64 {
    a.wrapping_mul(b)
}

/// a·b, at the end of the range where it is beyond.
#[inline(always)]
pub fn mul_saturating(a: i64, b: i64) -> i64 {
    a.saturating_mul(b)
}

/// a / 2^shift, rounded, ties to even.
#[inline(always)]
pub fn round(a: i64, shift: u32) -> i64 {
    plan::round(a, shift)
}

/// a / 2^shift, where it is no [`is_fraction`].
#[inline(always)]
pub fn divide(a: i64, shift: u32) -> i64 {
    a >> shift
}

/// Whether a / 2^shift leaves a rest: a guard failure.
#[inline(always)]
pub fn is_fraction(a: i64, shift: u32) -> bool {
    divide(a, shift) << shift != a
}

/// How far a running sum over the position t, times t, may be from itself.
#[inline(always)]
pub fn sum_steps(sum: i64, t: i64) -> i64 {
    plan::sum_steps(sum, t)
}

/// Whether a product is beyond what it is guarded to be: a guard failure.
#[inline(always)]
pub fn is_beyond_guard(a: i64) -> bool {
    !(-MAX_PRODUCT..=MAX_PRODUCT).contains(&a)
}

/// Whether a number is off by more steps than it is guarded to be: a guard failure.
#[inline(always)]
pub fn is_beyond_count(a: i64) -> bool {
    a > MAX_COUNT
}

/// The place that is read: at + offset.
#[inline(always)]
pub fn place(at: i64, offset: i16) -> i64 {
    at.saturating_add(offset.into())
}

/// What a function has: the number at clamp(at + offset, 0, last) of the table with its values.
#[inline(always)]
pub fn lookup(values: &[i64], at: i64, offset: i32, last: u16) -> i64 {
    values[at.saturating_add(offset.into()).clamp(0, last.into()) as usize]
}

/// clamp(a + k, 0, t) at position t.
#[inline(always)]
pub fn clamp(a: i64, k: i32, t: i64) -> i64 {
    add(a, k.into()).clamp(0, t)
}

/// max(gate + k, 0)
#[inline(always)]
pub fn relu(gate: i64, k: i64) -> i64 {
    add(gate, k).max(0)
}

/// clamp(gate + k, 0, 1)
#[inline(always)]
pub fn step(gate: i64, k: i64) -> i64 {
    add(gate, k).clamp(0, 1)
}

/// 1 if gate + k = 0, else 0.
#[inline(always)]
pub fn is_zero(gate: i64, k: i64) -> i64 {
    i64::from(add(gate, k) == 0)
}

/// The token of the line that is highest at x.
#[inline(always)]
pub fn line(group: &LineGroup, x: i64) -> u32 {
    group.winner(x).token
}

/// The token of the point that is highest in the direction (x, y).
#[inline(always)]
pub fn plane(group: &PlaneGroup, x: i64, y: i64) -> u32 {
    group.winner(x, y).token
}

/// Whether the first of two groups has the winner: by + k is positive.
#[inline(always)]
pub fn is_above(by: i64, k: i16) -> bool {
    add(by, k.into()) > 0
}

/// A token and its logit.
#[derive(Clone, Copy)]
pub struct Candidate {
    pub token: i64,
    pub logit: i64,
}

impl Candidate {
    /// The winner of a line group at x, over its base.
    #[inline(always)]
    pub fn of_line(group: &LineGroup, x: i64, base: i64) -> Candidate {
        let line = group.winner(x);
        Candidate { token: line.token.into(), logit: add(base, line.at(x)) }
    }

    /// The winner of a plane group at (x, y), over its base.
    #[inline(always)]
    pub fn of_plane(group: &PlaneGroup, x: i64, y: i64, base: i64) -> Candidate {
        let point = group.winner(x, y);
        Candidate { token: point.token.into(), logit: add(base, point.at(x, y)) }
    }

    /// Whether its logit is greater than the best so far, or as great with a lower id.
    #[inline(always)]
    pub fn beats(self, best: Candidate) -> bool {
        self.logit > best.logit || (self.logit == best.logit && self.token < best.token)
    }
}

/// The best so far, and the greatest logit of another token, of all that may be off.
#[derive(Clone, Copy)]
pub struct Contest {
    pub best: Candidate,
    /// The least number where there is no other.
    pub ceiling: i64,
}

impl Contest {
    /// After the tokens of a line group at x, over its base, whose logits may be off.
    #[inline(always)]
    pub fn with(self, group: &LineGroup, x: i64, base: i64) -> Contest {
        let Contest { best, ceiling } = self;
        let candidate = Candidate::of_line(group, x, base);
        if candidate.beats(best) {
            let runner = group.margin(x).map_or(i64::MIN, |margin| sub(candidate.logit, margin));
            Contest { best: candidate, ceiling: ceiling.max(best.logit).max(runner) }
        } else {
            Contest { best, ceiling: ceiling.max(candidate.logit) }
        }
    }

    /// Whether rounding could decide, where logits that are no farther apart than off / 2^shift may be
    /// the other way round: a guard failure (lemma 29).
    #[inline(always)]
    pub fn is_open(self, off: i64, shift: u32) -> bool {
        off != 0 && self.best.logit.saturating_sub(self.ceiling) <= off >> shift
    }
}
