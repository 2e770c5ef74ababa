//! What is known of a number that the reference computes.
//!
//! A number of the reference is a rounded one. A [`Number`] says which real number is meant,
//!
//!   affine · 2^-exponent + recency · r(t) + square · fl(t²) + mean of a sum,
//!
//! with r(t) = 1/ln 2 - 1/ln(t+2) as the reference computes it, and how the reference's number
//! relates to it: [`Rounding`], and `nearly.rs` where that is not sharp enough. No part can be left out of account: the fields are private, and
//! each accessor says what becomes of every one of them.

use super::guards::Guards;
use super::nearly::{Square, Steps};
use super::upper::Upper;
use crate::plan::expression::affine::Affine;
use crate::plan::ids::{SourceId, SumId};
use crate::plan::refusal::Cause;

/// What is known of a number that the reference computes.
#[derive(Clone, Debug)]
pub enum Value {
    /// The number that is meant, and how far the reference's may be from it.
    Known(Number),
    /// Nothing but why.
    Unknown(Cause),
}

/// A real number that is meant, how the reference's relates to it, and on what that depends.
#[derive(Clone, Debug)]
pub struct Number {
    affine: Affine,
    exponent: u32,
    symbols: Symbols,
    rounding: Rounding,
    guards: Guards,
    /// If it was computed once and then only copied, with either sign: by which operation, and the sign.
    source: Option<(SourceId, f64)>,
    /// What more is known of it.
    nearly: Option<Box<Nearly>>,
}

/// What more is known of a number that is rounded.
#[derive(Clone, Debug)]
struct Nearly {
    /// How far it may be from its whole affine form, sharper than its rounding says.
    steps: Option<Steps>,
    /// If it is made of products of a number by itself.
    square: Option<Square>,
}

/// Multiples of what no affine form says. Factors are exact: where a sum of them rounds, the
/// number is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Symbols {
    /// Times r(t), which lies in 0..1/ln 2 and never falls.
    pub recency: f64,
    /// Times fl(t²).
    pub square: f64,
    /// Times the mean of a running sum's summands.
    pub mean: Option<(SumId, f64)>,
}

/// How the reference's number relates to the one that is meant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rounding {
    /// It is that number, in every order of summation, fused or not.
    None,
    /// It is the f64 nearest to it: no farther than this.
    Once(Upper),
    /// It is no farther than this.
    Within(Upper),
}

impl Rounding {
    /// The greatest distance.
    pub fn error(self) -> Upper {
        match self {
            Rounding::None => Upper::ZERO,
            Rounding::Once(error) | Rounding::Within(error) => error,
        }
    }
}

impl Number {
    /// The number of these parts, its fraction reduced.
    pub fn new(
        affine: Affine,
        exponent: u32,
        symbols: Symbols,
        rounding: Rounding,
        guards: Guards,
    ) -> Number {
        // Common powers of two go out of a fraction.
        let common = affine.twos().min(exponent);
        let (affine, exponent) = (affine.halved(common), exponent - common);
        Number { affine, exponent, symbols, rounding, guards, source: None, nearly: None }
    }

    /// An expression that the reference computes without rounding.
    pub fn exact(affine: Affine) -> Number {
        Number::new(affine, 0, Symbols::default(), Rounding::None, Guards::NONE)
    }

    /// An expression from which the reference's number is no farther than an error.
    pub fn near(affine: Affine, error: Upper) -> Number {
        let rounding = if error.is_zero() { Rounding::None } else { Rounding::Within(error) };
        Number::new(affine, 0, Symbols::default(), rounding, Guards::NONE)
    }

    /// The same, of which more is known.
    pub fn with(self, steps: Option<Steps>, square: Option<Square>) -> Number {
        let is_known = steps.is_some() || square.is_some();
        Number { nearly: is_known.then(|| Box::new(Nearly { steps, square })), ..self }
    }

    /// How far it may be from its affine form, if that is whole and all, and so much is known.
    pub fn steps(&self) -> Option<Steps> {
        match self.whole()?.1 {
            Rounding::None => Some(Steps::none()),
            _ => self.nearly.as_ref()?.steps.clone(),
        }
    }

    /// The same, which is a number that was computed once, or its opposite.
    pub fn with_source(self, source: SourceId, sign: f64) -> Number {
        Number { source: Some((source, sign)), ..self }
    }

    /// The number, computed once, that it is, and 1, or -1 where it is the opposite.
    pub fn source(&self) -> Option<(SourceId, f64)> {
        self.source
    }

    /// What it is the square of, if it is one.
    pub fn square(&self) -> Option<&Square> {
        self.nearly.as_ref()?.square.as_ref()
    }

