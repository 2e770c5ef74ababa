//! What the reference computes is a rounded number; what an expression says is an
//! exact one. A [`Value`] holds both: the expression, and how far the rounded
//! number can be from it.
//!
//! # The argument
//!
//! *Whole numbers.* If every product of a row is whole and every partial sum, in
//! whatever order, stays within ±2^53, no operation rounds, fused or not. A partial sum is
//! the sum of a subset of the products, so it lies between the sum of all negative
//! lows and the sum of all positive highs. Then the error is what the inputs had: 0 if they
//! had none. Whole and without error means: any order, any grouping, integers.
//!
//! *Fractions.* The same holds for multiples of 2^-k within ±2^(53-k): f64 scale by powers of two
//! without rounding. A [`Value`] is a whole expression times 2^-`exponent`.
//!
//! *One term.* A row with a single product by a power of two does not round.
//!
//! *Anything else* rounds at most once a product and once a sum; n products then err by
//! less than (n + 1)·2^-52·Σ|wᵢxᵢ|, to which come the errors of the xᵢ.
//!
//! *Rounding on purpose.* Let one product P be near C = 1.5·2^52 and let all others, nearly
//! whole, add up to M in magnitude, with 2^52 + M < |P| < 2^53 - M. Before the great one is
//! added, partial sums err by the bound above; from then on all partial sums lie where
//! neighbouring f64 are 1 apart, so adding a whole number is exact and adding a nearly whole one
//! rounds to the whole one if the error is below 1/2. So the sum *is* the exact whole number, in
//! every order; taking C away deferred is exact by the first rule. A naive cancellation of C would
//! keep the error instead. If there is one other product, an exact fraction, the sum rounds once,
//! ties to even: C is even, so this is the fraction rounded by itself.
//!
//! *Products.* One that bounds cannot prove to be below 2^53 is assumed to lie within
//! ±[`MAX_PRODUCT`]. The assumption is guarded at every step if anything that a logit depends on,
//! however far back, was computed from the product: [`Value::assumes`] follows it through slots
//! and heads.
//!
//! *Gates.* Only the positive part of a gate counts. Let all products be whole and without error,
//! one of them never positive and of any size, and all others add up to M ≤ 2^50 in magnitude.
//! Where the great one is at least M - 2^53 the first rule holds. Where it is less, the exact
//! gate is below 2M - 2^53, and the rounded one, off by a few parts in 2^46, is negative as well:
//! the unit is shut in both. So max(gate, 0) is exact.
//!
//! *Means.* A mean of whole values over t positions is fl(S/t), and times t it
//! is S·(1+a)(1+b) with |a|, |b| ≤ 2^-53: within |S|·2^-51 of the running sum S. Running sums
//! are guarded at run time to stay within 0..=[`MAX_SUM`], so this error is below 2^-23, and
//! both a rounding on purpose and a gather turn it into S itself.

use crate::plan::expression::affine::Affine;
use crate::plan::expression::arena::{Arena, Bounds};

/// Whole numbers up to here are f64.
pub const WHOLE: f64 = (1u64 << 53) as f64;

/// Running sums are guarded to stay at or below this.
pub const MAX_SUM: i64 = 1 << 28;

/// Registers are guarded to be renewed at least this often.
pub const MAX_AGE: i64 = 1 << 28;

/// Products that bounds do not keep below 2^53 are guarded to stay within ± this.
pub const MAX_PRODUCT: i64 = 1 << 40;

/// Fractions are multiples of 2^-this at least.
const MAX_EXPONENT: u32 = 40;

/// Gates are computed in 64-bit integers: none may come near their end.
const WIDEST: f64 = (1u64 << 62) as f64;

/// A place may be this far from a whole number; gathers round at 1/2.
pub const MAX_OFFSET: f64 = 0.05;

/// An expression and how far the reference's number may be from it.
#[derive(Clone, Debug)]
pub struct Value {
    /// The expression, times 2^`exponent`.
    pub affine: Affine,
    /// See `affine`.
    pub exponent: u32,
    /// Times 1/ln 2 - 1/ln(t+2).
    pub inverse_log: f64,
    /// Times t².
    pub square: f64,
    /// Times a mean: which sum, and the factor.
    pub mean: Option<(usize, f64)>,
    /// The greatest distance; infinite where nothing is known.
    pub error: f64,
    /// The guarded products, by number, within whose bounds this holds.
    pub assumes: u64,
}

impl Value {
    /// An expression that the reference computes without error.
    pub fn exact(affine: Affine) -> Value {
        Value {
            affine,
            exponent: 0,
            inverse_log: 0.0,
            square: 0.0,
            mean: None,
            error: 0.0,
            assumes: 0,
        }
    }

