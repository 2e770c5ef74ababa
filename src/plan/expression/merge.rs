//! Second pass: gated units as pieces, merged where they are bounded together.
//!
//! Units are *pieces*: φ(g)·f with φ(g) = Σ cᵢ·max(g + kᵢ, 0) over knots (kᵢ, cᵢ). Units
//! with the same gate (but for a constant) and factor whose slopes add up to 0 become one
//! piece, which is bounded although its units are not: relu(e+1) - relu(e) is a clamp,
//! and relu(e+1) - 2·relu(e) + relu(e-1) is 1 where e = 0, else 0. A knot that the bounds of
//! the gate leave always shut is dropped, one that they leave always open is linear. All
//! are identities of whole numbers; that the reference computes the units' sum without
//! rounding is checked apart, on its own terms (`exact.rs`).

use crate::plan::expression::affine::{Affine, AtomId, MAX_COEFFICIENT};
use crate::plan::expression::arena::{Arena, Atom, Bounds};

/// Pieces of one expression with the same gate and factor, and their coefficients.
struct Alike {
    gate: Affine,
    factor: Affine,
    pieces: Vec<(AtomId, i64)>,
}

impl Arena {
    /// Σ c·max(gate + k, 0) · factor, in the simplest form that the bounds allow.
    pub fn piece(
        &mut self,
        gate: &Affine,
        factor: &Affine,
        knots: &[(i64, i64)],
    ) -> Option<Affine> {
        if let Some(g) = gate.as_constant() {
            let slope: i64 = knots.iter().map(|&(k, c)| c * (g + k).max(0)).sum();
            return Affine::default().plus(factor, slope);
        }
        if factor.as_constant() == Some(0) {
            return Some(Affine::default());
        }
        let around = self.bounds(gate);
        let open: Vec<(i64, i64)> =
            knots.iter().copied().filter(|&(k, _)| around.high + k as f64 > 0.0).collect();
        let (linear, bent): (Vec<_>, Vec<_>) =
            open.iter().copied().partition(|&(k, _)| around.low + k as f64 >= 0.0);
        let slope: i64 = linear.iter().map(|knot| knot.1).sum();
        let height: i64 = linear.iter().map(|&(k, c)| c * k).sum();
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
                None => self.bent(gate, factor, &open),
            },
        }
    }

    /// A piece of knots as an atom.
    fn bent(&mut self, gate: &Affine, factor: &Affine, knots: &[(i64, i64)]) -> Option<Affine> {
        let mut shifted: Vec<(i64, i64)> = Vec::with_capacity(knots.len());
        for &(k, c) in knots {
            let k = k.checked_add(gate.c)?;
            match shifted.iter_mut().find(|knot| knot.0 == k) {
                Some(knot) => knot.1 += c,
                None => shifted.push((k, c)),
            }
        }
        shifted.retain(|knot| knot.1 != 0);
        shifted.sort_unstable();
        let divisor = shifted.iter().fold(0, |divisor, knot| gcd(divisor, knot.1.abs()));
        let Some(&(_, last)) = shifted.last() else { return Some(Affine::default()) };
        let scale = if last < 0 { -divisor } else { divisor };
        for knot in &mut shifted {
            knot.1 /= scale;
        }
        let gate = gate.without_constant();
        let height = self.height(&gate, &shifted);
        let factor_bounds = self.bounds(factor);
        let bounds = height.product(factor_bounds);
        let atom = Atom::Piece { gate, factor: factor.clone(), knots: shifted };
        let atom = self.intern(atom, bounds);
        Affine::default().plus(&Affine::atom(atom), scale)
    }

    /// Bounds of Σ c·max(gate + k, 0): at the ends and at the knots.
    fn height(&mut self, gate: &Affine, knots: &[(i64, i64)]) -> Bounds {
        let around = self.bounds(gate);
        let of = |g: f64| -> f64 {
            knots.iter().map(|&(k, c)| c as f64 * (g + k as f64).max(0.0)).sum()
        };
        let ends = [of(around.low), of(around.high)];
        let inner = knots.iter().map(|knot| -knot.0 as f64);
        inner
            .filter(|&g| g > around.low && g < around.high)
            .map(of)
            .fold(Bounds::new(ends[0].min(ends[1]), ends[0].max(ends[1])), |bounds, height| {
                Bounds::new(bounds.low.min(height), bounds.high.max(height))
            })
    }

    /// The same expression with units of one gate and factor merged where they are bounded
    /// together.
    pub fn merge(&mut self, affine: Affine) -> Option<Affine> {
        let mut groups: Vec<Alike> = Vec::new();
        for &(atom, k) in &affine.terms {
            if let Atom::Piece { gate, factor, .. } = self.atom(atom) {
                match groups.iter_mut().find(|group| group.gate == *gate && group.factor == *factor)
                {
                    Some(group) => group.pieces.push((atom, k)),
                    None => groups.push(Alike {
                        gate: gate.clone(),
                        factor: factor.clone(),
                        pieces: vec![(atom, k)],
                    }),
                }
            }
        }
        let mut merged = affine;
        for Alike { gate, factor, pieces } in groups {
            let mut knots = Vec::new();
            for &(atom, k) in &pieces {
                if let Atom::Piece { knots: of, .. } = self.atom(atom) {
                    knots.extend(of.iter().map(|&(at, c)| (at, c * k)));
                }
            }
            let slope: i64 = knots.iter().map(|knot| knot.1).sum();
            let bounded = if slope == 0 {
                (pieces.len() > 1).then(Affine::default)
            } else {
                self.opened(&merged, &gate, &factor, slope, &mut knots)
            };
            if let Some(straight) = bounded {
                for &(atom, k) in &pieces {
                    merged = merged.plus(&Affine::atom(atom), -k)?;
                }
                merged = merged.plus(&straight, 1)?;
                merged = merged.plus(&self.bent(&gate, &factor, &knots)?, 1)?;
            }
        }
        Some(merged)
    }

    /// A unit that is always open was written as its gate. Where the units of a gate would be
    /// bounded together with it, it becomes one again: a knot, and what then must be added.
    fn opened(
        &mut self,
        affine: &Affine,
        gate: &Affine,
        factor: &Affine,
        slope: i64,
        knots: &mut Vec<(i64, i64)>,
    ) -> Option<Affine> {
        let coefficient =
            |atom: AtomId| affine.terms.iter().find(|term| term.0 == atom).map_or(0, |term| term.1);
        let opposite = gate.terms.iter().all(|&(atom, k)| coefficient(atom) == -slope * k);
        let low = self.bounds(gate).low;
        if *factor != Affine::constant(1) || !opposite || low.abs() > MAX_COEFFICIENT as f64 {
            return None;
        }
        // -slope·gate = -slope·max(gate - low, 0) - slope·low.
        let low = low as i64;
        knots.push((-low, -slope));
        Affine::default().plus(gate, slope)?.plus(&Affine::constant(low), -slope)
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
