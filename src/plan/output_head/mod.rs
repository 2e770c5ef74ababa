//! Third pass: the output head in groups.
//!
//! A logit is a combination of few expressions, the *basis*: what the head's
//! columns read. Rows that differ along one of them are a [`LineGroup`] (`group.rs`); rows that
//! differ along two are a [`PlaneGroup`] (`plane_group.rs`). Instead of V dot products one look for
//! each group is left, and one comparison of logits between groups.
//!
//! Logits are multiplied by a power of two that makes all weights whole. They must be exact
//! in the reference as well: the rule of `exact.rs` is checked for every row.

pub mod line_group;
pub mod plane_group;

use std::cmp::Reverse;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{Matrix, Model};
use crate::plan::expression::affine::Affine;
use crate::plan::expression::arena::Bounds;
use crate::plan::fuse::Fused;
use crate::plan::fuse::rounding::{bounds, fits, fraction};
use crate::plan::output_head::line_group::{LineGroup, one_group};
use crate::plan::output_head::plane_group::PlaneGroup;

/// The output head.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// What logits are made of.
    pub basis: Vec<Affine>,
    /// Tokens in groups.
    pub groups: Vec<LineGroup>,
    /// All other tokens, in plane_groups.
    pub plane_groups: Vec<PlaneGroup>,
    /// Guarded products, and fractions guarded to be whole, on which logits depend.
    pub guards: Vec<Affine>,
}

/// Rows over the basis, each with its constant.
pub type Rows = [(Vec<i64>, i64)];

/// Logits, scaled, are computed in 64-bit integers.
const WIDEST: f64 = (1u64 << 61) as f64;

/// Groups the output head, if it is exact: on the grid of the finest fraction that it
/// reads, or else with fractions guarded to be whole.
pub fn group(model: &Model, fused: &mut Fused) -> Option<Output> {
    over(model, fused, false).or_else(|| over(model, fused, true))
}

fn over(model: &Model, fused: &mut Fused, whole: bool) -> Option<Output> {
    let head = model.head();
    let Reading { values, guards } = reading(head, fused, whole)?;
    let scale = (0..24).map(|k| f64::from(1 << k)).find(|scale| {
        let fits = |value: &Read, id: usize| (value.weight(head, id) * scale).fract() == 0.0;
        (0..head.rows).all(|id| values.iter().all(|value| fits(value, id)))
    })?;

    let (basis, places) = basis(&values)?;
    let mut rows: Vec<(Vec<i64>, i64)> = Vec::with_capacity(head.rows);
    for id in 0..head.rows {
        let (mut row, mut constant) = (vec![0i64; basis.len()], 0i64);
        let (mut magnitude, mut exponent) = (0.0, 0);
        for (value, &(at, apart)) in values.iter().zip(&places) {
            let weight = value.weight(head, id);
            if weight == 0.0 {
                continue;
            }
            magnitude += head.row(id)[value.slot].abs() * value.most;
            exponent = exponent.max(fraction(weight)?.1);
            if !fits(Bounds::new(0.0, magnitude), exponent) || magnitude * scale > WIDEST {
                return None;
            }
            let weight = (weight * scale) as i64;
            if let Some(at) = at {
                row[at] = row[at].checked_add(weight)?;
            }
            constant = constant.checked_add(weight.checked_mul(apart)?)?;
        }
        rows.push((row, constant));
    }
    let (groups, plane_groups) = groups(&rows, basis.len())?;
    Some(Output { basis, groups, plane_groups, guards })
}

/// Which expression of the basis a value is, if it is no constant, and the constant by which it
/// is more.
type Place = (Option<usize>, i64);

