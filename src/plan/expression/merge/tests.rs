//! Pieces against their definition, at random numbers of atoms within their bounds.

use std::sync::Arc;

use cranelift_entity::{EntityRef, PrimaryMap};
use fastrand::Rng;

use super::*;
use crate::plan::expression::arena::Features;
use crate::plan::expression::evaluate::evaluate;
use crate::plan::expression::feature_bounds::FeatureBounds;
use crate::plan::ids::SumId;

/// An arena of atoms with bounds, and numbers within them.
struct Free {
    arena: Arena,
    atoms: Vec<(AtomId, Interval)>,
}

impl Free {
    fn new(bounds: &[(i128, i128)]) -> Free {
        let mut columns = PrimaryMap::new();
        columns.push(vec![0]);
        let features = Arc::new(Features { columns, tokens: 1 });
        let mut arena = Arena::new(FeatureBounds::new(features, vec![0]), 1 << 20);
        let mut atoms = Vec::new();
        for (at, &(low, high)) in bounds.iter().enumerate() {
            let bounds = Interval::new(low, high);
            atoms.push((arena.intern(Atom::Sum(SumId::new(at)), bounds), bounds));
        }
        Free { arena, atoms }
    }

    fn random(random: &mut Rng) -> Free {
        let ends = [-9, -3, -2, -1, 0, 0, 1, 2, 3, 9, 1 << 30, -(1 << 30)];
        let mut end = || ends[random.usize(..ends.len())];
        let bounds = [0; 4].map(|_| {
            let (a, b) = (end(), end());
            (a.min(b), a.max(b))
        });
        Free::new(&bounds)
    }

    fn affine(&self, random: &mut Rng) -> Affine {
        let mut affine = Affine::constant(random.i64(-3..4));
        for _ in 0..random.usize(..3) {
            let (atom, _) = self.atoms[random.usize(..self.atoms.len())];
            affine = affine.plus(&Affine::atom(atom), random.i64(-2..3)).unwrap();
        }
        affine
    }

    /// Numbers of atoms: at an end, near one, or anywhere.
    fn numbers(&self, random: &mut Rng) -> Vec<i128> {
        let number = |bounds: &Interval| match random.u8(..6) {
            0 => bounds.low,
            1 => bounds.high,
            2 => (bounds.low + 1).min(bounds.high),
            3 => 0i128.clamp(bounds.low, bounds.high),
            _ => random.i128(bounds.low..=bounds.high),
        };
        self.atoms.iter().map(|atom| &atom.1).map(number).collect()
    }

    fn of(&self, affine: &Affine, numbers: &[i128]) -> i128 {
        evaluate(&self.arena, affine, &|atom| match atom {
            Atom::Sum(sum) => Some(numbers[sum.index()]),
            _ => None,
        })
    }
}

fn knots(random: &mut Rng) -> Knots {
    let merged: [&[(i64, i64)]; 4] =
        [&[(0, 1)], &[(1, 1), (0, -1)], &[(1, 1), (0, -2), (-1, 1)], &[(2, 3), (2, -3), (0, 1)]];
    if random.bool() {
        return merged[random.usize(..4)].to_vec();
    }
    (0..random.usize(..5)).map(|_| (random.i64(-4..5), random.i64(-3..4))).collect()
}

#[test]
fn pieces_are_their_definition_and_lie_within_their_bounds() {
    let (mut atoms, mut none) = (0, 0);
    for seed in 0..30_000 {
        let random = &mut Rng::with_seed(seed);
        let mut free = Free::random(random);
        let (gate, factor) = (free.affine(random), free.affine(random));
        let knots = knots(random);
        let piece = free.arena.piece(&gate, &factor, &knots).unwrap();
        let bounds = free.arena.bounds(&piece);
        if piece.terms.iter().any(|t| matches!(free.arena.atom(t.0), Atom::Piece { .. })) {
            atoms += 1;
        } else {
            none += 1;
        }
        for _ in 0..8 {
            let numbers = free.numbers(random);
            let gate_is = free.of(&gate, &numbers);
            let open = |&(k, c): &(i64, i64)| (gate_is + i128::from(k)).max(0) * i128::from(c);
            let direct = knots.iter().map(open).sum::<i128>() * free.of(&factor, &numbers);
            let context = format!("seed {seed}: {gate:?} {factor:?} {knots:?}");
            assert_eq!(free.of(&piece, &numbers), direct, "{context}");
            assert_eq!(height(&knots, gate_is), Some(knots.iter().map(open).sum()), "{context}");
            assert!(bounds.low <= direct && direct <= bounds.high, "{context}: {bounds:?}");
        }
    }
    assert!(atoms > 5_000 && none > 5_000, "{atoms} with an atom, {none} without");
}

