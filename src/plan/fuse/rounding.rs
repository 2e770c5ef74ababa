//! The rounding analysis: what a row of a matrix computes.
//!
//! A row is Σ wᵢ·xᵢ, summed in any order, with fused multiply-add or without, next to any number
//! of products by 0. Four rules are tried in turn; docs/plan.md proves them.
//!
//! - *Exact* (lemma 3). All xᵢ are exact fractions, and so are the products, on a common grid 2^-E
//!   with E ≤ 40. If the negative and the positive products each add up to at most 2^53 grid
//!   steps, no operation rounds.
//! - *One product by a power of two* (lemma 4) relates to what is meant as xᵢ does.
//! - *Rounding on purpose* (lemma 5). One exact product is so great that all others, nearly whole,
//!   are rounded to whole numbers: the sum is exact, whatever error they had.
//! - *Anything else* (lemmas 7 and 24, `error.rs`) errs by at most (n + 1)·2^-52·Σ|wᵢxᵢ|, to which come
//!   |wᵢ| times the errors of the xᵢ.
//!
//! Of a *gate* only the positive part counts: one product that is never positive may be as great as
//! 2^61 (lemma 8).

use cranelift_entity::{EntityRef, PrimaryMap};

use super::error::error;
use super::guards::Guards;
use super::nearly::square;
use super::upper::Upper;
use super::value::{Number, Rounding, Symbols, Value};
use crate::plan::expression::affine::Affine;
use crate::plan::expression::arena::Arena;
use crate::plan::expression::interval::Interval;
use crate::plan::ids::{SourceId, SumId};
use crate::plan::limits::{MAX_REGISTER, WHOLE};
use crate::plan::refusal::{Cause, Place, Rule};

/// Exact fractions are multiples of 2^-this.
pub const MAX_EXPONENT: u32 = 40;

/// Gates that are off by less than this may multiply.
pub const MAX_GATE_ERROR: f64 = 0.25;

/// What rows are analysed with, and where in the model the analysis is.
#[derive(Debug)]
pub struct Analysis {
    /// Expressions and their bounds.
    pub arena: Arena,
    /// Bounds of what each running sum adds up.
    pub summands: PrimaryMap<SumId, Interval>,
    /// The part of the model that is looked at.
    pub place: Place,
    /// How many numbers were computed that are not exact.
    pub sources: usize,
}

/// A row of which only the positive part counts: max(number, 0) is exact, or whole but for an error.
#[derive(Debug)]
pub struct Gate(Number);

impl Gate {
    /// What is meant. The positive part of the reference's number is as far from that of what is meant
    /// as its rounding says, or nearer.
    pub fn number(&self) -> &Number {
        &self.0
    }
}

/// A weight times a number.
pub(super) struct Product<'v> {
    pub(super) weight: f64,
    pub(super) number: &'v Number,
    /// The weight as k·2^-e, where the number has an affine part.
    pub(super) k: i64,
    /// That e and the number's own exponent.
    pub(super) exponent: u32,
    /// Bounds of the reference's number, times the weight.
    pub(super) magnitude: Upper,
    /// Bounds of the product in steps of 2^-`exponent`, if it is an exact fraction.
    exact: Option<Interval>,
}

/// 2^e, for e within ±1000.
pub fn two_to(e: i32) -> f64 {
    f64::from_bits(((1023 + i64::from(e)) as u64) << 52)
}

/// A weight as k·2^-e with the least e.
pub fn dyadic(weight: f64) -> Option<(i64, u32)> {
    (0..=MAX_EXPONENT).find_map(|e| {
        // Scaling by a power of two is exact.
        let scaled = weight * two_to(e as i32);
        (scaled.fract() == 0.0 && scaled.abs() <= WHOLE as f64).then_some((scaled as i64, e))
    })
}

/// Whether a multiple of a recency, a squared position or a mean, which are 0 or not far from 1, is far from
/// overflow and underflow.
fn is_far_from_the_ends(factor: f64) -> bool {
    factor == 0.0 || (two_to(-400)..=two_to(400)).contains(&factor.abs())
}

/// Whether multiplying by it only changes the exponent, far from overflow and underflow.
pub(super) fn is_power_of_two(weight: f64) -> bool {
    let within = (two_to(-400)..=two_to(400)).contains(&weight.abs());
    within && weight.to_bits() << 12 == 0
}

