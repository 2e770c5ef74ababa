//! Which token wins: the last code of a step.
//!
//! Bounds say which groups can win at all under what is known; usually one is left, and its winner
//! is looked up. Otherwise logits are compared, lowest id on a tie (lemma 20 of docs/plan.md).

use super::lower::Lowering;
use super::op::{BEST, Op, Reg};
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
}

#[derive(Clone, Copy)]
enum Which {
    Line(usize),
    Plane(usize),
}

impl Lowering<'_, '_> {
    /// The winner among all tokens.
    pub(super) fn predict(&mut self) -> Option<()> {
        let rivals = self.rivals()?;
        if let [one] = &rivals[..] {
            return self.only(one);
        }
        if let [a, b] = &rivals[..]
            && let (Which::Line(first), Which::Line(second)) = (a.which, b.which)
        {
            let groups = &self.plan.output.line_groups;
            if let Some(by) = twins(&groups[first], &groups[second]) {
                return self.either(a, b, by);
            }
        }
        self.ops.push(Op::Set { dst: BEST, k: i64::MIN });
        rivals.iter().try_for_each(|rival| self.candidate(rival))
    }

    /// Groups that can win.
    fn rivals(&mut self) -> Option<Vec<Rival>> {
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
        rivals.retain(|rival| rival.logit.high >= least);
        Some(rivals)
    }

    fn rival(&mut self, which: Which, base: Affine, x: Affine, y: Affine, over: Interval) -> Rival {
        let logit = self.special.arena.bounds(&base).plus(over);
        Rival { which, base, x, y, logit }
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
        let difference = a.base.plus(&b.base, -1)?.plus(&Affine::constant(1), by)?;
        let around = self.special.arena.bounds(&difference);
        if around.low > 0 {
            return self.only(a);
        }
        if around.high < 0 {
            return self.only(b);
        }
        // Twins with an odd difference of even terms are never equal.
        if let (Which::Line(above), Which::Line(below)) = (a.which, b.which)
            && difference.c % 2 != 0
            && difference.terms.iter().all(|term| term.1 % 2 == 0)
            && let Ok(k) = i16::try_from(difference.c)
        {
            let by = self.affine(&difference.without_constant())?;
            let x = self.affine(&a.x)?;
            self.ops.push(Op::Either { above: above as u16, below: below as u16, x, by, k });
            return Some(());
        }
        self.ops.push(Op::Set { dst: BEST, k: i64::MIN });
        self.candidate(a)?;
        self.candidate(b)
    }

    fn candidate(&mut self, rival: &Rival) -> Option<()> {
        let (base, x): (Reg, Reg) = (self.affine(&rival.base)?, self.affine(&rival.x)?);
        let op = match rival.which {
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

fn base(basis: &[Affine], terms: &[(usize, i64)], height: i64) -> Option<Affine> {
    let mut base = Affine::constant(height);
    for &(at, k) in terms {
        base = base.plus(&basis[at], k)?;
    }
    Some(base)
}