#[test]
fn merged_sums_are_the_same_numbers_within_bounds_no_wider() {
    let mut narrower = 0;
    for seed in 0..30_000 {
        let random = &mut Rng::with_seed(seed);
        let mut free = Free::random(random);
        let (gate, factor) = (
            free.affine(random),
            match random.u8(..3) {
                0 => free.affine(random),
                _ => Affine::constant(1),
            },
        );
        let mut sum = match random.u8(..3) {
            0 => free.affine(random),
            _ => Affine::default(),
        };
        for _ in 0..random.usize(2..5) {
            let shift = Affine::constant(random.i64(-2..3));
            let gate = gate.plus(&shift, 1).unwrap();
            let unit = free.arena.piece(&gate, &factor, &[(0, 1)]).unwrap();
            sum = sum.plus(&unit, random.i64(-2..3)).unwrap();
        }
        if random.bool() {
            sum = sum.plus(&gate, random.i64(-2..3)).unwrap();
        }
        let before = free.arena.bounds(&sum);
        let merged = free.arena.merge(sum.clone()).unwrap();
        let after = free.arena.bounds(&merged);
        narrower += u32::from(after != before);
        for _ in 0..8 {
            let numbers = free.numbers(random);
            let direct = free.of(&sum, &numbers);
            assert_eq!(free.of(&merged, &numbers), direct, "seed {seed}: {sum:?} {merged:?}");
            assert!(after.low <= direct && direct <= after.high, "seed {seed}: {after:?}");
            assert!(before.low <= direct && direct <= before.high, "seed {seed}: {before:?}");
        }
    }
    assert!(narrower > 1_000, "{narrower} sums");
}

/// relu(x + k), as the arena has it.
fn unit(free: &mut Free, x: &Affine, k: i64) -> Affine {
    let gate = x.plus(&Affine::constant(k), 1).unwrap();
    free.arena.piece(&gate, &Affine::constant(1), &[(0, 1)]).unwrap()
}

#[test]
fn units_of_one_gate_are_bounded_together() {
    let mut free = Free::new(&[(-1000, 1000)]);
    let x = Affine::atom(free.atoms[0].0);
    let step = unit(&mut free, &x, 1).plus(&unit(&mut free, &x, 0), -1).unwrap();
    assert_eq!(free.arena.bounds(&step), Interval::new(-1000, 1001), "each for itself");
    let merged = free.arena.merge(step).unwrap();
    assert_eq!(free.arena.bounds(&merged), Interval::new(0, 1));
    let parts = [(1, 1), (0, -2), (-1, 1)];
    let test = parts
        .iter()
        .fold(Affine::default(), |sum, &(k, c)| sum.plus(&unit(&mut free, &x, k), c).unwrap());
    let merged = free.arena.merge(test).unwrap();
    assert_eq!(free.arena.bounds(&merged), Interval::new(0, 1));
}

#[test]
fn a_gate_that_is_always_open_is_a_unit_again_where_that_is_bounded() {
    let mut free = Free::new(&[(0, 1000)]);
    let x = Affine::atom(free.atoms[0].0);
    // relu(x + 1) is x + 1, and less relu(x - 4) it is at most 5.
    let open = unit(&mut free, &x, 1);
    assert_eq!(open, x.plus(&Affine::constant(1), 1).unwrap());
    let clamp = open.plus(&unit(&mut free, &x, -4), -1).unwrap();
    assert_eq!(free.arena.bounds(&clamp).high, 1001);
    let merged = free.arena.merge(clamp).unwrap();
    assert_eq!(free.arena.bounds(&merged), Interval::new(1, 5));
}

