//! Functions of a whole number, by their values: what a sum of many units of one gate is.
//!
//! Units of one gate bend a polygon at their knots. If it is level before the first knot and behind the
//! last, or if the gate has bounds, it has finitely many values, at whole numbers, and these are all there
//! is to know of it (lemma 31 of docs/plan.md). So it does not matter how many units there are, or how they bend.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::interval::Interval;

/// Fewer knots are computed one by one.
const FEW_KNOTS: usize = 16;

/// More values are not written down,
const MOST_VALUES: i64 = (1 << 16) - 1;

/// nor more than this for each knot, so that a table is never much larger than the units that it stands for.
const VALUES_OF_A_KNOT: i128 = 256;

/// A function of a whole number, constant before the first of its values and behind the last.
#[derive(Clone, Debug)]
pub struct Function(Arc<Values>);

/// A sum of multiples of functions at the same number.
pub type Functions = Vec<(Function, i64)>;

#[derive(Debug, PartialEq, Eq)]
struct Values {
    from: i64,
    values: Vec<i64>,
    /// Of both.
    hash: u64,
}

impl PartialEq for Function {
    fn eq(&self, other: &Function) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash.hash(state);
    }
}

impl Function {
    /// Values beyond this are not written down, so that sums of them are easily bounded.
    pub const MOST: u64 = 1 << 50;

    /// Σ c·max(x + k, 0) over knots (k, c), by ascending k without two alike, for x within bounds; `None`
    /// where it does not pay, or cannot be.
    pub fn of(knots: &[(i64, i64)], within: Interval) -> Option<Function> {
        let slope: i128 = knots.iter().map(|knot| i128::from(knot.1)).sum();
        let ((last, _), (first, _)) = (knots.first()?, knots.last()?);
        // The polygon is 0 up to the first knot, and level from the last on if its slopes add up to 0.
        let from = within.low.max(-i128::from(*first));
        let to = if slope == 0 { within.high.min(-i128::from(*last)) } else { within.high };
        let length = to.checked_sub(from)?.checked_add(1)?;
        let most = i128::from(MOST_VALUES).min(VALUES_OF_A_KNOT * knots.len() as i128);
        if knots.len() < FEW_KNOTS || !(1..=most).contains(&length) {
            return None;
        }
        let from = i64::from(i32::try_from(from).ok().filter(|from| *from > i32::MIN)?);
        let mut bends = knots.iter().rev().peekable();
        let (mut value, mut slope) = (0i128, 0i128);
        while let Some(&(k, c)) = bends.next_if(|bend| -bend.0 < from) {
            slope += i128::from(c);
            value += i128::from(c) * (i128::from(from) + i128::from(k));
        }
        let values = (from..from + length as i64).map(|x| {
            let here = value;
            while let Some(&(_, c)) = bends.next_if(|bend| -bend.0 == x) {
                slope += i128::from(c);
            }
            value += slope;
            i64::try_from(here).ok().filter(|_| here.unsigned_abs() <= Function::MOST.into())
        });
        Some(Function::new(from, values.collect::<Option<Vec<i64>>>()?))
    }

    /// The function with these values from a number on.
    fn new(from: i64, values: Vec<i64>) -> Function {
        let mut hasher = rustc_hash::FxHasher::default();
        (from, &values).hash(&mut hasher);
        let hash = hasher.finish();
        Function(Arc::new(Values { from, values, hash }))
    }

    /// The first number that has a value of its own.
    pub fn from(&self) -> i64 {
        self.0.from
    }

    /// The last number that has a value of its own.
    pub fn to(&self) -> i64 {
        self.0.from + self.0.values.len() as i64 - 1
    }

    /// Least and greatest value.
    pub fn bounds(&self) -> Interval {
        let all = self.0.values.iter().map(|&value| i128::from(value));
        all.fold(Interval::EMPTY, Interval::including)
    }

    /// The units that it is the sum of, and what is added to them: its first value.
    pub fn knots(&self) -> (i64, impl Iterator<Item = (i64, i64)>) {
        let Values { from, values, .. } = &*self.0;
        let slope = |at: usize| values.get(at + 1).map_or(0, |next| next - values[at]);
        let bend = move |at: usize| slope(at) - if at == 0 { 0 } else { slope(at - 1) };
        let bends = (0..values.len()).map(move |at| (-(from + at as i64), bend(at)));
        (values[0], bends.filter(|bend| bend.1 != 0))
    }

