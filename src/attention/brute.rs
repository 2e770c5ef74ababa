//! The obvious memory: keep everything, scan it for every query.
//!
//! The twin that all others are tested against, and `--attention brute`. Its
//! scores are plain f64, `q[0]·k[0] + q[1]·k[1]`, so where they round, it
//! may see ties that are none and miss ties that are.

use super::admission::Admission;
use super::tied::Tied;
use super::{Memory, Violation};
use crate::model::TieBreak;

/// All keys and values, in order.
#[derive(Clone, Debug)]
pub struct Brute {
    tie: TieBreak,
    admission: Admission,
    keys: Vec<[f64; 2]>,
    values: Vec<[f64; 2]>,
}

impl Brute {
    /// A memory of no position.
    pub fn new(tie: TieBreak) -> Self {
        Self { tie, admission: Admission::new(), keys: Vec::new(), values: Vec::new() }
    }
}

impl Memory for Brute {
    fn insert(&mut self, key: [f64; 2], value: [f64; 2]) -> Result<(), Violation> {
        self.admission.check_key(key)?;
        self.keys.push(key);
        self.values.push(value);
        self.admission.admit();
        Ok(())
    }

    fn output(&mut self, query: [f64; 2]) -> Result<[f64; 2], Violation> {
        self.admission.check_query(query)?;
        let mut best = f64::NEG_INFINITY;
        let mut winners: Option<Tied> = None;
        for (position, (key, value)) in (0..).zip(self.keys.iter().zip(&self.values)) {
            let score = query[0] * key[0] + query[1] * key[1];
            let this = Tied::one(self.tie, position, *value);
            match &mut winners {
                Some(winners) if score == best => winners.merge(self.tie, this),
                _ if score > best => {
                    best = score;
                    winners = Some(this);
                }
                _ => {}
            }
        }
        winners.map(|w| w.output(self.tie)).ok_or(Violation::Empty)
    }

    fn heap_bytes(&self) -> usize {
        (self.keys.capacity() + self.values.capacity()) * size_of::<[f64; 2]>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(tie: TieBreak, query: [f64; 2]) -> Result<[f64; 2], Violation> {
        let mut brute = Brute::new(tie);
        for (key, value) in [([0., 0.], 1.), ([2., 1.], 2.), ([2., 1.], 4.), ([1., 3.], 8.)] {
            brute.insert(key, [value, -value])?;
        }
        brute.output(query)
    }

    #[test]
    fn the_greatest_score_wins_and_ties_break_as_told() {
        assert_eq!(ask(TieBreak::Average, [0., 1.]), Ok([8., -8.]));
        assert_eq!(ask(TieBreak::Average, [1., 0.]), Ok([3., -3.]));
        assert_eq!(ask(TieBreak::Latest, [1., 0.]), Ok([4., -4.]));
        assert_eq!(ask(TieBreak::Average, [0., 0.]), Ok([3.75, -3.75]));
        assert_eq!(ask(TieBreak::Latest, [0., 0.]), Ok([8., -8.]));
        assert_eq!(ask(TieBreak::Latest, [-1., -1.]), Ok([1., -1.]));
    }

    #[test]
    fn a_query_before_any_key_is_refused() {
        assert_eq!(Brute::new(TieBreak::Latest).output([1., 1.]), Err(Violation::Empty));
    }
}
