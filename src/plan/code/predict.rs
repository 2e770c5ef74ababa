//! Which token wins: the last code of a step.
//!
//! Bounds say which groups can win at all under what is known; usually one is left, and its winner
//! is looked up. Otherwise logits are compared, lowest id on a tie (lemma 20 of docs/plan.md).
//!
//! Where logits that may be off can win, they must be farther apart than they may be off, or a guard fails
//! (lemma 29); where weights and bounds say that they always are, nothing is checked.

use super::lower::Lowering;
use super::op::{BEST, CEILING, Op, Reg};
use crate::plan::expression::affine::Affine;
use crate::plan::expression::interval::Interval;
use crate::plan::output_head::line_group::twins;

/// A group that may win.
struct Rival {
    which: Which,
    base: Affine,
    x: Affine,
    y: Affine,
    logit: Interval,
    /// Whether its logits may be off.
    is_near: bool,
}

#[derive(Clone, Copy)]
enum Which {
    Line(usize),
    Plane(usize),
}

impl Lowering<'_, '_> {
    /// The winner among all tokens.
    pub(super) fn predict(&mut self) -> Option<()> {
        let output = &self.plan.output;
        let off = self.special.affine(&output.twice_off)?;
        // Logits that differ by more are in their order.
        let apart = self.special.arena.bounds(&off).high >> output.off_shift;
        let rivals = self.rivals(apart)?;
        let off_register = match off.as_constant() {
            Some(_) => None,
            // Its bound, by which groups are left out, may be that of a guard.
            None => Some(self.affine(&off)?),
        };
        let is_exact = off.as_constant() == Some(0) || rivals.iter().all(|rival| !rival.is_near);
        // What depends on the history may be less than its bound.
        let apart = off.as_constant().map(|_| apart);
        if let [one] = &rivals[..]
            && (is_exact || self.is_decided(one, apart))
        {
            return self.only(one);
        }
        if let [a, b] = &rivals[..]
            && let (Which::Line(first), Which::Line(second)) = (a.which, b.which)
        {
            let groups = &self.plan.output.line_groups;
            if let Some(by) = twins(&groups[first], &groups[second])
                && (is_exact || self.are_decided([a, b], by, apart))
            {
                return self.either(a, b, by);
            }
        }
        self.ops.push(Op::Set { dst: BEST, k: i64::MIN });
        if is_exact {
            return rivals.iter().try_for_each(|rival| self.candidate(rival, false));
        }
        self.ops.push(Op::Set { dst: CEILING, k: i64::MIN });
        let (near, exact): (Vec<&Rival>, Vec<&Rival>) =
            rivals.iter().partition(|rival| rival.is_near);
        // What is exact is compared first: of several equal ones the lowest id is the best.
        exact.into_iter().try_for_each(|rival| self.candidate(rival, false))?;
        near.into_iter().try_for_each(|rival| self.candidate(rival, true))?;
        let off = match off_register {
            Some(off) => off,
            None => self.affine(&off)?,
        };
        self.ops.push(Op::Apart { off, shift: output.off_shift });
        Some(())
    }

    /// Whether the winner of a line group is above all its others by more than they may be `apart`,
    /// whatever the history.
    fn is_decided(&self, rival: &Rival, apart: Option<i128>) -> bool {
        let Which::Line(at) = rival.which else { return false };
        let runners = self.plan.output.line_groups[at].runners.as_ref();
        apart.zip(runners).is_some_and(|(apart, runners)| {
            runners.least_margin.is_none_or(|least| i128::from(least) > apart)
        })
    }

    /// The same of two groups of the same lines, the first of which is higher `by` that much, and which
    /// are never equal.
    fn are_decided(&self, [a, b]: [&Rival; 2], by: i64, apart: Option<i128>) -> bool {
        let is_odd = difference(a, b, by).is_some_and(|difference| is_odd(&difference));
        apart == Some(0) && is_odd && self.is_decided(a, apart) && self.is_decided(b, apart)
    }

    /// Groups that can win, where logits that differ by more than `apart` are in their order.
    fn rivals(&mut self, apart: i128) -> Option<Vec<Rival>> {
        let output = &self.plan.output;
        let basis: Vec<Affine> =
            output.basis.iter().map(|affine| self.special.affine(affine)).collect::<Option<_>>()?;
        let mut rivals = Vec::with_capacity(output.line_groups.len() + output.plane_groups.len());
        for (at, group) in output.line_groups.iter().enumerate() {
            let base = base(&basis, &group.base, 0)?;
            let x = group.along.map_or(Affine::default(), |along| basis[along].clone());
            let lines = group.bounds(self.special.arena.bounds(&x));
            rivals.push(self.rival(Which::Line(at), base, x, Affine::default(), lines));
        }
        for (at, group) in output.plane_groups.iter().enumerate() {
            let base = base(&basis, &group.base, group.height)?;
            let [x, y] = group.along.map(|along| basis[along].clone());
            let arena = &mut self.special.arena;
            let around = [&x, &y].map(|affine| arena.bounds(affine));
            let points = self.compiler.plane_bounds(at, around);
            rivals.push(self.rival(Which::Plane(at), base, x, y, points));
        }
        let least = rivals.iter().map(|rival| rival.logit.low).max()?;
        rivals.retain(|rival| rival.logit.high >= least.saturating_sub(apart));
        Some(rivals)
    }

