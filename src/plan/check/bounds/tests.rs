//! What follows for each kind of atom, and that no narrower claim is believed.

use super::*;
use crate::model::Model;
use crate::plan::expression::interval::Interval;
use crate::plan::fuse::heads::{Column, Table};
use crate::plan::ids::SumId;

fn plan() -> Plan {
    let model = Model::from_bytes(&include_bytes!("../../../../models/wasm32.bin")[..]).unwrap();
    Plan::new(&model, Plan::likely_bos(&model)).unwrap()
}

#[test]
fn every_bound_of_the_bundled_plan_is_derived() {
    let plan = plan();
    let derived = derive(&plan);
    assert_eq!(derived.unproved, [""; 0]);
    assert_eq!(derived.atoms, plan.summary().atoms);
    assert!(derived.expressions > derived.atoms / 2, "{derived:?}");
}

#[test]
fn a_bound_that_does_not_follow_is_found() {
    let mut plan = plan();
    plan.arena = plan.arena.with_narrower_bounds();
    assert!(derive(&plan).unproved.len() > 100);
}

#[test]
fn bos_may_stand_at_every_place_but_the_latest() {
    let mut plan = plan();
    let bos = plan.single_bos().unwrap().index();
    let latest = Arena::position();
    let before = latest.plus(&Affine::constant(1), -1).unwrap();
    let twice = latest.plus(&latest, 1).unwrap();
    let mut differ = 0;
    for feature in plan.features.columns.keys().collect::<Vec<_>>() {
        let column = plan.features.columns[feature].clone();
        let range = |without: Option<usize>| {
            let values = column.iter().enumerate().filter(|value| Some(value.0) != without);
            let values = values.map(|value| i128::from(*value.1));
            values.clone().min().zip(values.max())
        };
        differ += usize::from(range(None) != range(Some(bos)));
        for place in [&latest, &before, &twice] {
            let atom = Atom::Feature { place: place.clone(), feature };
            let affine = Affine::atom(plan.arena.intern(atom, Interval::point(0)));
            let walk = walk(&plan);
            let without = (*place == latest).then_some(bos);
            assert_eq!(walk.of(&affine), range(without), "{feature} at {place:?}");
            let atom = Atom::Feature { place: place.clone(), feature };
            assert_eq!(walk.atom(&atom), range(without), "{feature} at {place:?}");
        }
    }
    assert!(differ > 0);
}

fn walk(plan: &Plan) -> Walk<'_> {
    Walk { plan, derived: Derived::default(), seen: BTreeMap::new() }
}

#[test]
fn every_kind_of_atom_has_the_bounds_that_follow() {
    let mut plan = plan();
    let mut between = |number: u32, low: i128, high: i128| {
        let sum = Atom::Sum(SumId::from_u32(number));
        Affine::atom(plan.arena.intern(sum, Interval::new(low, high)))
    };
    let [gate, factor, wide, endless] = [
        between(1001, -3, 5),
        between(1002, -2, 7),
        between(1003, -9, 1 << 50),
        between(1004, i128::MIN, 1 << 41),
    ];
    let piece = |factor: &Affine, knots: &[(i64, i64)]| Atom::Piece {
        gate: gate.clone(),
        factor: factor.clone(),
        knots: knots.to_vec(),
    };
    let limit = i128::from(plan.arena.limit());
    let latch = plan.items.latches.keys().next().unwrap();
    for (atom, range) in [
        (Atom::Position, Some((1, limit))),
        (Atom::Clamped(wide.clone()), Some((0, limit))),
        (Atom::Sum(SumId::from_u32(0)), Some((0, i128::from(MAX_SUM)))),
        (Atom::SumSteps(SumId::from_u32(0)), Some((0, 2 * i128::from(MAX_SUM)))),
        (Atom::Age(latch), Some((0, i128::from(MAX_AGE)))),
        (Atom::Guarded(gate.clone()), Some((-3, 5))),
        (Atom::Guarded(wide), Some((-9, 1 << 40))),
        (Atom::Guarded(endless.clone()), Some((-(1 << 40), 1 << 40))),
        // max(x, 0)·y; x clamped to 0 and 1; 1 where x is 0; the magnitude of x.
        (piece(&factor, &[(0, 1)]), Some((-10, 35))),
        (piece(&Affine::constant(1), &[(0, -1), (1, 1)]), Some((0, 1))),
        (piece(&Affine::constant(1), &[(-1, 1), (0, -2), (1, 1)]), Some((0, 1))),
        (piece(&Affine::constant(-4), &[(-1, 1), (0, -2), (1, 1)]), Some((-4, 0))),
        (piece(&Affine::constant(1), &[(0, 1), (1, -2), (2, 1)]), Some((0, 1))),
        (piece(&endless, &[(0, 1)]), None),
    ] {
        assert_eq!(walk(&plan).atom(&atom), range, "{atom:?}");
    }
    // Position 0 has key 0 in a table, and its own number in a column.
    let (query, steps, dead) = Default::default();
    let table = plan.items.tables.push(Table { number: factor.clone(), dead, hull: None });
    let found = Atom::FoundKey { table, query, steps };
    assert_eq!(walk(&plan).atom(&found), Some((-2, 7)));
    plan.items.tables[table].number = factor.plus(&Affine::constant(1), 9).unwrap();
    assert_eq!(walk(&plan).atom(&found), Some((0, 16)));
    plan.items.tables[table].number = factor.plus(&Affine::constant(1), -8).unwrap();
    assert_eq!(walk(&plan).atom(&found), Some((-10, 0)));
    for (at_zero, range) in [(0, (-3, 5)), (-4, (-4, 5)), (6, (-3, 6))] {
        let column = plan.items.columns.push(Column { value: gate.clone(), at_zero });
        let held = Atom::Column { column, place: Arena::position() };
        assert_eq!(walk(&plan).atom(&held), Some(range));
    }
}

