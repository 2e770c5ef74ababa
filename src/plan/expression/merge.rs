//! Gated units as pieces, merged where they are bounded together.
//!
//! Units are *pieces*: φ(g)·f with φ(g) = Σ cᵢ·max(g + kᵢ, 0) over knots (kᵢ, cᵢ). Units
//! with the same gate (but for a constant) and factor whose slopes add up to 0 become one
//! piece, which is bounded although its units are not: relu(e+1) - relu(e) is a clamp,
//! and relu(e+1) - 2·relu(e) + relu(e-1) is 1 where e = 0, else 0. A knot that the bounds of
//! the gate leave always shut is dropped, one that they leave always open is linear. All
//! are identities of whole numbers; that the reference computes the units' sum without
//! rounding is checked apart, on its own terms (`fuse/rounding.rs`).

use super::affine::{Affine, MAX_COEFFICIENT};
use super::arena::Arena;
use super::atom::{Atom, Knots};
use super::function::Function;
use super::interval::Interval;
use crate::plan::ids::AtomId;

/// Pieces of one expression with the same gate and factor, and functions of the gate where the factor is 1;
/// all with their coefficients.
struct Alike {
    gate: Affine,
    factor: Affine,
    pieces: Vec<(AtomId, i64)>,
    functions: Vec<(AtomId, i64)>,
}

/// More knots than these are left of functions only where they are no function any more.
const MOST_BENDS: usize = 16;

/// Units of a gate with fewer values are bounded together whatever their slopes.
const NARROW: u128 = 1 << 16;

/// A whole number that may be a coefficient.
fn coefficient(x: i128) -> Option<i64> {
    i64::try_from(x).ok().filter(|x| x.unsigned_abs() <= MAX_COEFFICIENT.unsigned_abs())
}

/// Σ c·max(x + k, 0), unless it leaves i128.
pub fn height(knots: &[(i64, i64)], x: i128) -> Option<i128> {
    knots.iter().try_fold(0i128, |sum, &(k, c)| {
        sum.checked_add(x.checked_add(k.into())?.max(0).checked_mul(c.into())?)
    })
}

/// Σ c over knots, and Σ c·k.
fn slope_and_height(knots: &[(i64, i64)]) -> Option<(i64, i64)> {
    // |c·k| is at most 2^120, and knots are fewer than 2^7.
    (knots.len() < 128).then_some(())?;
    let slope = knots.iter().map(|knot| i128::from(knot.1)).sum();
    let height = knots.iter().map(|&(k, c)| i128::from(k) * i128::from(c)).sum();
    Some((coefficient(slope)?, coefficient(height)?))
}

/// The rest of a sum without these terms, by ascending atom.
fn without(mut sum: Affine, gone: &[(AtomId, i64)]) -> Affine {
    let mut gone = gone.iter().map(|term| term.0).peekable();
    sum.terms.retain(|term| gone.next_if_eq(&term.0).is_none());
    sum
}

impl Arena {
    /// Σ c·max(gate + k, 0) · factor, in the simplest form that the bounds allow (lemma 6).
    pub fn piece(
        &mut self,
        gate: &Affine,
        factor: &Affine,
        knots: &[(i64, i64)],
    ) -> Option<Affine> {
        if let Some(g) = gate.as_constant() {
            return Affine::default().plus(factor, coefficient(height(knots, g.into())?)?);
        }
        if factor.as_constant() == Some(0) {
            return Some(Affine::default());
        }
        let around = self.bounds(gate);
        let shut = |k: i64| around.high <= -i128::from(k);
        let open = |k: i64| around.low >= -i128::from(k);
        let opening: Knots = knots.iter().copied().filter(|&(k, _)| !shut(k)).collect();
        let (linear, bent): (Knots, Knots) = opening.iter().copied().partition(|&(k, _)| open(k));
        let (slope, height) = slope_and_height(&linear)?;
        let straight = Affine::default().plus(gate, slope)?.plus(&Affine::constant(1), height)?;
        match factor.as_constant() {
            Some(scale) => {
                let bent = self.bent(gate, &Affine::constant(1), &bent)?;
                Affine::default().plus(&straight.plus(&bent, 1)?, scale)
            }
            None => match straight.as_constant() {
                Some(height) => {
                    let bent = self.bent(gate, factor, &bent)?;
                    Affine::default().plus(factor, height)?.plus(&bent, 1)
                }
                None => self.bent(gate, factor, &opening),
            },
        }
    }

