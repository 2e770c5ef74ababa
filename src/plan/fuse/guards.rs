//! On which guarded products a number depends, and where.
//!
//! A number at some position depends on products of the same position, and through heads on products
//! of any position before it. The difference matters in a prompt. There nothing is predicted, so a
//! product on which nothing depends but the logits of its own position may be as great as it likes;
//! one on which keys or values of a head depend may not (lemma 8 of docs/plan.md).

/// Guarded products within whose bounds a number is what it is said to be, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// Those of the number's own position.
    here: u64,
    /// Those of every position up to it.
    everywhere: u64,
}

impl Guards {
    /// How many products can be told apart.
    pub const BITS: u32 = u64::BITS;

    /// Nothing is assumed.
    pub const NONE: Guards = Guards { here: 0, everywhere: 0 };

    /// The product of this number, below [`Guards::BITS`], at the position at hand.
    pub fn of(number: u32) -> Guards {
        Guards { here: 1 << number, everywhere: 0 }
    }

    /// What both assume.
    pub fn and(self, other: Guards) -> Guards {
        let Guards { here, everywhere } = other;
        Guards { here: self.here | here, everywhere: self.everywhere | everywhere }
    }

    /// What is assumed of a number that a head may take from any position up to this one.
    pub fn at_every_position(self) -> Guards {
        Guards { here: 0, everywhere: self.here | self.everywhere }
    }

    /// Whether the product of this number is assumed to keep its bounds at every position.
    pub fn has_everywhere(self, number: u32) -> bool {
        self.everywhere >> number & 1 == 1
    }

    /// Whether it is assumed of the position at hand, and perhaps of no other.
    pub fn has_here(self, number: u32) -> bool {
        (self.here | self.everywhere) >> number & 1 == 1
    }
}

impl FromIterator<Guards> for Guards {
    fn from_iter<I: IntoIterator<Item = Guards>>(all: I) -> Guards {
        all.into_iter().fold(Guards::NONE, Guards::and)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Attention, Decoder, Planned, Reference};
    use crate::linalg::Kernel;
    use crate::model::{HeadKind, TieBreak, Token};
    use crate::plan::Plan;
    use crate::plan::fuse::draft::{Draft, FREE, HeadDraft, ONE, SQUARE, TIME};
    use crate::plan::limits::MAX_PRODUCT;

    /// The slots of the factors, of their product, and of what a head makes of it.
    const PRODUCT: usize = FREE + 2;
    const FOUND: usize = FREE + 3;

    /// Products of tokens 1 to 5: as great as a guard lets be, one step beyond on either side, far
    /// beyond what f64 holds, and small.
    const FACTORS: [(f64, f64); 5] = [
        (1024.0, (1u64 << 30) as f64),
        (1.0, (MAX_PRODUCT + 1) as f64),
        (1.0, -(MAX_PRODUCT + 1) as f64),
        ((1u64 << 45) as f64, ((1u64 << 45) - 1) as f64),
        (5.0, 3.0),
    ];

    /// A model that predicts token 6 after a product, or what a head makes of it, of more than 10.
    fn draft(head: Option<HeadDraft<'_>>) -> Draft {
        let mut draft = Draft::new(7, 12, 2, 1);
        for (token, (gate, factor)) in (1..).zip(FACTORS) {
            draft.embed(token, &[(FREE, gate), (FREE + 1, factor)]);
        }
        draft.unit(0, 0, &[(FREE, 1.0)], &[(FREE + 1, 1.0)]);
        draft.fed(0, PRODUCT, &[(0, 1.0)]);
        let read = match head {
            Some(head) => {
                draft.head(1, 0, head);
                draft.attended(1, FOUND, &[(0, 1.0)]);
                FOUND
            }
            None => PRODUCT,
        };
        draft.logit(5, &[(ONE, 10.0)]);
        draft.logit(6, &[(read, 1.0)]);
        draft
    }

    const GATHER: HeadDraft<'static> = HeadDraft {
        kind: HeadKind::Gather,
        tie: TieBreak::Latest,
        query: [&[(TIME, 1.0), (ONE, -1.0)], &[(ONE, 1.0)]],
        key: [&[(TIME, 2.0)], &[(SQUARE, -1.0)]],
        value: [&[(PRODUCT, 1.0)], &[]],
    };

    const PASSTHROUGH: HeadDraft<'static> = HeadDraft {
        kind: HeadKind::Passthrough,
        query: [&[(TIME, 1.0)], &[(ONE, 1.0)]],
        key: [&[(TIME, 2.0)], &[(ONE, 1.0)]],
        ..GATHER
    };

    /// The position at which a plan ends along a prompt, if it does; else it predicts as the
    /// reference does behind it.
    fn ends(draft: &Draft, prompt: &[u32]) -> Option<u64> {
        let model = draft.model();
        let plan = Plan::new(&model, Token(0));
        assert_eq!(plan.as_ref().unwrap().summary().guards, 1);
        let kernel = Kernel::preferred();
        let mut planned = Planned::new(&model, &plan, Attention::Kinds, kernel);
        let mut reference = Reference::new(&model, Attention::Kinds, kernel).unwrap();
        for (at, &token) in [0].iter().chain(prompt).enumerate() {
            planned.take(Token(token), at == prompt.len()).unwrap();
            reference.step(Token(token)).unwrap();
        }
        assert_eq!(planned.next_token().unwrap(), reference.next_token().unwrap(), "{prompt:?}");
        planned.fallback().map(|fallback| fallback.position)
    }

    #[test]
    fn a_product_that_only_its_own_position_reads_is_guarded_where_that_predicts() {
        for draft in [draft(None), draft(Some(PASSTHROUGH))] {
            assert_eq!(ends(&draft, &[2, 3, 4, 4, 5]), None);
            assert_eq!(ends(&draft, &[4, 1]), None);
            for great in [2, 3, 4] {
                assert_eq!(ends(&draft, &[5, great]), Some(2));
            }
        }
    }

    #[test]
    fn a_product_that_later_positions_read_is_guarded_at_every_position() {
        let draft = draft(Some(GATHER));
        assert_eq!(ends(&draft, &[1, 5, 1, 5, 5]), None);
        for great in [2, 3, 4] {
            assert_eq!(ends(&draft, &[5, great, 5, 5]), Some(2));
            assert_eq!(ends(&draft, &[5, 5, great]), Some(3));
        }
    }

    #[test]
    fn what_a_head_takes_from_elsewhere_is_assumed_everywhere() {
        let own = Guards::of(3).and(Guards::of(63));
        assert!(own.has_here(3) && own.has_here(63) && !own.has_here(4));
        assert!(!own.has_everywhere(3));
        let taken = own.at_every_position();
        assert!(taken.has_everywhere(3) && taken.has_here(63) && !taken.has_everywhere(4));
        let both: Guards = [Guards::of(5), taken].into_iter().collect();
        assert!(both.has_here(5) && !both.has_everywhere(5) && both.has_everywhere(3));
        // What is assumed here and everywhere is still assumed everywhere.
        assert!(Guards::of(3).and(taken).at_every_position().has_everywhere(3));
    }
}