#[test]
fn a_claim_may_be_wider_than_what_follows_but_not_narrower() {
    let mut plan = plan();
    let most = i128::from(MAX_SUM);
    let claims = [(0, most), (-5, most + 7), (1, most), (0, most - 1)];
    let sums: Vec<Affine> = (2000..)
        .zip(claims)
        .map(|(number, (low, high))| {
            let sum = Atom::Sum(SumId::from_u32(number));
            Affine::atom(plan.arena.intern(sum, Interval::new(low, high)))
        })
        .collect();
    for (sum, follows) in sums.iter().zip([true, true, false, false]) {
        let mut walk = walk(&plan);
        walk.atoms_of(sum);
        walk.atoms_of(sum);
        assert_eq!(walk.derived.atoms, usize::from(follows), "{sum:?}");
        assert_eq!(walk.derived.unproved.len(), usize::from(!follows), "{sum:?}");
    }
}

#[test]
fn an_expression_fits_registers_up_to_their_limit() {
    let mut plan = plan();
    for (constant, fits) in [
        (MAX_REGISTER, true),
        (-MAX_REGISTER, true),
        (MAX_REGISTER + 1, false),
        (-MAX_REGISTER - 1, false),
    ] {
        let mut walk = walk(&plan);
        walk.expression(&Affine::constant(constant));
        assert_eq!(walk.derived.expressions, usize::from(fits), "{constant}");
        assert_eq!(walk.derived.unproved.len(), usize::from(!fits), "{constant}");
    }
    // What is guarded fits, too, unless it is one product, which saturates.
    let wide = Interval::new(0, 1 << 63);
    let sum = Affine::atom(plan.arena.intern(Atom::Sum(SumId::from_u32(3000)), wide));
    let gate = Affine::atom(plan.arena.intern(Atom::Sum(SumId::from_u32(3001)), wide));
    let unit = Atom::Piece { gate, factor: Affine::constant(1), knots: vec![(0, 1)] };
    let unit = Affine::atom(plan.arena.intern(unit, wide));
    let most = Interval::new(0, MAX_PRODUCT.into());
    let unproved = |plan: &mut Plan, guarded: Affine| {
        let guarded = Affine::atom(plan.arena.intern(Atom::Guarded(guarded), most));
        let mut walk = walk(plan);
        walk.expression(&guarded);
        let fits = |text: &&String| text.contains("fits registers");
        walk.derived.unproved.iter().filter(fits).count()
    };
    assert_eq!(unproved(&mut plan, sum), 1);
    // Its gate does not.
    assert_eq!(unproved(&mut plan, unit), 1);
}

#[test]
fn what_is_rounded_or_divided_lies_within_its_bounds_and_reaches_them() {
    let mut plan = plan();
    let ranges = (-9i128..9).flat_map(|low| (low..9).map(move |high| (low, high)));
    for (number, (low, high)) in (1000..).zip(ranges) {
        let between =
            plan.arena.intern(Atom::Sum(SumId::from_u32(number)), Interval::new(low, high));
        let affine = Affine::atom(between);
        let walk = walk(&plan);
        for shift in 1..4 {
            let step = 1i128 << shift;
            let quotients = || (low..=high).filter(|x| x % step == 0).map(|x| x / step);
            let whole = walk.atom(&Atom::Whole { affine: affine.clone(), shift }).unwrap();
            if let (Some(least), Some(most)) = (quotients().min(), quotients().max()) {
                assert_eq!(whole, (least, most), "{low} to {high} by {step}");
            }
            // Ties go to even.
            let nearest = |x: i128| (x as f64 / step as f64).round_ties_even() as i128;
            let (least, most) =
                walk.atom(&Atom::Rounded { affine: affine.clone(), shift }).unwrap();
            assert!(least <= nearest(low) && nearest(high) <= most);
            assert!(nearest(low) - least <= 1 && most - nearest(high) <= 1);
        }
    }
}