    /// Always 0.
    pub fn zero() -> Value {
        Value::exact(Affine::default())
    }

    /// Something that cannot be followed.
    pub fn unknown() -> Value {
        Value { error: f64::INFINITY, ..Value::zero() }
    }

    /// Whether nothing is known.
    pub fn is_unknown(&self) -> bool {
        self.error == f64::INFINITY
    }

    /// Whether it is the expression alone, perhaps a fraction.
    pub fn is_plain(&self) -> bool {
        self.inverse_log == 0.0 && self.square == 0.0 && self.mean.is_none() && !self.is_unknown()
    }

    /// Whether it is the expression alone, and whole.
    pub fn is_whole(&self) -> bool {
        self.is_plain() && self.exponent == 0
    }

    /// The expression over 2^exponent, if nothing rounds.
    pub fn as_fraction(&self) -> Option<(&Affine, u32)> {
        (self.is_plain() && self.error == 0.0).then_some((&self.affine, self.exponent))
    }

    /// The expression, if it is whole and without error.
    pub fn as_exact(&self) -> Option<&Affine> {
        (self.is_whole() && self.error == 0.0).then_some(&self.affine)
    }

    /// The constant, if it is one without error.
    pub fn as_constant(&self) -> Option<i64> {
        self.as_exact().and_then(Affine::as_constant)
    }

    /// Takes common powers of two out of a fraction.
    pub fn reduce(&mut self) {
        let common = self.affine.twos().min(self.exponent);
        self.affine = self.affine.halved(common);
        self.exponent -= common;
    }

    /// Whether it is always 0.
    pub fn is_zero(&self) -> bool {
        self.as_constant() == Some(0)
    }
}

/// What bounds depend on besides the arena.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The greatest position.
    pub position: f64,
    /// Bounds of what each running sum adds up, by sum.
    pub summands: Vec<Bounds>,
}

/// Bounds of the reference's number.
pub fn bounds(arena: &mut Arena, limits: &Limits, value: &Value) -> Bounds {
    let mut total = arena.bounds(&value.affine).times(power(value.exponent));
    // 1/ln 2 is never reached.
    total = total.plus(Bounds::new(0.0, std::f64::consts::LOG2_E).times(value.inverse_log));
    total = total.plus(Bounds::new(0.0, limits.position * limits.position).times(value.square));
    if let Some((sum, factor)) = value.mean {
        total = total.plus(limits.summands[sum].times(factor));
    }
    total.plus(Bounds::new(-value.error, value.error))
}

/// Whether multiples of 2^-exponent within bounds are f64.
pub fn fits(bounds: Bounds, exponent: u32) -> bool {
    bounds.magnitude() <= WHOLE * power(exponent)
}

/// 2^-exponent.
fn power(exponent: u32) -> f64 {
    0.5f64.powi(exponent as i32)
}

/// A weight as k·2^-e with the least e.
pub fn fraction(weight: f64) -> Option<(i64, u32)> {
    (0..=MAX_EXPONENT).find_map(|e| {
        let scaled = weight / power(e);
        (scaled.fract() == 0.0 && scaled.abs() <= WHOLE).then_some((scaled as i64, e))
    })
}

fn is_power_of_two(x: f64) -> bool {
    x != 0.0 && x.is_normal() && x.to_bits() << 12 == 0
}

/// Σ weight·value, as a row of a matrix computes it.
pub fn row(arena: &mut Arena, limits: &Limits, terms: &[(f64, &Value)]) -> Value {
    combine(arena, limits, terms).unwrap_or_else(Value::unknown)
}

/// A row of which only the positive part counts.
pub fn gate(arena: &mut Arena, limits: &Limits, terms: &[(f64, &Value)]) -> Value {
    let sum = row(arena, limits, terms);
    if sum.error == 0.0 || !sum.is_whole() {
        return sum;
    }
    let products: Vec<Bounds> = terms
        .iter()
        .filter(|(weight, value)| *weight != 0.0 && !value.is_zero())
        .map(|(weight, value)| bounds(arena, limits, value).times(*weight))
        .collect();
    let exact_terms = terms.iter().all(|(_, value)| value.error == 0.0);
    let room = WHOLE / 8.0;
    let great: Vec<&Bounds> = products.iter().filter(|p| p.magnitude() > room).collect();
    let rest: f64 = products.iter().map(|p| p.magnitude()).filter(|m| *m <= room).sum();
    match great[..] {
        [great]
            if exact_terms && great.high <= 0.0 && great.low >= -WIDEST / 2.0 && rest <= room =>
        {
            Value { error: 0.0, ..sum }
        }
        _ => sum,
    }
}