/// The sum, if it does not round.
fn exact_sum(a: f64, b: f64) -> Option<f64> {
    let sum = a + b;
    let rest = sum - a;
    ((a - (sum - rest)) + (b - rest) == 0.0).then_some(sum)
}

/// The product, if it does not round.
pub fn exact_product(a: f64, b: f64) -> Option<f64> {
    let product = a * b;
    let rounds = a.mul_add(b, -product) != 0.0;
    (!rounds && (product.is_normal() || a == 0.0 || b == 0.0)).then_some(product)
}

/// 2^-exponent of a whole magnitude.
fn scaled(magnitude: u128, exponent: u32) -> Upper {
    Upper::of_whole(magnitude).times(Upper::of(two_to(-(exponent as i32))))
}

impl Analysis {
    /// The cause that something here breaks a rule.
    pub fn cause(&self, rule: Rule) -> Cause {
        Cause { place: self.place, rule, bound: None }
    }

    /// The same, by so much.
    pub fn cause_by(&self, rule: Rule, bound: f64) -> Cause {
        Cause { place: self.place, rule, bound: Some(bound) }
    }

    /// Bounds of the reference's number.
    pub fn magnitude(&mut self, number: &Number) -> Upper {
        let (affine, exponent, symbols, rounding) = number.parts();
        let Symbols { recency, square, mean } = *symbols;
        let limit = u128::from(self.arena.limit());
        // 1/ln 2 is never reached; fl(t²) is at most the f64 above limit².
        let recency = Upper::of(recency).times(Upper::of(std::f64::consts::LOG2_E));
        let squares = Upper::of_whole(limit * limit).times(Upper::of(1.0));
        let square = Upper::of(square).times(squares);
        let mean = mean.map_or(Upper::ZERO, |(sum, factor)| {
            Upper::of(factor).times(Upper::of_whole(self.summands[sum].magnitude()))
        });
        let affine = scaled(self.arena.bounds(affine).magnitude(), exponent);
        [affine, recency, square, mean, rounding.error()].into_iter().sum()
    }

    /// Σ weight·value, as a row of a matrix computes it.
    pub fn row(&mut self, terms: &[(f64, &Value)]) -> Value {
        self.combine(terms).into()
    }

    /// A row of which only the positive part counts.
    pub fn gate(&mut self, terms: &[(f64, &Value)]) -> Result<Gate, Cause> {
        let number = self.combine(terms)?;
        if number.fraction().is_some() {
            return Ok(Gate(number));
        }
        let products = self.products(terms)?;
        let whole: Option<Vec<Interval>> =
            products.iter().map(|p| p.exact.filter(|_| p.exponent == 0)).collect();
        let (affine, guards) = (number.parts().0.clone(), number.guards());
        if whole.is_some_and(|products| is_negative_where_it_rounds(&products))
            && self.arena.bounds(&affine).is_within(MAX_REGISTER)
        {
            return Ok(Gate(Number::exact(affine).assuming(guards)));
        }
        // x' - x is never less than max(x', 0) - max(x, 0).
        let error = number.parts().3.error();
        if number.whole().is_some() && error.is_below(MAX_GATE_ERROR) {
            return Ok(Gate(number));
        }
        Err(self.cause_by(Rule::ExactGate, error.number()))
    }

