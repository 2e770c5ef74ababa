use cranelift_entity::EntityRef;

use super::*;
use crate::model::{HeadKind, TieBreak};
use crate::plan::expression::interval::Interval;
use crate::plan::fuse::draft::{Draft, FREE, HeadDraft, NUMBER, ODD, ONE, SQUARE, TIME, zero};
use crate::plan::fuse::fuse;
use crate::plan::ids::SlotId;

const TOKENS: usize = 6;

fn fused(draft: &Draft) -> Fused {
    let model = draft.model();
    fuse(&model, &zero(&model), 1 << 26).unwrap()
}

fn live_of(fused: &mut Fused, basis: Vec<Affine>) -> Result<Live, Cause> {
    live(fused, &Output { basis, ..Output::default() })
}

/// A running sum within ±2^62 and more.
fn great(fused: &mut Fused, more: i128) -> Affine {
    let sum = fused.items.sums.push(Affine::default());
    let bounds = Interval::new(-(1 << 62), (1 << 62) + more);
    Affine::atom(fused.analysis.arena.intern(Atom::Sum(sum), bounds))
}

#[test]
fn what_may_leave_2_to_the_62_is_refused() {
    let mut fused = fused(&Draft::new(TOKENS, 8, 0, 0));
    let within = great(&mut fused, 0);
    assert!(live_of(&mut fused, vec![within.clone()]).is_ok());
    let beyond = great(&mut fused, 1);
    let more = within.plus(&Affine::constant(1), 1).unwrap();
    let arena = &mut fused.analysis.arena;
    let one = Affine::constant(1);
    let inner = [
        beyond.clone(),
        more.clone(),
        within.plus(&within, 1).unwrap(),
        // Not only what is read itself, but whatever it is made of.
        Affine::atom(arena.intern(Atom::Clamped(more.clone()), Interval::new(0, 9))),
        Affine::atom(
            arena.intern(Atom::Rounded { affine: more.clone(), shift: 9 }, Interval::new(0, 9)),
        ),
        Affine::atom(arena.intern(Atom::Guarded(more.clone()), Interval::new(0, 9))),
        Affine::atom(arena.intern(
            Atom::Piece { gate: more, factor: one, knots: vec![(-9, 1), (0, -1)] },
            Interval::new(0, 9),
        )),
    ];
    for affine in inner {
        let cause = live_of(&mut fused, vec![affine.clone()]).unwrap_err();
        assert_eq!((cause.place, cause.rule), (Place::Plan, Rule::Register), "{affine:?}");
        assert!(cause.bound.is_some_and(|bound| bound >= 2f64.powi(62)));
    }
}

#[test]
fn a_single_product_that_is_guarded_may_leave_2_to_the_62_for_it_saturates() {
    let mut fused = fused(&Draft::new(TOKENS, 8, 0, 0));
    let x = great(&mut fused, 0);
    let arena = &mut fused.analysis.arena;
    let product = arena.piece(&x, &x, &[(0, 1)]).unwrap();
    assert!(!arena.bounds(&product).is_within(MAX_REGISTER));
    let merged = arena.piece(&x, &x, &[(3, 1), (0, -1)]).unwrap();
    let guarded = arena.guarded(product.clone()).unwrap();
    // Nothing but a single product is guarded beyond registers.
    assert_eq!(arena.guarded(merged.clone()), None);
    assert!(live_of(&mut fused, vec![guarded]).is_ok());
    for affine in [
        product.clone(),
        product.plus(&product, 1).unwrap(),
        product.plus(&Affine::constant(1), 1).unwrap(),
        // Two units that are one piece do not saturate.
        merged,
    ] {
        assert_eq!(live_of(&mut fused, vec![affine]).unwrap_err().rule, Rule::Register);
    }
}

#[test]
fn what_items_are_made_of_is_checked_where_logits_depend_on_them() {
    let mut fused = fused(&Draft::new(TOKENS, 8, 0, 0));
    let beyond = great(&mut fused, 1);
    let latch = fused.items.latches.push(beyond);
    let ages = Interval::new(0, 9);
    let age = Affine::atom(fused.analysis.arena.intern(Atom::Age(latch), ages));
    assert!(live_of(&mut fused, vec![Arena::position()]).is_ok());
    assert_eq!(live_of(&mut fused, vec![age]).unwrap_err().rule, Rule::Register);
}

