//! Rows against the real arithmetic of f64: random numbers that are related to what is meant as
//! values claim, summed in random orders, fused and not, next to products by 0.

use std::sync::Arc;

use cranelift_entity::EntityRef;
use fastrand::Rng;
use num_bigint::BigInt;

use super::*;
use crate::plan::expression::arena::Features;
use crate::plan::expression::atom::Atom;
use crate::plan::expression::evaluate::evaluate;
use crate::plan::expression::feature_bounds::FeatureBounds;
use crate::plan::fuse::heads::Items;

/// Exact numbers are multiples of 2^-this.
const FINEST: i64 = 1000;

/// An f64 in steps of 2^-`FINEST`.
fn exact(x: f64) -> BigInt {
    let bits = x.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i64;
    let fraction = (bits & ((1 << 52) - 1)) as i64;
    let mantissa = if exponent == 0 { fraction } else { fraction | 1 << 52 };
    let shift = exponent.max(1) - 1075 + FINEST;
    let magnitude = if shift >= 0 {
        BigInt::from(mantissa) << shift
    } else {
        assert!(mantissa.trailing_zeros() as i64 >= -shift || mantissa == 0, "{x:e} is too fine");
        BigInt::from(mantissa) >> -shift
    };
    if x < 0.0 { -magnitude } else { magnitude }
}

/// A product of two, in the same steps.
fn times(a: f64, b: &BigInt) -> BigInt {
    (exact(a) * b) >> FINEST
}

fn is_nearest(x: f64, meant: &BigInt) -> bool {
    let off = |x: f64| (exact(x) - meant).magnitude().clone();
    let (here, above, below) = (off(x), off(x.next_up()), off(x.next_down()));
    here <= above.clone().min(below.clone())
        && (here < above && here < below || x.to_bits() & 1 == 0)
}

/// What a test draws: numbers of atoms, and the symbols of one position.
struct Drawn {
    atoms: Vec<i128>,
    position: i128,
    recency: f64,
    square: f64,
    means: Vec<f64>,
}

impl Drawn {
    fn of(&self, arena: &Arena, affine: &Affine) -> i128 {
        evaluate(arena, affine, &|atom| match atom {
            Atom::Position => Some(self.position),
            Atom::Sum(sum) => Some(self.atoms[sum.index()]),
            _ => None,
        })
    }

    /// The real number that is meant.
    fn meant(&self, arena: &Arena, number: &Number) -> BigInt {
        let (affine, exponent, symbols, _) = number.parts();
        let Symbols { recency, square, mean } = *symbols;
        let affine = BigInt::from(self.of(arena, affine)) << (FINEST - i64::from(exponent));
        let mean = mean
            .map_or(BigInt::ZERO, |(sum, factor)| times(factor, &exact(self.means[sum.index()])));
        affine + times(recency, &exact(self.recency)) + times(square, &exact(self.square)) + mean
    }
}

/// Σ w·x in a random order of sums of sums, each product fused or not.
fn summed(random: &mut Rng, products: &[(f64, f64)]) -> f64 {
    let mut products = products.to_vec();
    for _ in 0..random.usize(..3) {
        let x = [1.0, -3.5, 2f64.powi(70), 1e-9][random.usize(..4)];
        products.push(if random.bool() { (0.0, x) } else { (x, -0.0) });
    }
    if random.bool() {
        random.shuffle(&mut products);
    }
    let lanes = [1, 1, 2, 4][random.usize(..4)];
    let fused = [0, 1, 2][random.usize(..3)];
    let mut sums = vec![0.0f64; lanes];
    for (at, (w, x)) in products.into_iter().enumerate() {
        let sum = &mut sums[at % lanes];
        *sum = match fused {
            0 => *sum + w * x,
            1 => w.mul_add(x, *sum),
            _ if random.bool() => x.mul_add(w, *sum),
            _ => w * x + *sum,
        };
    }
    while sums.len() > 1 {
        let (a, b) = (sums.swap_remove(random.usize(..sums.len())), sums.pop().unwrap());
        sums.push(a + b);
    }
    sums[0]
}