    /// The magnitude of an expression.
    pub fn absolute(&mut self, affine: &Affine) -> Option<Affine> {
        let one = Affine::constant(1);
        let negated = Affine::default().plus(affine, -1)?;
        let positive = self.piece(affine, &one, &[(0, 1)])?;
        positive.plus(&self.piece(&negated, &one, &[(0, 1)])?, 1)
    }

    /// A piece of knots as an atom.
    fn bent(&mut self, gate: &Affine, factor: &Affine, knots: &[(i64, i64)]) -> Option<Affine> {
        (!self.is_exhausted()).then_some(())?;
        self.count(knots.len());
        let mut sorted = knots.to_vec();
        sorted.sort_unstable();
        let mut shifted: Knots = Vec::with_capacity(knots.len());
        for (k, c) in sorted {
            let k = coefficient(i128::from(k) + i128::from(gate.c))?;
            match shifted.last_mut() {
                Some(knot) if knot.0 == k => {
                    knot.1 = coefficient(i128::from(knot.1) + i128::from(c))?;
                }
                _ => shifted.push((k, c)),
            }
        }
        shifted.retain(|knot| knot.1 != 0);
        let divisor = shifted.iter().fold(0, |divisor, knot| gcd(divisor, knot.1.abs()));
        let Some(&(_, last)) = shifted.last() else { return Some(Affine::default()) };
        let scale = if last < 0 { -divisor } else { divisor };
        for knot in &mut shifted {
            knot.1 /= scale;
        }
        let gate = gate.without_constant();
        if *factor == Affine::constant(1)
            && let Some(function) = Function::of(&shifted, self.bounds(&gate))
        {
            self.count((function.to() - function.from()) as usize);
            let function = self.function(gate, function)?;
            return Affine::default().plus(&function, scale);
        }
        self.count(shifted.len() * shifted.len());
        let bounds = self.height(&gate, &shifted).product(self.bounds(factor));
        let atom = Atom::Piece { gate, factor: factor.clone(), knots: shifted };
        let atom = self.intern(atom, bounds);
        Affine::default().plus(&Affine::atom(atom), scale)
    }

    /// Bounds of Σ c·max(gate + k, 0): it is monotone between knots, so they lie at the ends of
    /// the gate's bounds and at the knots between.
    fn height(&mut self, gate: &Affine, knots: &[(i64, i64)]) -> Interval {
        let around = self.bounds(gate);
        let inner = knots.iter().map(|knot| -i128::from(knot.0));
        let inner = inner.filter(|x| (around.low..around.high).contains(x));
        let anything = Interval::new(i128::MIN, i128::MAX);
        let of = |x: i128| height(knots, x).map_or(anything, |y| Interval::new(y, y));
        inner.chain([around.low, around.high]).map(of).fold(Interval::EMPTY, Interval::union)
    }