    fn rival(&mut self, which: Which, base: Affine, x: Affine, y: Affine, over: Interval) -> Rival {
        let logit = self.special.arena.bounds(&base).plus(over);
        let is_near = match which {
            Which::Line(at) => self.plan.output.line_groups[at].runners.is_some(),
            Which::Plane(_) => false,
        };
        Rival { which, base, x, y, logit, is_near }
    }

    /// The winner of the only one that can win.
    fn only(&mut self, rival: &Rival) -> Option<()> {
        let output = &self.plan.output;
        let known = rival.x.as_constant().zip(rival.y.as_constant());
        let token = known.map(|(x, y)| match rival.which {
            Which::Line(at) => output.line_groups[at].winner(x).token,
            Which::Plane(at) => output.plane_groups[at].winner(x, y).token,
        });
        let op = match (token, rival.which) {
            (Some(token), _) => Op::Predict { token },
            (None, Which::Line(at)) => Op::PickLine { group: at as u16, x: self.affine(&rival.x)? },
            (None, Which::Plane(at)) => {
                let (x, y) = (self.affine(&rival.x)?, self.affine(&rival.y)?);
                Op::PickPlane { group: at as u16, x, y }
            }
        };
        self.ops.push(op);
        Some(())
    }

    /// The winner of two groups of the same lines, the first of which is higher `by` that much.
    fn either(&mut self, a: &Rival, b: &Rival, by: i64) -> Option<()> {
        let difference = difference(a, b, by)?;
        let around = self.special.arena.bounds(&difference);
        if around.low > 0 {
            return self.only(a);
        }
        if around.high < 0 {
            return self.only(b);
        }
        // Twins with an odd difference of even terms are never equal.
        if let (Which::Line(above), Which::Line(below)) = (a.which, b.which)
            && is_odd(&difference)
            && let Ok(k) = i16::try_from(difference.c)
        {
            let by = self.affine(&difference.without_constant())?;
            let x = self.affine(&a.x)?;
            self.ops.push(Op::Either { above: above as u16, below: below as u16, x, by, k });
            return Some(());
        }
        self.ops.push(Op::Set { dst: BEST, k: i64::MIN });
        self.candidate(a, false)?;
        self.candidate(b, false)
    }

    /// Compares the winner of a group with the best so far, and all of its others if they are `near`.
    fn candidate(&mut self, rival: &Rival, near: bool) -> Option<()> {
        let (base, x): (Reg, Reg) = (self.affine(&rival.base)?, self.affine(&rival.x)?);
        let op = match rival.which {
            Which::Line(at) if near => Op::CandidateNear { group: at as u16, x, base },
            Which::Line(at) => Op::CandidateLine { group: at as u16, x, base },
            Which::Plane(at) => {
                let y = self.affine(&rival.y)?;
                Op::CandidatePlane { group: at as u16, x, y, base }
            }
        };
        self.ops.push(op);
        Some(())
    }
}

/// By how much the first of two groups of the same lines is above the second.
fn difference(a: &Rival, b: &Rival, by: i64) -> Option<Affine> {
    a.base.plus(&b.base, -1)?.plus(&Affine::constant(1), by)
}

/// Whether an expression is never even.
fn is_odd(affine: &Affine) -> bool {
    affine.c % 2 != 0 && affine.terms.iter().all(|term| term.1 % 2 == 0)
}