#[test]
fn gates_that_bounds_decide_leave_no_atom() {
    let mut free = Free::new(&[(2, 9), (-5, 5)]);
    let [x, y] = [0, 1].map(|at| Affine::atom(free.atoms[at].0));
    let before = free.arena.len();
    let shut = free.arena.piece(&x, &y, &[(-9, 1)]).unwrap();
    assert_eq!(shut, Affine::default());
    let open = free.arena.piece(&x, &Affine::constant(3), &[(-2, 1)]).unwrap();
    assert_eq!(open, Affine { c: -6, terms: vec![(free.atoms[0].0, 3)] });
    let constant = free.arena.piece(&Affine::constant(4), &y, &[(1, 2), (-4, 7)]).unwrap();
    assert_eq!(constant, Affine { c: 0, terms: vec![(free.atoms[1].0, 10)] });
    assert_eq!(free.arena.len(), before);
    // One step further it is no longer decided.
    free.arena.piece(&x, &y, &[(-8, 1)]).unwrap();
    free.arena.piece(&x, &Affine::constant(3), &[(-3, 1)]).unwrap();
    assert_eq!(free.arena.len(), before + 2);
}

#[test]
fn pieces_that_differ_in_sign_or_scale_are_one_atom() {
    let mut free = Free::new(&[(-9, 9), (-5, 5)]);
    let [x, y] = [0, 1].map(|at| Affine::atom(free.atoms[at].0));
    let piece = free.arena.piece(&x, &y, &[(1, 1), (0, -2), (-1, 3)]).unwrap();
    for scale in [-1, 2, -6] {
        let knots = [(1, scale), (0, -2 * scale), (-1, 3 * scale)];
        let scaled = free.arena.piece(&x, &y, &knots).unwrap();
        assert_eq!(Some(scaled), Affine::default().plus(&piece, scale));
    }
}

#[test]
fn coefficients_beyond_2_to_the_60_are_refused() {
    let mut free = Free::new(&[(-9, 9)]);
    let x = Affine::atom(free.atoms[0].0);
    let great = Affine::constant(MAX_COEFFICIENT);
    assert_eq!(free.arena.piece(&great, &x, &[(0, 2)]), None);
    assert_eq!(free.arena.piece(&great, &x, &[(1, 1)]), None);
    assert!(free.arena.piece(&great, &x, &[(0, 1)]).is_some());
    assert_eq!(height(&[(i64::MAX, i64::MAX)], i128::MAX), None);
    let twice = Affine { c: 0, terms: vec![(free.atoms[0].0, 2)] };
    let piece = free.arena.piece(&x, &twice, &[(0, MAX_COEFFICIENT)]).unwrap();
    assert_eq!(piece.plus(&piece, 1), None);
}

#[test]
fn what_is_left_of_a_function_does_not_depend_on_what_was_added_and_taken_away() {
    let mut free = Free::new(&[(-1000, 1000)]);
    let x = Affine::atom(free.atoms[0].0);
    let mut peak = |k: i64| {
        let bends = [(1, 1), (0, -2), (-1, 1)];
        let units = bends.map(|(by, c)| (unit(&mut free, &x, by - 2 * k), c));
        Affine::sum(0, units.iter().map(|(unit, c)| (unit, *c))).unwrap()
    };
    let peaks: Vec<Affine> = (0..9).map(&mut peak).collect();
    let sum = |free: &mut Free, from: usize, to: usize| {
        let scaled = peaks[from..to].iter().zip(1i64..);
        let sum = Affine::sum(0, scaled.map(|(peak, k)| (peak, k * k))).unwrap();
        free.arena.merge(sum).unwrap()
    };
    for from in 0..8 {
        let (all, part) = (sum(&mut free, 0, 9), sum(&mut free, 0, from));
        assert!(matches!(free.arena.atom(all.terms[0].0), Atom::Function { .. }));
        let rest = free.arena.merge(all.plus(&part, -1).unwrap()).unwrap();
        let scaled = peaks[from..].iter().zip(from as i64 + 1..);
        let direct = Affine::sum(0, scaled.map(|(peak, k)| (peak, k * k))).unwrap();
        assert_eq!(rest, free.arena.merge(direct).unwrap(), "without the first {from}");
    }
}