    /// All parts: the affine form, its exponent, symbols and rounding.
    pub fn parts(&self) -> (&Affine, u32, &Symbols, Rounding) {
        let Number { affine, exponent, symbols, rounding, .. } = self;
        (affine, *exponent, symbols, *rounding)
    }

    /// The guarded products on which it depends.
    pub fn guards(&self) -> Guards {
        self.guards
    }

    /// The same, which depends on more guarded products.
    pub fn assuming(self, guards: Guards) -> Number {
        Number { guards: self.guards.and(guards), ..self }
    }

    /// The affine form and its exponent, if there is nothing else; and the rounding.
    pub fn plain(&self) -> Option<(&Affine, u32, Rounding)> {
        let (affine, exponent, symbols, rounding) = self.parts();
        (*symbols == Symbols::default()).then_some((affine, exponent, rounding))
    }

    /// The affine form, if the number is it, and whole, but for rounding.
    pub fn whole(&self) -> Option<(&Affine, Rounding)> {
        self.plain().filter(|plain| plain.1 == 0).map(|(affine, _, rounding)| (affine, rounding))
    }

    /// The affine form over 2^exponent, if that is the number and nothing rounds.
    pub fn fraction(&self) -> Option<(&Affine, u32)> {
        let plain = self.plain().filter(|plain| plain.2 == Rounding::None);
        plain.map(|(affine, exponent, _)| (affine, exponent))
    }

    /// The affine form, if that is the number, whole, and nothing rounds.
    pub fn as_exact(&self) -> Option<&Affine> {
        self.whole().filter(|whole| whole.1 == Rounding::None).map(|whole| whole.0)
    }

    /// The mean and its factor, if that is all and nothing rounds.
    pub fn mean_alone(&self) -> Option<(SumId, f64)> {
        let (affine, _, symbols, rounding) = self.parts();
        let Symbols { recency, square, mean } = *symbols;
        let alone = *affine == Affine::default() && recency == 0.0 && square == 0.0;
        mean.filter(|_| alone && rounding == Rounding::None)
    }

    /// The factor of the recency, if that is all and nothing rounds.
    pub fn recency_alone(&self) -> Option<f64> {
        let (affine, _, symbols, rounding) = self.parts();
        let Symbols { recency, square, mean } = *symbols;
        let alone = *affine == Affine::default() && square == 0.0 && mean.is_none();
        (alone && rounding == Rounding::None).then_some(recency)
    }

    /// Whether it is that multiple of fl(t²), and perhaps one of the recency, but for rounding.
    pub fn is_square_and_recency(&self, factor: f64) -> bool {
        let (affine, _, symbols, _) = self.parts();
        let Symbols { recency: _, square, mean } = *symbols;
        *affine == Affine::default() && square == factor && mean.is_none()
    }

    /// Whether it is a multiple of fl(t²), and nothing rounds.
    pub fn is_square(&self) -> bool {
        let (affine, _, symbols, rounding) = self.parts();
        let Symbols { recency, square, mean } = *symbols;
        let alone = *affine == Affine::default() && recency == 0.0 && mean.is_none();
        alone && square != 0.0 && rounding == Rounding::None
    }
}

impl Value {
    /// An expression that the reference computes without rounding.
    pub fn exact(affine: Affine) -> Value {
        Value::Known(Number::exact(affine))
    }

    /// Always 0.
    pub fn zero() -> Value {
        Value::exact(Affine::default())
    }

    /// Its number, or why it is unknown.
    pub fn number(&self) -> Result<&Number, Cause> {
        match self {
            Value::Known(number) => Ok(number),
            Value::Unknown(cause) => Err(*cause),
        }
    }

    /// The affine form, if that is the number, whole, and nothing rounds.
    pub fn as_exact(&self) -> Option<&Affine> {
        self.number().ok().and_then(Number::as_exact)
    }

    /// The constant, if it is one without rounding.
    pub fn as_constant(&self) -> Option<i64> {
        self.as_exact().and_then(Affine::as_constant)
    }

    /// Whether it is always 0.
    pub fn is_zero(&self) -> bool {
        self.as_constant() == Some(0)
    }

    /// The guarded products on which it depends.
    pub fn guards(&self) -> Guards {
        self.number().map_or(Guards::NONE, Number::guards)
    }

    /// The same, which depends on more guarded products.
    pub fn assuming(self, guards: Guards) -> Value {
        match self {
            Value::Known(number) => Value::Known(number.assuming(guards)),
            unknown => unknown,
        }
    }
}

impl From<Result<Number, Cause>> for Value {
    fn from(number: Result<Number, Cause>) -> Value {
        match number {
            Ok(number) => Value::Known(number),
            Err(cause) => Value::Unknown(cause),
        }
    }
}