    fn products<'v>(&mut self, terms: &[(f64, &'v Value)]) -> Result<Vec<Product<'v>>, Cause> {
        let mut products = Vec::with_capacity(terms.len());
        for &(weight, value) in terms {
            if weight == 0.0 || value.is_zero() {
                continue;
            }
            let number = value.number()?;
            let (affine, exponent, ..) = number.parts();
            let (k, e) = if *affine == Affine::default() {
                (0, 0)
            } else {
                dyadic(weight).ok_or_else(|| self.cause_by(Rule::DyadicWeight, weight))?
            };
            let magnitude = Upper::of(weight).times(self.magnitude(number));
            let exact = number.fraction().map(|(affine, _)| self.arena.bounds(affine).times(k));
            products.push(Product { weight, number, k, exponent: exponent + e, magnitude, exact });
        }
        Ok(products)
    }

    fn combine(&mut self, terms: &[(f64, &Value)]) -> Result<Number, Cause> {
        // That a term is 0 may depend on a guard, too.
        let guards: Guards = terms.iter().map(|term| term.1.guards()).collect();
        let products = self.products(terms)?;
        if let [Product { weight: 1.0, number, .. }] = products[..] {
            return Ok(number.clone().assuming(guards));
        }
        if let [a, b] = &products[..]
            && cancel(a, b)
        {
            return Ok(Number::exact(Affine::default()).assuming(guards));
        }
        let rounds = rounds_on_purpose(&products);
        if rounds && let Some(rounded) = self.rounded_fraction(&products) {
            return Ok(Number::exact(rounded).assuming(guards));
        }
        let exponent = products.iter().map(|product| product.exponent).max().unwrap_or(0);
        let affine = self.sum(&products, exponent)?;
        let symbols = self.symbols(&products)?;
        let rounding = if no_order_rounds(&products, exponent) || (rounds && exponent == 0) {
            Rounding::None
        } else if let [Product { weight, number, .. }] = products[..]
            && is_power_of_two(weight)
        {
            let scaled = |error: Upper| error.times(Upper::of(weight));
            match number.parts().3 {
                Rounding::None => Rounding::None,
                Rounding::Once(error) => Rounding::Once(scaled(error)),
                Rounding::Within(error) => Rounding::Within(scaled(error)),
            }
        } else if let Some(once) = once_of_either_side(&products) {
            once
        } else {
            Rounding::Within(error(&products, exponent))
        };
        if rounding == Rounding::None && !self.arena.bounds(&affine).is_within(MAX_REGISTER) {
            let bound = Upper::of_whole(self.arena.bounds(&affine).magnitude());
            return Err(self.cause_by(Rule::Register, bound.number()));
        }
        let number = Number::new(affine, exponent, symbols, rounding, guards);
        let number = self.sharpened(number, &products);
        Ok(match products[..] {
            [Product { weight, number: of, .. }] if weight.abs() == 1.0 => match of.source() {
                Some((source, sign)) => number.with_source(source, weight * sign),
                None => number,
            },
            _ => self.computed(number),
        })
    }

    /// A number that is computed here, unless it is exact: then its affine form says all.
    pub fn computed(&mut self, number: Number) -> Number {
        if number.as_exact().is_some() {
            return number;
        }
        let source = SourceId::new(self.sources);
        self.sources += 1;
        number.with_source(source, 1.0)
    }

    /// The affine parts of products, over 2^exponent.
    fn sum(&mut self, products: &[Product<'_>], exponent: u32) -> Result<Affine, Cause> {
        let mut parts = Vec::with_capacity(products.len());
        for product in products {
            let grid = 1i64.checked_shl(exponent - product.exponent).filter(|grid| *grid > 0);
            let k = grid.and_then(|grid| product.k.checked_mul(grid));
            parts.push((product.number.parts().0, k.ok_or(self.cause(Rule::Coefficient))?));
        }
        let sum = Affine::sum(0, parts.into_iter()).and_then(|sum| self.arena.merge(sum));
        sum.filter(|_| exponent <= MAX_EXPONENT).ok_or(self.cause(Rule::Coefficient))
    }

    fn symbols(&self, products: &[Product<'_>]) -> Result<Symbols, Cause> {
        let mut sum = Symbols::default();
        let rounds = || self.cause(Rule::Symbol);
        for Product { weight, number, .. } in products {
            let Symbols { recency, square, mean } = *number.parts().2;
            let times = |x: f64| {
                exact_product(*weight, x).filter(|&x| is_far_from_the_ends(x)).ok_or_else(rounds)
            };
            sum.recency = exact_sum(sum.recency, times(recency)?).ok_or_else(rounds)?;
            sum.square = exact_sum(sum.square, times(square)?).ok_or_else(rounds)?;
            if let Some((of, factor)) = mean {
                if sum.mean.is_some() {
                    return Err(self.cause(Rule::OneMean));
                }
                sum.mean = Some((of, times(factor)?));
            }
        }
        Ok(sum)
    }

    /// An even constant and one exact fraction, which the sum rounds (lemma 5).
    fn rounded_fraction(&mut self, products: &[Product<'_>]) -> Option<Affine> {
        let [a, b] = products else { return None };
        let constant = |product: &Product<'_>| -> Option<i64> {
            let whole = product.number.as_exact()?.as_constant()?.checked_mul(product.k)?;
            let great = product.exponent == 0 && whole.unsigned_abs() >= 1 << 52;
            (great && whole % 2 == 0).then_some(whole)
        };
        let (great, product) = match (constant(a), constant(b)) {
            (Some(great), None) => (great, b),
            (None, Some(great)) => (great, a),
            _ => return None,
        };
        // The product itself must not round: the sum would round again.
        product.exact.filter(|steps| steps.is_within(WHOLE))?;
        let affine = Affine::default().plus(product.number.fraction()?.0, product.k)?;
        self.arena.rounded(affine, product.exponent)?.plus(&Affine::constant(1), great)
    }
}

/// Lemma 3: exact fractions of which no partial sum, in whatever order, leaves 2^53 steps.
fn no_order_rounds(products: &[Product<'_>], exponent: u32) -> bool {
    if exponent > MAX_EXPONENT {
        return false;
    }
    let mut range = Interval::point(0);
    for product in products {
        let Some(exact) = product.exact else { return false };
        let steps = exact.times(1i128 << (exponent - product.exponent));
        range = range.plus(steps.including(0));
    }
    range.is_within(WHOLE)
}

/// Lemma 27: whether two products are one and the same f64, and its opposite.
fn cancel(a: &Product<'_>, b: &Product<'_>) -> bool {
    let signed = |product: &Product<'_>| {
        let (source, sign) = product.number.source()?;
        // A fused operation would not round a product by another weight as the other product was.
        (product.weight.abs() == 1.0).then_some((source, sign * product.weight))
    };
    matches!((signed(a), signed(b)), (Some(a), Some(b)) if a.0 == b.0 && a.1 == -b.1)
}

/// Of squares of the positive and the negative part of one number one is 0, where nothing is off: the
/// sum is rounded as the other is (lemma 25).
fn once_of_either_side(products: &[Product<'_>]) -> Option<Rounding> {
    square(products).filter(|square| square.steps.is_none())?;
    let errors = products.iter().map(|product| match product.number.parts().3 {
        Rounding::None => Some(Upper::ZERO),
        Rounding::Once(error) => Some(error),
        Rounding::Within(_) => None,
    });
    Some(Rounding::Once(errors.sum::<Option<Upper>>()?))
}

/// Lemma 8: of whole products one is never positive, and where it is so great that the sum may
/// round, the sum is negative.
fn is_negative_where_it_rounds(products: &[Interval]) -> bool {
    let room = 1u128 << 50;
    let (great, rest): (Vec<&Interval>, Vec<&Interval>) =
        products.iter().partition(|product| product.magnitude() > room);
    let rest: u128 = rest.into_iter().map(|product| product.magnitude()).sum();
    matches!(great[..], [Interval { low, high: ..=0 }] if *low >= -(1 << 61)) && rest <= room
}

/// Lemma 5: one exact whole product of one sign lies so far from 0 that f64 are 1 apart wherever
/// the sum can come, and all others together are whole but for less than 1/4.
fn rounds_on_purpose(products: &[Product<'_>]) -> bool {
    let half = WHOLE as f64 / 2.0;
    let is_plain = |product: &Product<'_>| product.number.plain().is_some();
    if !products.iter().all(is_plain) {
        return false;
    }
    products.iter().enumerate().any(|(at, great)| {
        let Some(Interval { low, high }) = great.exact.filter(|_| great.exponent == 0) else {
            return false;
        };
        let (near, far) = match (low, high) {
            (1.., _) => (low, high),
            (_, ..=-1) => (-high, -low),
            _ => return false,
        };
        if far > i128::from(WHOLE) {
            return false;
        }
        let others = || products.iter().enumerate().filter(|other| other.0 != at).map(|o| o.1);
        let rest: Upper = others().map(|product| product.magnitude).sum();
        let before: Upper =
            others().map(|p| Upper::of(p.weight).times(p.number.parts().3.error())).sum();
        let count = others().count() as f64;
        let off = before.plus(rest.times(Upper::of((count + 1.0) * f64::EPSILON)));
        let (near, far) = (near as f64, Upper::of(far as f64));
        rest.plus(Upper::of(half + 1.0)).is_below(near)
            && far.plus(rest).plus(Upper::of(1.0)).is_below(WHOLE as f64)
            && off.is_below(0.25)
    })
}

#[cfg(test)]
mod tests;