/// The expressions of which logits are made, and where values stand among them.
fn basis(values: &[Read]) -> Option<(Vec<Affine>, Vec<Place>)> {
    let mut basis: Vec<Affine> = Vec::new();
    let place = |value: &Read| {
        // Constants stay with their expressions: the rows of a plane_group have none of their own.
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

/// What the output head reads, and what is guarded for it.
struct Reading {
    values: Vec<Read>,
    guards: Vec<Affine>,
}

fn reading(head: Matrix<'_>, fused: &mut Fused, whole: bool) -> Option<Reading> {
    let read = (0..head.cols).filter(|&slot| (0..head.rows).any(|id| head.row(id)[slot] != 0.0));
    let mut assumes = 0;
    let mut guards = Vec::new();
    let mut values: Vec<Read> = Vec::new();
    for slot in read {
        let value = fused.slots[slot].clone();
        let (affine, exponent) = value.as_fraction()?;
        assumes |= value.assumes;
        let (affine, exponent) = if whole && exponent > 0 {
            let affine = fused.arena.whole(affine, exponent)?;
            guards.push(affine.clone());
            (affine, 0)
        } else {
            (affine.clone(), exponent)
        };
        let most = bounds(&mut fused.arena, &fused.limits, &value).magnitude();
        let alike = |known: &&mut Read| {
            known.exponent == exponent
                && (0..head.rows).all(|id| head.row(id)[known.slot] == head.row(id)[slot])
        };
        match values.iter_mut().find(alike) {
            Some(known) => {
                known.affine = fused.arena.merge(known.affine.plus(&affine, 1)?)?;
                known.most += most;
            }
            None => values.push(Read { slot, affine, exponent, most }),
        }
    }
    let needed = |number: usize| assumes >> number & 1 == 1;
    let products = fused.guards.iter().enumerate().filter(|guard| needed(guard.0));
    guards.extend(products.map(|guard| guard.1.clone()));
    Some(Reading { values, guards })
}

/// Slots that the output head reads by the same weights.
struct Read {
    /// The first of them.
    slot: usize,
    /// Their sum, times 2^`exponent`.
    affine: Affine,
    /// See `affine`.
    exponent: u32,
    /// The sum of their greatest magnitudes.
    most: f64,
}

impl Read {
    /// Its weight, over whole numbers, in the logit of a token.
    fn weight(&self, head: Matrix<'_>, id: usize) -> f64 {
        head.row(id)[self.slot] * 0.5f64.powi(self.exponent as i32)
    }
}

/// Fewer rows than these are no plane_group.
const MIN_PLANE_GROUP: usize = 3;

fn groups(rows: &Rows, basis: usize) -> Option<(Vec<LineGroup>, Vec<PlaneGroup>)> {
    let mut left: Vec<usize> = (0..rows.len()).collect();
    let (mut groups, mut plane_groups) = (Vec::new(), Vec::new());
    while !left.is_empty() {
        let one = (0..basis).map(|along| ([along, along], alike(rows, &left, &[along])));
        let one = one.max_by_key(|(along, ids)| (ids.len(), Reverse(*along)));
        let found = match one {
            Some((along, ids)) if ids.len() > 1 => {
                groups.push(one_group(rows, Some(along[0]), &ids)?);
                ids
            }
            _ => {
                let pairs = (0..basis).flat_map(|a| (a + 1..basis).map(move |b| [a, b]));
                let two = pairs.map(|along| (along, alike(rows, &left, &along)));
                let two = two.max_by_key(|(along, ids)| (ids.len(), Reverse(*along)));
                match two {
                    Some((along, ids)) if ids.len() >= MIN_PLANE_GROUP => {
                        plane_groups.push(PlaneGroup::new(rows, along, &ids));
                        ids
                    }
                    _ => {
                        groups.push(one_group(rows, None, &left[..1])?);
                        vec![left[0]]
                    }
                }
            }
        };
        let found: FxHashSet<usize> = found.into_iter().collect();
        left.retain(|id| !found.contains(id));
    }
    Some((groups, plane_groups))
}

/// The most rows that differ only along one expression and in the constant, or along two; the
/// first of several.
fn alike(rows: &Rows, left: &[usize], along: &[usize]) -> Vec<usize> {
    let mut alike: FxHashMap<Vec<i64>, Vec<usize>> = FxHashMap::default();
    let mut rest = Vec::new();
    for &id in left {
        let (row, constant) = &rows[id];
        rest.clear();
        rest.extend_from_slice(row);
        for &at in along {
            rest[at] = 0;
        }
        rest.push(if along.len() == 1 { 0 } else { *constant });
        match alike.get_mut(&rest) {
            Some(ids) => ids.push(id),
            None => {
                alike.insert(rest.clone(), vec![id]);
            }
        }
    }
    let most = alike.into_values().max_by_key(|ids| (ids.len(), Reverse(ids[0])));
    most.unwrap_or_default()
}