/// A random row: its analysis, its terms, and numbers that are related to them as they claim.
struct Case {
    analysis: Analysis,
    terms: Vec<(f64, Value)>,
    drawn: Drawn,
    actual: Vec<f64>,
}

/// How many atoms a case has.
const ATOMS: usize = 6;

const WEIGHTS: [f64; 26] = [
    1.0,
    1.0,
    -1.0,
    -1.0,
    2.0,
    -2.0,
    3.0,
    -7.0,
    0.5,
    -0.25,
    0.75,
    9.313225746154785e-10,
    9.094947017729282e-13,
    1.0 / 3.0,
    67_108_864.0,
    67_108_863.0,
    -1_099_511_627_776.0,
    35_184_372_088_832.0,
    35_184_372_088_831.0,
    9_007_199_254_740_992.0,
    -4_503_599_627_370_496.0,
    6_755_399_441_055_744.0,
    -6_755_399_441_055_744.0,
    6_755_399_441_055_744.0,
    -6_755_399_441_055_745.0,
    8_106_479_329_266_893.0,
];

impl Case {
    fn new(random: &mut Rng) -> Case {
        let limit = [u64::from(u32::MAX) - 1, 1 << 20, 40][random.usize(..3)];
        let mut columns = PrimaryMap::new();
        columns.push(vec![0]);
        let features = Arc::new(Features { columns, tokens: 1 });
        let arena = Arena::new(FeatureBounds::new(features, vec![0]), limit);
        let mut items = Items::default();
        let mut analysis =
            Analysis { arena, summands: PrimaryMap::new(), place: Place::Plan, sources: 0 };
        let position = match random.u8(..4) {
            0 => 1,
            1 => limit,
            _ => random.u64(1..=limit),
        };
        let t = position as f64;
        let mut drawn = Drawn {
            atoms: Vec::new(),
            position: position.into(),
            recency: 1.0 / std::f64::consts::LN_2 - 1.0 / (t + 2.0).ln(),
            square: t * t,
            means: Vec::new(),
        };
        for _ in 0..ATOMS {
            let most = 1i128 << [0, 2, 8, 20, 32, 45, 50, 51][random.usize(..8)];
            let bounds = match random.u8(..4) {
                0 => Interval::new(0, most),
                1 => Interval::new(-most, 0),
                2 => Interval::new(most / 2, most),
                _ => Interval::new(-most, most),
            };
            let sum = items.sums.push(Affine::default());
            analysis.arena.intern(Atom::Sum(sum), bounds);
            analysis.summands.push(bounds);
            drawn.atoms.push(match random.u8(..4) {
                0 => bounds.low,
                1 => bounds.high,
                _ => random.i128(bounds.low..=bounds.high),
            });
            let mean = bounds.low as f64 + (bounds.high - bounds.low) as f64 * random.f64();
            drawn.means.push(if mean.abs() < 1e-30 { 0.0 } else { mean });
        }
        let mut case = Case { analysis, terms: Vec::new(), drawn, actual: Vec::new() };
        let count = [1, 1, 2, 2, 2, 3, 4, 7][random.usize(..8)];
        let plain = random.bool();
        let small = random.bool();
        if random.u8(..4) == 0 {
            // A great constant, which rounds others on purpose or by accident.
            let great = [6_755_399_441_055_744.0, -6_755_399_441_055_744.0, 5e15, 4.6e15];
            let one = Value::exact(Affine::constant(1));
            case.terms.push((great[random.usize(..4)], one));
            case.actual.push(1.0);
        }
        while case.terms.len() < count {
            let mut weight = WEIGHTS[random.usize(..WEIGHTS.len())];
            if small || random.u8(..3) == 0 {
                weight = [1.0, -1.0, 0.5][random.usize(..3)];
            }
            if !case.terms.is_empty() && random.u8(..5) == 0 {
                // The same once more, so that it cancels or nearly does.
                let at = random.usize(..case.terms.len());
                let (w, value) = case.terms[at].clone();
                let off = [0.0, 0.0, 1.0, w * f64::EPSILON][random.usize(..4)];
                case.terms.push((-w + off, value));
                case.actual.push(case.actual[at]);
                continue;
            }
            let number = case.number(random, plain);
            if let Some(actual) = case.actual_for(random, &number) {
                case.terms.push((weight, Value::Known(number)));
                case.actual.push(actual);
            }
        }
        case
    }

