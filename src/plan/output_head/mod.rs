//! Second pass: the output head in groups.
//!
//! A logit is a combination of few expressions, the *basis*: what the head's columns read. Rows
//! that differ along one of them are a [`LineGroup`] (`line_group.rs`); rows that differ along
//! two are a [`PlaneGroup`] (`plane_group.rs`). Instead of V dot products one look for each
//! group is left, and one comparison of logits between groups.
//!
//! Logits are multiplied by a power of two that makes all weights whole, and must fit the plan's
//! registers. In the reference they are exact (lemma 19 of docs/plan.md), or off by no more than `off.rs`
//! says: then a step predicts only where logits are farther apart (lemma 29). Both is checked for every row.

mod grouping;
pub mod line_group;
mod off;
pub mod plane_group;
mod reading;
mod runners;

use crate::model::{Matrix, Model};
use crate::plan::expression::affine::Affine;
use crate::plan::fuse::Fused;
use crate::plan::limits::MAX_REGISTER;
use crate::plan::refusal::{Cause, Place, Rule};
use grouping::{Nearness, groups};
use line_group::LineGroup;
use off::Off;
use plane_group::PlaneGroup;
use reading::{Read, Reading};

/// The output head.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// What logits are made of.
    pub basis: Vec<Affine>,
    /// Tokens in groups along one expression.
    pub line_groups: Vec<LineGroup>,
    /// All other tokens, in groups along two.
    pub plane_groups: Vec<PlaneGroup>,
    /// Guarded products that must keep their bounds at every step.
    pub guards: Vec<Affine>,
    /// Twice what logits may be off, in steps of 2^-53: 0 if all are exact.
    pub twice_off: Affine,
    /// By which power of two that is divided to be compared with logits, which are multiplied by one.
    pub off_shift: u32,
    /// Those on which only the logits of their own step depend, and fractions guarded to be whole:
    /// checked where a step predicts.
    pub guards_of_predictions: Vec<Affine>,
}

impl Output {
    /// All that operations compute for it: the basis, how far logits may be off, and the guards.
    pub fn roots(&self) -> impl Iterator<Item = &Affine> {
        let guards = self.guards.iter().chain(&self.guards_of_predictions);
        self.basis.iter().chain([&self.twice_off]).chain(guards)
    }
}

/// Rows over the basis, each with its constant.
pub type Rows = [(Vec<i64>, i64)];

/// Two logits, scaled, may be subtracted.
const MAX_LOGIT: u128 = MAX_REGISTER.unsigned_abs() as u128 / 2;

/// Groups the output head, if it is exact: on the grid of the finest fraction that it
/// reads, or else with fractions guarded to be whole.
pub fn group(model: &Model, fused: &mut Fused) -> Result<Output, Cause> {
    over(model, fused, false).or_else(|cause| match cause.rule {
        Rule::Grouping | Rule::Groups | Rule::Winners => Err(cause),
        _ => over(model, fused, true),
    })
}

fn over(model: &Model, fused: &mut Fused, whole: bool) -> Result<Output, Cause> {
    let head = model.head();
    let Reading { values, guards, guards_of_predictions } = reading::reading(head, fused, whole)?;
    let cause = |rule: Rule, place: Place| Cause { place, rule, bound: None };
    let power = (0..24).find(|&k| {
        let fits = |value: &Read, id| (value.weight(head, id) * f64::from(1 << k)).fract() == 0.0;
        (0..head.rows).all(|id| values.iter().all(|value| fits(value, id)))
    });
    let power: u32 = power.ok_or(cause(Rule::DyadicWeight, Place::Plan))?;
    let scale = f64::from(1u32 << power);
    let Off { tokens: is_off, twice: twice_off } = off::off(head, &values)?;
    if !fused.analysis.arena.bounds(&twice_off).is_within(MAX_REGISTER) {
        return Err(cause(Rule::ExactLogit, Place::Plan));
    }
    let (basis, places) = basis(&values).ok_or(cause(Rule::Coefficient, Place::Plan))?;
    let magnitudes: Vec<u128> =
        basis.iter().map(|affine| fused.analysis.arena.bounds(affine).magnitude()).collect();
    let mut rows: Vec<(Vec<i64>, i64)> = Vec::with_capacity(head.rows);
    for id in 0..head.rows {
        let place = Place::Logit { token: id };
        let row = row(head, &values, &places, (id, scale), basis.len());
        let row = row.ok_or(cause(Rule::Coefficient, place))?;
        let term = |(k, most): (&i64, &u128)| most.saturating_mul(k.unsigned_abs().into());
        let terms = row.0.iter().zip(&magnitudes).map(term);
        let most = terms.fold(row.1.unsigned_abs().into(), u128::saturating_add);
        if most > MAX_LOGIT {
            return Err(Cause { place, rule: Rule::LogitRange, bound: Some(most as f64 / scale) });
        }
        rows.push(row);
    }
    let same = |a: u32, b: u32| head.row(a as usize) == head.row(b as usize);
    let (line_groups, plane_groups) = groups(&rows, basis.len(), &Nearness { is_off, same })
        .map_err(|rule| cause(rule, Place::Plan))?;
    // Steps are 2^-53, and logits are multiplied by 2^power.
    let off_shift = 53 - power;
    Ok(Output {
        basis,
        line_groups,
        plane_groups,
        guards,
        twice_off,
        off_shift,
        guards_of_predictions,
    })
}

/// The weights of a token's logit over the basis, and its constant.
fn row(
    head: Matrix<'_>,
    values: &[Read],
    places: &[BasisPlace],
    (id, scale): (usize, f64),
    basis: usize,
) -> Option<(Vec<i64>, i64)> {
    let (mut row, mut constant) = (vec![0i64; basis], 0i64);
    for (value, &(at, apart)) in values.iter().zip(places) {
        let weight = value.weight(head, id) * scale;
        if weight.abs() >= MAX_REGISTER as f64 {
            return None;
        }
        let weight = weight as i64;
        if let Some(at) = at {
            row[at] = row[at].checked_add(weight)?;
        }
        constant = constant.checked_add(weight.checked_mul(apart)?)?;
    }
    Some((row, constant))
}

/// Which expression of the basis a value is, if it is no constant, and the constant by which it
/// is more.
type BasisPlace = (Option<usize>, i64);

/// The expressions of which logits are made, and where values stand among them.
fn basis(values: &[Read]) -> Option<(Vec<Affine>, Vec<BasisPlace>)> {
    let mut basis: Vec<Affine> = Vec::new();
    let place = |value: &Read| {
        // Constants stay with their expressions: the rows of a plane group have none of their own.
        let linear = value.affine.without_constant();
        if linear == Affine::default() {
            return Some((None, value.affine.c));
        }
        let at = basis.iter().position(|known| known.without_constant() == linear);
        let at = at.unwrap_or_else(|| {
            basis.push(value.affine.clone());
            basis.len() - 1
        });
        Some((Some(at), value.affine.c.checked_sub(basis[at].c)?))
    };
    let places = values.iter().map(place).collect::<Option<_>>()?;
    Some((basis, places))
}

#[cfg(test)]
mod tests;