fn combine(arena: &mut Arena, limits: &Limits, terms: &[(f64, &Value)]) -> Option<Value> {
    // That a term is 0 may be an assumption.
    let assumes = terms.iter().fold(0, |all, term| all | term.1.assumes);
    let terms: Vec<(f64, &Value)> = terms
        .iter()
        .copied()
        .filter(|(weight, value)| *weight != 0.0 && !value.is_zero())
        .collect();
    if let [(1.0, value)] = terms[..] {
        return Some(Value { assumes, ..value.clone() });
    }
    let mut sum = Value { assumes, ..Value::zero() };
    let (mut least, mut most, mut magnitude) = (0.0, 0.0, 0.0);
    let mut plain = true;
    let mut errors = 0.0;
    let mut products = Vec::with_capacity(terms.len());
    let mut fractions = Vec::with_capacity(terms.len());
    for &(weight, value) in &terms {
        if value.is_unknown() {
            return None;
        }
        if value.affine != Affine::default() {
            let (k, e) = fraction(weight)?;
            fractions.push((k, e + value.exponent, &value.affine));
        }
        sum.inverse_log += weight * value.inverse_log;
        sum.square += weight * value.square;
        if let Some((of, factor)) = value.mean {
            sum.mean = match sum.mean {
                None => Some((of, factor * weight)),
                Some(_) => return None,
            };
        }
        let product = bounds(arena, limits, value).times(weight);
        least += product.low.min(0.0);
        most += product.high.max(0.0);
        magnitude += product.magnitude();
        plain &= value.is_plain();
        errors += weight.abs() * value.error;
        products.push(product);
    }
    let rounds = plain && rounds_on_purpose(&products, errors);
    if rounds && let Some(rounded) = rounded_fraction(arena, &terms) {
        return Some(Value { assumes, ..Value::exact(rounded) });
    }
    sum.exponent = fractions.iter().map(|term| term.1).max().unwrap_or(0);
    (sum.exponent <= MAX_EXPONENT).then_some(())?;
    for (k, e, affine) in fractions {
        let k = k.checked_mul(1 << (sum.exponent - e))?;
        sum.affine = sum.affine.plus(affine, k)?;
    }
    sum.affine = arena.merge(sum.affine)?;
    let finest = WHOLE * power(sum.exponent);
    let no_order = plain && errors == 0.0 && -least <= finest && most <= finest;
    let no_sum = terms.len() == 1 && is_power_of_two(terms[0].0);
    let rounding = (terms.len() + 1) as f64 * f64::EPSILON * magnitude;
    sum.error = if no_order || (rounds && sum.exponent == 0) {
        0.0
    } else if no_sum {
        errors
    } else {
        (errors + rounding) * 1.001
    };
    sum.reduce();
    Some(sum)
}

/// An even constant and one exact fraction, which the sum rounds.
fn rounded_fraction(arena: &mut Arena, terms: &[(f64, &Value)]) -> Option<Affine> {
    let [a, b] = terms else { return None };
    let constant = |term: &(f64, &Value)| -> Option<i64> {
        let whole = term.1.as_constant()?.checked_mul(fraction(term.0).filter(|f| f.1 == 0)?.0)?;
        (whole % 2 == 0 && whole.unsigned_abs() >= 1 << 52).then_some(whole)
    };
    let (great, (weight, value)) = match (constant(a), constant(b)) {
        (Some(great), None) => (great, b),
        (None, Some(great)) => (great, a),
        _ => return None,
    };
    let (affine, exponent) = value.as_fraction()?;
    let (k, e) = fraction(*weight)?;
    let affine = Affine::default().plus(affine, k)?;
    arena.rounded(affine, exponent + e)?.plus(&Affine::constant(1), great)
}

/// Whether one product is so great that the others, nearly whole, are rounded to whole numbers.
fn rounds_on_purpose(products: &[Bounds], errors: f64) -> bool {
    let ulp_of_one = WHOLE / 2.0;
    products.iter().enumerate().any(|(at, great)| {
        let others = products.iter().enumerate().filter(|other| other.0 != at);
        let (count, rest) =
            others.fold((0.0, 0.0), |(n, sum), (_, p)| (n + 1.0, sum + p.magnitude()));
        let (near, far) = (great.low.abs().min(great.high.abs()), great.magnitude());
        let one_sign = great.low.signum() == great.high.signum();
        let room = near - rest - 1.0 >= ulp_of_one && far + rest + 1.0 <= WHOLE;
        one_sign && room && errors + (count + 1.0) * f64::EPSILON * rest < 0.25
    })
}