    fn atom(&self, random: &mut Rng) -> Affine {
        if random.u8(..8) == 0 {
            return Arena::position();
        }
        Affine::atom(crate::plan::ids::AtomId::from_u32(1 + random.u32(..ATOMS as u32)))
    }

    /// A random number, without symbols if it is to be plain.
    fn number(&mut self, random: &mut Rng, plain: bool) -> Number {
        let one = Affine::constant([1, 1, 1, 3, -2, 1 << 30, (1 << 52) + 1][random.usize(..7)]);
        let atom = self.atom(random);
        let c = Affine::constant([0, 0, 1, -5, 1 << 20][random.usize(..5)]);
        let some = c.plus(&atom, [1, 1, -1, 3, 1 << 10][random.usize(..5)]).unwrap();
        let exponent = [0, 0, 0, 1, 4, 10, 30, 40][random.usize(..8)];
        let none = Symbols::default();
        let error = Upper::of([1e-17, 2f64.powi(-23), 1e-3, 0.2, 3.0, 1e6][random.usize(..6)]);
        let factor: f64 = [1.0, -1.0, 0.25, 4.0, 0.3][random.usize(..5)];
        let sum = SumId::from_u32(random.u32(..ATOMS as u32));
        let fraction =
            |affine: Affine, rounding| Number::new(affine, exponent, none, rounding, Guards::NONE);
        match random.u8(..if plain { 7 } else { 12 }) {
            0 | 1 => fraction(one, Rounding::None),
            2 | 3 => fraction(some, Rounding::None),
            4 => fraction(some, Rounding::Within(error)),
            5 => {
                // What a great product is: rounded once.
                let great = Affine::default().plus(&some, 1 << [8, 20, 31][random.usize(..3)]);
                let great = great.and_then(|great| great.plus(&Affine::constant(1), 1));
                let great = great.unwrap_or(atom);
                let most = Upper::of_whole(self.analysis.arena.bounds(&great).magnitude());
                let error = most.times(Upper::of(f64::EPSILON));
                Number::new(great, 0, none, Rounding::Once(error), Guards::NONE)
            }
            6 => Number::near(some, error),
            7 => {
                let symbols = Symbols { recency: 1.0, ..none };
                Number::new(Affine::default(), 0, symbols, Rounding::None, Guards::NONE)
            }
            8 => {
                let symbols = Symbols { square: factor.signum(), ..none };
                Number::new(Affine::default(), 0, symbols, Rounding::None, Guards::NONE)
            }
            9 => {
                let symbols = Symbols { mean: Some((sum, factor.signum())), ..none };
                Number::new(Affine::default(), 0, symbols, Rounding::None, Guards::NONE)
            }
            10 => {
                let symbols = Symbols { recency: factor, square: 0.0, mean: Some((sum, 1.0)) };
                Number::new(some, exponent, symbols, Rounding::Within(error), Guards::NONE)
            }
            _ => {
                let symbols = Symbols { recency: factor, square: -1.0, mean: None };
                Number::new(some, exponent, symbols, Rounding::Within(error), Guards::NONE)
            }
        }
    }