    /// The same expression with units of one gate and factor merged where they are bounded
    /// together (lemma 6).
    pub fn merge(&mut self, affine: Affine) -> Option<Affine> {
        // Once there was too much to do, nothing is followed any further.
        (!self.is_exhausted()).then_some(())?;
        let mut groups: Vec<Alike> = Vec::new();
        let mut compared = affine.terms.len();
        for &(atom, k) in &affine.terms {
            compared += groups.len();
            if let Atom::Piece { gate, factor, .. } = self.atom(atom) {
                match groups.iter_mut().find(|group| group.gate == *gate && group.factor == *factor)
                {
                    Some(group) => group.pieces.push((atom, k)),
                    None => groups.push(Alike {
                        gate: gate.clone(),
                        factor: factor.clone(),
                        pieces: vec![(atom, k)],
                        functions: Vec::new(),
                    }),
                }
            }
        }
        let one = Affine::constant(1);
        for &(atom, k) in &affine.terms {
            if let Atom::Function { of, .. } = self.atom(atom) {
                compared += groups.len();
                let group =
                    groups.iter_mut().find(|group| group.gate == *of && group.factor == one);
                group.into_iter().for_each(|group| group.functions.push((atom, k)));
            }
        }
        self.count(compared);
        let mut merged = affine;
        for Alike { gate, factor, mut pieces, functions } in groups {
            self.count(gate.terms.len());
            let mut knots = Vec::new();
            for &(atom, k) in &pieces {
                if let Atom::Piece { knots: of, .. } = self.atom(atom) {
                    for &(at, c) in of {
                        knots.push((at, coefficient(i128::from(c) * i128::from(k))?));
                    }
                }
            }
            let slope = coefficient(knots.iter().map(|knot| i128::from(knot.1)).sum())?;
            if let Some(all) = self.with_functions(&gate, &functions, &knots, slope)? {
                pieces.extend(functions);
                pieces.sort_unstable();
                self.count(pieces.len() + merged.terms.len());
                merged = without(merged, &pieces).plus(&all, 1)?;
                continue;
            }
            let bounded = if slope == 0 {
                (pieces.len() > 1).then(Affine::default)
            } else if let Some(straight) = self.opened(&merged, &gate, &factor, slope, &mut knots) {
                Some(straight)
            } else {
                let many = pieces.len() > 2;
                (many && self.bounds(&gate).width() <= NARROW).then(Affine::default)
            };
            if let Some(straight) = bounded {
                self.count(pieces.len() + merged.terms.len());
                merged = without(merged, &pieces).plus(&straight, 1)?;
                merged = merged.plus(&self.bent(&gate, &factor, &knots)?, 1)?;
            }
        }
        Some(merged)
    }

    /// Functions of a gate together with level pieces of it: one function, or the few knots that are
    /// left of them. Nothing where that would be a sum of many knots.
    fn with_functions(
        &mut self,
        gate: &Affine,
        functions: &[(AtomId, i64)],
        knots: &[(i64, i64)],
        slope: i64,
    ) -> Option<Option<Affine>> {
        if functions.is_empty() || slope != 0 {
            return Some(None);
        }
        let (mut constant, mut most, mut all) = (0i128, 0, knots.to_vec());
        for &(atom, k) in functions {
            let Atom::Function { function, .. } = self.atom(atom) else { continue };
            let (first, bends) = function.knots();
            most += function.bounds().magnitude() * u128::from(k.unsigned_abs());
            constant += i128::from(first) * i128::from(k);
            for (at, c) in bends {
                all.push((at, coefficient(i128::from(c) * i128::from(k))?));
            }
        }
        self.count(all.len());
        // What is written down as a function has few values, and none is great.
        if most > u128::from(Function::MOST) {
            return Some(None);
        }
        let bent = self.bent(gate, &Affine::constant(1), &all)?;
        let is_short = |atom: &Atom| match atom {
            Atom::Piece { knots, .. } => knots.len() <= MOST_BENDS,
            _ => true,
        };
        if !bent.terms.iter().all(|&(atom, _)| is_short(self.atom(atom))) {
            return Some(None);
        }
        Some(Some(bent.plus(&Affine::constant(coefficient(constant)?), 1)?))
    }

    /// A unit that is always open was written as its gate. Where the units of a gate would be
    /// bounded together with it, it becomes one again: a knot, and what then must be added.
    fn opened(
        &mut self,
        affine: &Affine,
        gate: &Affine,
        factor: &Affine,
        slope: i64,
        knots: &mut Knots,
    ) -> Option<Affine> {
        let opposite = gate.terms.iter().all(|&(atom, k)| {
            i128::from(affine.coefficient(atom)) == -i128::from(slope) * i128::from(k)
        });
        if *factor != Affine::constant(1) || !opposite {
            return None;
        }
        let low = coefficient(self.bounds(gate).low)?;
        let straight = Affine::default().plus(gate, slope)?;
        // -slope·gate = -slope·max(gate - low, 0) - slope·low.
        let straight = straight.plus(&Affine::constant(low), -slope)?;
        knots.push((-low, -slope));
        Some(straight)
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests;