    /// The value at a number.
    pub fn at(&self, x: i128) -> i64 {
        let last = self.0.values.len() as i128 - 1;
        self.0.values[(x - i128::from(self.0.from)).clamp(0, last) as usize]
    }
}

/// Whether the values of functions together are few enough to be written down as one function.
pub fn are_near<'f>(functions: impl Iterator<Item = &'f Function> + Clone) -> bool {
    let (from, to) = domain(functions, Interval::new(i64::MIN.into(), i64::MAX.into()));
    to - from < MOST_VALUES
}

/// Numbers between which functions have all the values that they have within `of`.
pub fn domain<'f>(
    functions: impl Iterator<Item = &'f Function> + Clone,
    of: Interval,
) -> (i64, i64) {
    let from = functions.clone().map(Function::from).min().unwrap_or(0);
    let to = functions.map(Function::to).max().unwrap_or(0);
    let within = |x: i128| x.clamp(from.into(), to.into()) as i64;
    (within(of.low), within(of.high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::expression::merge::height;
    use fastrand::Rng;

    #[test]
    fn a_function_is_the_sum_of_its_units_within_bounds() {
        let (mut made, mut bounded) = (0, 0);
        for seed in 0..300 {
            let random = &mut Rng::with_seed(seed);
            let first = random.i64(-1000..1000);
            let mut knots: Vec<(i64, i64)> = (0..random.usize(2..60))
                .map(|_| (first + random.i64(0..200), random.i64(-9..10)))
                .collect();
            knots.sort_unstable();
            knots.dedup_by_key(|knot| knot.0);
            let slope: i64 = knots.iter().map(|knot| knot.1).sum();
            if random.u8(..8) > 0 {
                knots[0].1 -= slope;
            }
            let (low, high) = match random.u8(..3) {
                0 => (i64::MIN / 2, i64::MAX / 2),
                1 => (-first - random.i64(0..300), i64::MAX / 2),
                _ => (-first - random.i64(0..300), -first + random.i64(0..100)),
            };
            let within = Interval::new(low.into(), high.into());
            let level = knots.iter().map(|k| k.1).sum::<i64>() == 0;
            let Some(function) = Function::of(&knots, within) else { continue };
            made += 1;
            bounded += u32::from(!level);
            for x in (-first - 300).max(low)..=(-first + 100).min(high) {
                let expected = height(&knots, x.into()).unwrap();
                assert_eq!(i128::from(function.at(x.into())), expected, "seed {seed}, at {x}");
            }
        }
        assert!(made > 100 && bounded > 5, "{made}, {bounded} of them only within bounds");
    }

    #[test]
    fn what_is_too_long_or_too_great_stays_a_sum() {
        let knots = |scale: i64, by: i64| -> Vec<(i64, i64)> {
            (0..20).map(|k| (k * scale, if k % 2 == 0 { by } else { -by })).collect()
        };
        let of = |knots: &[(i64, i64)]| Function::of(knots, Interval::new(-(1 << 61), 1 << 61));
        assert!(of(&knots(1, 1)).is_some());
        // 20 knots, and one value more than that of the last.
        assert!(of(&knots(269, 1)).is_some(), "5,112 values");
        assert!(of(&knots(270, 1)).is_none(), "5,131 values");
        let many =
            |count: i64| -> Vec<(i64, i64)> { (0..count).map(|k| (k, 1 - k % 2 * 2)).collect() };
        assert!(of(&many(65_534)).is_some());
        assert!(of(&many(65_536)).is_none());
        assert!(of(&knots(1, 1 << 46)).is_some());
        assert!(of(&knots(1, 1 << 51)).is_none());
        let far = |knot: (i64, i64)| (knot.0 + (1 << 40), knot.1);
        let far: Vec<(i64, i64)> = knots(1, 1).into_iter().map(far).collect();
        assert!(of(&far).is_none());
    }
}