    /// A number of the reference that is related to the one that is meant as it is claimed;
    /// `None` if there is none.
    fn actual_for(&mut self, random: &mut Rng, number: &Number) -> Option<f64> {
        let (affine, exponent, symbols, rounding) = number.parts();
        let Symbols { recency, square, mean } = *symbols;
        let near = self.drawn.of(&self.analysis.arena, affine) as f64 * two_to(-(exponent as i32))
            + recency * self.drawn.recency
            + square * self.drawn.square
            + mean.map_or(0.0, |(sum, factor)| factor * self.drawn.means[sum.index()]);
        let meant = self.drawn.meant(&self.analysis.arena, number);
        let is_within = |x: f64, error: Upper| {
            *(exact(x) - &meant).magnitude() <= *exact(error.number()).magnitude()
        };
        match rounding {
            Rounding::None => (exact(near) == meant).then_some(near),
            Rounding::Once(error) => {
                let x = [near, near.next_up(), near.next_down()];
                x.into_iter().find(|&x| is_nearest(x, &meant)).filter(|&x| is_within(x, error))
            }
            Rounding::Within(error) => {
                let part = [1.0, -1.0, 0.999, random.f64() - 0.5][random.usize(..4)];
                let x = near + (error.number() * part) as f32 as f64;
                [x, near].into_iter().find(|&x| is_within(x, error))
            }
        }
    }

    fn products(&self) -> Vec<(f64, f64)> {
        self.terms.iter().map(|term| term.0).zip(self.actual.iter().copied()).collect()
    }

    /// Asserts that a number's claim holds for what the row computes.
    fn holds(&self, number: &Number, computed: f64) -> Result<(), String> {
        let meant = self.drawn.meant(&self.analysis.arena, number);
        let holds = match number.parts().3 {
            Rounding::None => exact(computed) == meant,
            Rounding::Once(error) => {
                is_nearest(computed, &meant)
                    && (exact(computed) - &meant).magnitude() <= exact(error.number()).magnitude()
            }
            Rounding::Within(error) => {
                (exact(computed) - &meant).magnitude() <= exact(error.number()).magnitude()
            }
        };
        if holds {
            return Ok(());
        }
        Err(format!(
            "{computed:e} against {number:?}: {:?}, numbers {:?}, atoms {:?}",
            self.terms, self.actual, self.drawn.atoms
        ))
    }
}

