//! Which token wins: the last code of a step.
//!
//! Bounds say which groups and plane_groups can win at all under what is known; usually one is
//! left, and its winner is looked up. Otherwise logits are compared, lowest id on a tie.

use crate::plan::code::lower::Lowering;
use crate::plan::code::op::{BEST, Op, Reg};
use crate::plan::expression::affine::{Affine, AtomId};
use crate::plan::expression::arena::Bounds;
use crate::plan::output_head::line_group::{LineGroup, twins};

/// A group or plane_group that may win.
struct Rival {
    which: Which,
    base: Affine,
    x: Affine,
    y: Affine,
    least: f64,
    most: f64,
}

#[derive(Clone, Copy)]
enum Which {
    LineGroup(usize),
    PlaneGroup(usize),
}

/// A sum of doubles that are whole is exact if its parts together are within 2^53. Beyond that it
/// is widened by more than it can be off, however much of it cancels.
fn widened(bounds: Bounds, parts: f64) -> Bounds {
    let slack = if parts <= (1u64 << 53) as f64 { 0.0 } else { parts * 1e-12 };
    Bounds::new(bounds.low - slack, bounds.high + slack)
}

/// Bounds of the greatest of several.
fn greatest(of: impl Iterator<Item = Bounds>) -> Bounds {
    let none = Bounds::new(f64::NEG_INFINITY, f64::NEG_INFINITY);
    of.fold(none, |all, one| Bounds::new(all.low.max(one.low), all.high.max(one.high)))
}

impl Lowering<'_, '_> {
    /// The winner among all tokens.
    pub(super) fn answer(&mut self) -> Option<()> {
        let rivals = self.rivals()?;
        if let [one] = &rivals[..] {
            return self.only(one);
        }
        if let [a, b] = &rivals[..]
            && let (Which::LineGroup(first), Which::LineGroup(second)) = (a.which, b.which)
        {
            let groups = &self.plan.output.groups;
            if let Some(by) = twins(&groups[first], &groups[second]) {
                return self.either(a, b, by);
            }
        }
        self.ops.push(Op::Set { dst: BEST, k: i64::MIN });
        rivals.iter().try_for_each(|rival| self.candidate(rival))
    }

    /// Groups and plane_groups that can win.
    fn rivals(&mut self) -> Option<Vec<Rival>> {
        let output = &self.plan.output;
        let basis: Vec<Affine> =
            output.basis.iter().map(|affine| self.special.affine(affine)).collect::<Option<_>>()?;
        let mut rivals = Vec::with_capacity(output.groups.len() + output.plane_groups.len());
        for (at, group) in output.groups.iter().enumerate() {
            let base = base(&basis, &group.base, 0)?;
            let x = group.along.map_or(Affine::default(), |along| basis[along].clone());
            let lines = self.lines(group, &x);
            rivals.push(self.rival(Which::LineGroup(at), base, x, Affine::default(), lines));
        }
        for (at, plane_group) in output.plane_groups.iter().enumerate() {
            let base = base(&basis, &plane_group.base, plane_group.height)?;
            let [x, y] = plane_group.along.map(|along| basis[along].clone());
            let [along_x, along_y] = [&x, &y].map(|affine| self.around(affine));
            let points = greatest(plane_group.points().map(|point| {
                let [x, y] = [along_x.times(point.p as f64), along_y.times(point.q as f64)];
                widened(x.plus(y), x.magnitude() + y.magnitude())
            }));
            rivals.push(self.rival(Which::PlaneGroup(at), base, x, y, points));
        }
        let least = rivals.iter().map(|rival| rival.least).fold(f64::NEG_INFINITY, f64::max);
        rivals.retain(|rival| rival.most >= least);
        Some(rivals)
    }

    fn lines(&mut self, group: &LineGroup, x: &Affine) -> Bounds {
        let along = self.around(x);
        greatest(group.lines.iter().map(|line| {
            let (x, height) = (along.times(line.slope as f64), line.height as f64);
            widened(x.plus(Bounds::new(height, height)), x.magnitude() + height.abs())
        }))
    }

    fn rival(&mut self, which: Which, base: Affine, x: Affine, y: Affine, over: Bounds) -> Rival {
        let around = self.around(&base);
        let logit = widened(around.plus(over), around.magnitude() + over.magnitude());
        Rival { which, base, x, y, least: logit.low, most: logit.high }
    }

    /// Bounds of an expression that hold although they are computed in doubles.
    fn around(&mut self, affine: &Affine) -> Bounds {
        let arena = &mut self.special.arena;
        let of =
            |&(atom, k): &(AtomId, i64)| arena.atom_bounds(atom).magnitude() * (k as f64).abs();
        let parts = (affine.c as f64).abs() + affine.terms.iter().map(of).sum::<f64>();
        widened(arena.bounds(affine), parts)
    }

    /// The winner of the only one that can win.
    fn only(&mut self, rival: &Rival) -> Option<()> {
        let output = &self.plan.output;
        let known = rival.x.as_constant().zip(rival.y.as_constant());
        let token = known.map(|(x, y)| match rival.which {
            Which::LineGroup(at) => output.groups[at].winner(x).token,
            Which::PlaneGroup(at) => output.plane_groups[at].winner(x, y).token,
        });
        let op = match (token, rival.which) {
            (Some(token), _) => Op::Predict { token },
            (None, Which::LineGroup(at)) => {
                Op::Pick { group: at as u16, x: self.affine(&rival.x)? }
            }
            (None, Which::PlaneGroup(at)) => {
                let (x, y) = (self.affine(&rival.x)?, self.affine(&rival.y)?);
                Op::PickPlane { plane_group: at as u16, x, y }
            }
        };
        self.ops.push(op);
        Some(())
    }

    /// The winner of two groups of the same lines, the first of which is higher `by` that much.
    fn either(&mut self, a: &Rival, b: &Rival, by: i64) -> Option<()> {
        let difference = a.base.plus(&b.base, -1)?.plus(&Affine::constant(1), by)?;
        let around = self.around(&difference);
        if around.low > 0.0 {
            return self.only(a);
        }
        if around.high < 0.0 {
            return self.only(b);
        }
        // Twins with an odd difference of even terms are never equal.
        if let (Which::LineGroup(above), Which::LineGroup(below)) = (a.which, b.which)
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
            Which::LineGroup(at) => Op::Candidate { group: at as u16, x, base },
            Which::PlaneGroup(at) => {
                let y = self.affine(&rival.y)?;
                Op::CandidatePlane { plane_group: at as u16, x, y, base }
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