fn base(basis: &[Affine], terms: &[(usize, i64)], height: i64) -> Option<Affine> {
    let mut base = Affine::constant(height);
    for &(at, k) in terms {
        base = base.plus(&basis[at], k)?;
    }
    Some(base)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Attention, Reference};
    use crate::linalg::Kernel;
    use crate::model::{HeadKind, Model, TieBreak, Token};
    use crate::plan::Plan;
    use crate::plan::code::compiler::Compiler;
    use crate::plan::code::interpret::Machine;
    use crate::plan::code::op::PREDICTION;
    use crate::plan::code::specialise::Known;
    use crate::plan::fuse::draft::{Draft, FREE, HeadDraft, NUMBER, ONE, SQUARE, TIME};

    const TOKENS: usize = 7;

    /// Numbers of tokens 1 to 6, by which one group is above the other.
    const ABOVE: [f64; 6] = [-3.0, -1.0, 0.0, 1.0, 2.0, -2.0];
    const LEAST: usize = FREE + 1;
    const X: usize = FREE + 2;
    const Y: usize = FREE + 3;

    /// What the code does about the two groups.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum How {
        /// One of them cannot win.
        Only,
        /// One expression is looked at.
        Either,
        /// Both logits are computed.
        Compared,
    }

    /// With x and y of the token before the latest: logits x + k·y + height and 2x + k·y + height - 3 of
    /// `above`, x and 2x - 3 of `below`. All others have that of `least`, less the number of the latest.
    fn model(k: f64, height: f64, [above, below]: [[usize; 2]; 2], least: f64) -> Model {
        let mut draft = Draft::new(TOKENS, 12, 1, 0);
        for token in 1..TOKENS {
            let number = token as f64;
            draft.embed(token, &[(FREE, ABOVE[token - 1]), (LEAST, least - number)]);
        }
        let before = HeadDraft {
            kind: HeadKind::Gather,
            tie: TieBreak::Average,
            query: [&[(TIME, 1.0), (ONE, -1.0)], &[(ONE, 1.0)]],
            key: [&[(TIME, 2.0)], &[(SQUARE, -1.0)]],
            value: [&[(NUMBER, 1.0)], &[(FREE, 1.0)]],
        };
        draft.head(0, 0, before);
        draft.attended(0, X, &[(0, 1.0)]);
        draft.attended(0, Y, &[(1, 1.0)]);
        (0..TOKENS).for_each(|token| draft.logit(token, &[(LEAST, 1.0)]));
        for (group, y, height) in [(above, k, height), (below, 0.0, 0.0)] {
            for (token, x, less) in [(group[0], 1.0, 0.0), (group[1], 2.0, 3.0)] {
                draft.logit(token, &[(LEAST, 0.0), (X, x), (Y, y), (ONE, height - less)]);
            }
        }
        draft.model()
    }

    /// Predicts as the reference does. Gives the operations of every step.
    fn compared(model: &Model) -> Vec<Vec<Op>> {
        let plan = Plan::new(model, Token(0)).unwrap();
        let mut compiler = Compiler::new(&plan);
        let mut machine = Machine::new(&plan);
        let mut reference = Reference::new(model, Attention::Kinds, Kernel::preferred()).unwrap();
        reference.step(Token(0)).unwrap();
        let mut code = Vec::new();
        for token in (1..TOKENS).chain((1..TOKENS).rev()) {
            machine.push(token);
            reference.step(Token(token as u32)).unwrap();
            let class = plan.classes()[token];
            let known = Known { class, selected: None, age: None };
            let ops = compiler.second(known, true).unwrap();
            machine.run(&ops, compiler.token_tables()).unwrap();
            let predicted = machine.registers[usize::from(PREDICTION)];
            let next = reference.next_token().unwrap().0;
            assert_eq!(predicted, i64::from(next), "{:?} by {ops:?}", machine.history);
            code.push(ops);
        }
        code
    }

    /// The difference is k·y + height, with y from -3 to 2.
    #[test]
    fn groups_of_the_same_lines_that_may_be_equal_are_compared_logit_by_logit() {
        for (k, height, how) in [
            (1.0, 1.0, How::Compared),
            (2.0, 1.0, How::Either),
            (2.0, 2.0, How::Compared),
            (1.0, 3.0, How::Compared),
            (1.0, -2.0, How::Compared),
            (1.0, 4.0, How::Only),
            (1.0, -3.0, How::Only),
        ] {
            for groups in [[[1, 2], [3, 4]], [[3, 4], [1, 2]], [[2, 5], [1, 6]]] {
                for ops in compared(&model(k, height, groups, -1000.0)) {
                    let has = |is: fn(&Op) -> bool| ops.iter().any(is);
                    let found = match (
                        has(|op| matches!(op, Op::CandidateLine { .. })),
                        has(|op| matches!(op, Op::Either { .. })),
                    ) {
                        (true, _) => How::Compared,
                        (false, true) => How::Either,
                        (false, false) => How::Only,
                    };
                    assert_eq!(found, how, "{k} {height} {groups:?} {ops:?}");
                }
            }
        }
    }

    /// All others have 0 behind token 1, the least that `below` has; then the lowest id wins.
    #[test]
    fn a_group_that_may_just_reach_the_others_is_not_left_out() {
        compared(&model(1.0, -3.0, [[1, 2], [3, 4]], 1.0));
    }
}