/// By name, how often something was met.
#[derive(Default, Debug)]
struct Met(std::collections::BTreeMap<&'static str, u32>);

impl Met {
    fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    fn at_least(&self, least: u32, all: &[&'static str]) {
        for what in all {
            assert!(self.0.get(what).is_some_and(|&met| met >= least), "{what} in {self:?}");
        }
    }
}

const CASES: u64 = 100_000;

#[test]
fn rows_are_what_they_claim_in_every_order_of_summation() {
    let mut met = Met::default();
    for seed in 0..CASES {
        let random = &mut Rng::with_seed(seed);
        let mut case = Case::new(random);
        let owned = case.terms.clone();
        let terms: Vec<(f64, &Value)> = owned.iter().map(|term| (term.0, &term.1)).collect();
        let value = case.analysis.row(&terms);
        let number = match value.number() {
            Ok(number) => number,
            Err(cause) => {
                met.count(match cause.rule {
                    Rule::DyadicWeight => "weight",
                    Rule::Coefficient => "coefficient",
                    Rule::Symbol => "symbol",
                    Rule::OneMean => "means",
                    Rule::Register => "register",
                    other => panic!("{other:?}"),
                });
                continue;
            }
        };
        let products = case.analysis.products(&terms).unwrap();
        let is_purpose = rounds_on_purpose(&products);
        let several = products.len() > 1;
        let rounded = case.analysis.arena.len() > 1 + ATOMS;
        met.count(match number.parts().3 {
            Rounding::None if rounded => "a fraction rounded on purpose",
            Rounding::None if is_purpose => "errors rounded away",
            Rounding::None if several => "exact sums",
            Rounding::None => "exact products",
            Rounding::Once(_) => "rounded once",
            Rounding::Within(_) if several => "sums within",
            Rounding::Within(_) => "products within",
        });
        let most = case.analysis.magnitude(number).number();
        for _ in 0..6 {
            let computed = summed(random, &case.products());
            assert_eq!(case.holds(number, computed), Ok(()), "seed {seed}");
            assert!(computed.abs() <= most, "seed {seed}: {computed:e} beyond {most:e}");
        }
    }
    met.at_least(
        40,
        &[
            "exact sums",
            "exact products",
            "rounded once",
            "sums within",
            "products within",
            "a fraction rounded on purpose",
            "errors rounded away",
            "weight",
            "symbol",
            "means",
        ],
    );
}

#[test]
fn the_positive_part_of_a_gate_is_as_near_as_its_rounding_says_in_every_order_of_summation() {
    let mut met = Met::default();
    for seed in 0..CASES {
        let random = &mut Rng::with_seed(seed);
        let mut case = Case::new(random);
        let mut owned = case.terms.clone();
        if random.bool() {
            // A product that is never positive may have any size.
            let great = [-1e15, -1_125_899_906_842_625.0, -(2f64.powi(58)), -(2f64.powi(60))];
            let great = great[random.usize(..4)];
            let atom = case.atom(random);
            let number = Number::exact(atom);
            if let Some(actual) = case.actual_for(random, &number) {
                if random.bool() {
                    owned.truncate(1);
                    case.actual.truncate(1);
                }
                owned.push((great, Value::Known(number)));
                case.actual.push(actual);
                case.terms = owned.clone();
            }
        }
        let terms: Vec<(f64, &Value)> = owned.iter().map(|term| (term.0, &term.1)).collect();
        let row = case.analysis.row(&terms);
        let Ok(gate) = case.analysis.gate(&terms) else {
            met.count("refused");
            continue;
        };
        let is_exact = row.number().is_ok_and(|number| number.fraction().is_some());
        let error = exact(gate.number().parts().3.error().number());
        met.count(match (is_exact, error == BigInt::ZERO) {
            (true, _) => "exact",
            (false, true) => "negative where it rounds",
            (false, false) => "nearly whole",
        });
        let meant = case.drawn.meant(&case.analysis.arena, &gate.0);
        let meant = meant.max(BigInt::ZERO);
        for _ in 0..6 {
            let computed = summed(random, &case.products()).max(0.0);
            assert!(
                (exact(computed) - &meant).magnitude() <= error.magnitude(),
                "seed {seed}: {computed:e} against {gate:?} = {meant}: {:?}, numbers {:?}",
                case.terms,
                case.actual
            );
        }
    }
    met.at_least(100, &["refused", "exact", "nearly whole", "negative where it rounds"]);
}

fn whole_analysis() -> (Analysis, Vec<Affine>) {
    let mut case = Case::new(&mut Rng::with_seed(1));
    case.analysis.arena = Arena::new(case.analysis.arena.feature_bounds.clone(), 1 << 20);
    let mut atoms = Vec::new();
    for (at, most) in [(0, 1i64 << 52), (1, 1 << 10), (2, 1 << 52)] {
        let atom = Atom::Sum(SumId::from_u32(at));
        atoms.push(Affine::atom(
            case.analysis.arena.intern(atom, Interval::new(-i128::from(most), most.into())),
        ));
    }
    (case.analysis, atoms)
}

fn rounding_of(analysis: &mut Analysis, terms: &[(f64, &Affine)]) -> Option<Rounding> {
    let values: Vec<Value> = terms.iter().map(|term| Value::exact(term.1.clone())).collect();
    let terms: Vec<(f64, &Value)> = terms.iter().zip(&values).map(|(t, v)| (t.0, v)).collect();
    analysis.row(&terms).number().ok().map(|number| number.parts().3)
}

#[test]
fn exact_sums_end_at_2_to_the_53_steps() {
    let (mut analysis, atoms) = whole_analysis();
    let [great, small, other] = &atoms[..] else { unreachable!() };
    let of = |analysis: &mut Analysis, terms: &[(f64, &Affine)]| rounding_of(analysis, terms);
    assert_eq!(of(&mut analysis, &[(1.0, great), (1.0, other)]), Some(Rounding::None));
    assert_eq!(of(&mut analysis, &[(1.0, great), (-1.0, other)]), Some(Rounding::None));
    let beyond = of(&mut analysis, &[(1.0, great), (1.0, other), (1.0, small)]);
    assert!(matches!(beyond, Some(Rounding::Within(_))), "{beyond:?}");
    // Negative and positive products are counted apart, for they may come in any order.
    let cancelling = of(&mut analysis, &[(2.0, great), (-2.0, great), (1.0, small)]);
    assert!(matches!(cancelling, Some(Rounding::Within(_))), "{cancelling:?}");
    // A fraction makes steps finer for all.
    let finer = of(&mut analysis, &[(1.0, great), (0.25, small)]);
    assert!(matches!(finer, Some(Rounding::Within(_))), "{finer:?}");
    assert_eq!(of(&mut analysis, &[(0.5, great), (0.5, small)]), Some(Rounding::None));
    assert_eq!(of(&mut analysis, &[(two_to(-40), small), (1.0, small)]), Some(Rounding::None));
    assert_eq!(of(&mut analysis, &[(two_to(-41), small), (1.0, small)]), None);
}

#[test]
fn a_constant_rounds_only_where_f64_are_one_apart() {
    let (mut analysis, atoms) = whole_analysis();
    let one = Value::exact(Affine::constant(1));
    let near = Value::Known(Number::near(atoms[1].clone(), Upper::of(0.2)));
    let far = Value::Known(Number::near(atoms[1].clone(), Upper::of(0.26)));
    let rounds = |analysis: &mut Analysis, great: f64, value: &Value, weight: f64| {
        let row = analysis.row(&[(great, &one), (weight, value)]);
        row.as_exact().is_some()
    };
    let purpose = 1.5 * two_to(52);
    for sign in [1.0, -1.0] {
        assert!(rounds(&mut analysis, sign * purpose, &near, 1.0));
        assert!(!rounds(&mut analysis, sign * purpose, &far, 1.0));
        assert!(!rounds(&mut analysis, sign * purpose, &near, 2.0), "twice the error");
        assert!(!rounds(&mut analysis, sign * two_to(52), &near, 1.0), "half steps below 2^52");
        assert!(!rounds(&mut analysis, sign * (two_to(53) - 5.0), &near, 1.0), "steps of 2");
        let low = two_to(52) + two_to(11);
        assert!(rounds(&mut analysis, sign * low, &near, 1.0));
    }
    // A number so great that it rounds by 1/4 itself, in its product and in the sum.
    for (sum, most, is_fine) in [(3, (1i64 << 49) - (1 << 30), true), (4, 1 << 49, false)] {
        let bounds = Interval::new(-i128::from(most), most.into());
        let atom = analysis.arena.intern(Atom::Sum(SumId::from_u32(sum)), bounds);
        let value = Value::Known(Number::near(Affine::atom(atom), Upper::of(1e-9)));
        assert_eq!(rounds(&mut analysis, purpose, &value, 1.0), is_fine, "{most}");
    }
}

#[test]
fn exact_sums_and_products_are_told_from_rounded_ones() {
    let mut random = Rng::with_seed(5);
    for _ in 0..20_000 {
        let mut draw = || {
            let whole = random.i64(-(1 << 53)..=1 << 53) >> random.u32(..54);
            whole as f64 * two_to(random.i32(-60..60))
        };
        let (a, b) = (draw(), draw());
        assert_eq!(exact_sum(a, b).is_some(), exact(a + b) == exact(a) + exact(b), "{a} + {b}");
        let product = (exact(a) * exact(b)) >> FINEST;
        assert_eq!(exact_product(a, b).is_some(), exact(a * b) == product, "{a} · {b}");
    }
    assert_eq!(exact_product(two_to(-900), two_to(-900)), None, "underflow is no product");
}

#[test]
fn weights_are_dyadic_with_the_least_exponent_or_not_at_all() {
    assert_eq!(dyadic(0.75), Some((3, 2)));
    assert_eq!(dyadic(-6.0), Some((-6, 0)));
    assert_eq!(dyadic(two_to(-40)), Some((1, 40)));
    assert_eq!(dyadic(two_to(-41)), None);
    assert_eq!(dyadic(two_to(53)), Some((1 << 53, 0)));
    assert_eq!(dyadic(two_to(54)), None);
    assert_eq!(dyadic(0.1), None);
}