#[test]
fn only_what_logits_depend_on_is_needed() {
    let mut fused = fused(&Draft::new(TOKENS, 8, 0, 0));
    let number = fused.slots[SlotId::new(NUMBER)].as_exact().unwrap().clone();
    let odd = fused.slots[SlotId::new(ODD)].as_exact().unwrap().clone();
    let arena = &mut fused.analysis.arena;
    let few = Interval::new(0, 9);
    let sums: Vec<SumId> =
        [&number, &odd].map(|of| fused.items.sums.push(of.clone())).into_iter().collect();
    let sum_atoms: Vec<Affine> =
        sums.iter().map(|&sum| Affine::atom(arena.intern(Atom::Sum(sum), few))).collect();
    // A latch that is cleared by the second sum, read by a gate.
    let latch = fused.items.latches.push(sum_atoms[1].clone());
    let other = fused.items.latches.push(odd);
    let age = Affine::atom(arena.intern(Atom::Age(latch), few));
    let gated = arena.piece(&age, &number, &[(-1, 1)]).unwrap();
    let live = live_of(&mut fused, vec![gated]).unwrap();
    assert_eq!(live.needed.counts(&fused.items), [1, 1, 0, 0]);
    assert!(live.needed.sums.contains(sums[1]) && !live.needed.sums.contains(sums[0]));
    assert!(live.needed.latches.contains(latch) && !live.needed.latches.contains(other));
    // Code is specialised by its age, so it is up to date first, and what it reads with it.
    assert_eq!(live.age, Some(latch));
    assert_eq!(live.first.counts(&fused.items), [1, 1, 0, 0]);
    assert_eq!(live.selector, None);
    assert_eq!(live.counts.pieces, 1);
}

#[test]
fn tokens_of_a_class_agree_in_what_is_read_and_rows_in_what_is_read_there() {
    let mut draft = Draft::new(TOKENS, 12, 2, 3);
    draft.head(
        0,
        0,
        HeadDraft {
            kind: HeadKind::Gather,
            tie: TieBreak::Average,
            query: [&[(TIME, 1.0), (NUMBER, -1.0)], &[(ONE, 1.0)]],
            key: [&[(TIME, 2.0)], &[(SQUARE, -1.0)]],
            value: [&[(ODD, 1.0)], &[(NUMBER, 1.0)]],
        },
    );
    draft.attended(0, FREE, &[(0, 1.0)]);
    draft.unit(1, 0, &[(FREE, 1.0), (ONE, -0.0)], &[(ODD, 1.0)]);
    draft.fed(1, FREE + 1, &[(0, 1.0)]);
    let mut fused = fused(&draft);
    let output = fused.slots[SlotId::new(FREE + 1)].as_exact().unwrap().clone();
    let live = live_of(&mut fused, vec![output]).unwrap();
    // The place depends on the number of the latest token, the factor on whether it is odd.
    let classes: FxHashSet<u16> = live.classes.iter().copied().collect();
    assert_eq!(classes.len(), TOKENS, "the number tells all tokens apart");
    for (class, members) in live.members.iter().enumerate() {
        for &token in members {
            assert_eq!(usize::from(live.classes[token]), class);
        }
    }
    // At the selected place only odd and even differ.
    assert!(live.selector.is_some());
    assert_eq!(live.representatives.len(), 2);
    for token in 0..TOKENS {
        assert_eq!(live.selected_classes[token], live.selected_classes[token % 2]);
        let representative = live.representatives[usize::from(live.selected_classes[token])];
        assert_eq!(representative % 2, token % 2);
    }
}

#[test]
fn features_with_many_values_make_no_classes() {
    let mut draft = Draft::new(FEW_VALUES + 2, 8, 0, 0);
    let with = |draft: &Draft| {
        let mut fused = fused(draft);
        let number = fused.slots[SlotId::new(NUMBER)].as_exact().unwrap().clone();
        let odd = fused.slots[SlotId::new(ODD)].as_exact().unwrap().clone();
        live_of(&mut fused, vec![number, odd]).unwrap().members.len()
    };
    assert_eq!(with(&draft), 2, "odd and even");
    draft.embed(1, &[(NUMBER, 3.0)]);
    draft.embed(2, &[(NUMBER, 3.0)]);
    assert_eq!(with(&draft), FEW_VALUES + 1, "3 odd and even, and all others");
}
