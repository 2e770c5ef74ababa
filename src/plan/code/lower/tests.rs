//! Random expressions, lowered and executed, against their definition.

use fastrand::Rng;

use super::*;
use crate::model::Token;
use crate::plan::code::interpret::Machine;
use crate::plan::code::op::Role;
use crate::plan::expression::arena::Arena;
use crate::plan::expression::evaluate::World;
use crate::plan::fuse::draft::{Draft, FREE, NUMBER, ODD, ONE};
use crate::plan::ids::FeatureId;

const TOKENS: usize = 6;

fn plan(seed: u64) -> Plan {
    let random = &mut Rng::with_seed(seed);
    let mut draft = Draft::new(TOKENS, 10, 0, 0);
    for token in 1..TOKENS {
        let great = [0.0, 1.0, -3.0, 2f64.powi(33), 1e6][random.usize(..5)];
        draft.embed(token, &[(FREE, random.i64(-4..5) as f64), (FREE + 1, great)]);
    }
    draft.logit(1, &[(NUMBER, 1.0), (FREE, 2.0)]);
    draft.logit(2, &[(ODD, 1.0), (FREE + 1, 1.0)]);
    Plan::new(&draft.model(), Token(0)).unwrap()
}

/// A sum of a few terms, of which some are in `known` already.
fn expression(random: &mut Rng, arena: &mut Arena, known: &[Affine], depth: u32) -> Affine {
    let constants = [0, 0, 1, -2, 7, 1 << 20, 1 << 35, -(1 << 35)];
    let mut sum = Affine::constant(constants[random.usize(..constants.len())]);
    if depth < 2 {
        sum = Affine::constant(sum.c % 8);
    }
    for _ in 0..random.usize(1..5) {
        let term = match random.u8(..if depth == 0 { 4 } else { 9 }) {
            0 => Arena::position(),
            1..4 => {
                let behind = Affine::constant(-random.i64(0..4));
                let mut place = Arena::position().plus(&behind, 1).unwrap();
                if random.u8(..4) == 0 {
                    let back = arena.feature(Arena::position(), FeatureId::from_u32(NUMBER as u32));
                    place = place.plus(&back, -1).unwrap();
                }
                if random.u8(..4) == 0 {
                    place = arena.clamped(place);
                }
                let feature = [ONE, NUMBER, ODD, FREE, FREE + 1][random.usize(..5)];
                arena.feature(place, FeatureId::from_u32(feature as u32))
            }
            4 => {
                let inner = expression(random, arena, known, depth - 1);
                arena.rounded(inner, random.u32(1..5)).unwrap_or_default()
            }
            5 => {
                // n·(n+1) is even, which bounds do not know.
                let n = arena.feature(Arena::position(), FeatureId::from_u32(NUMBER as u32));
                let next = n.plus(&Affine::constant(1), 1).unwrap();
                let product = arena.piece(&n, &next, &[(0, 1)]).unwrap();
                let whole = expression(random, arena, known, depth - 1);
                let both = product.plus(&whole, 2).unwrap();
                arena.whole(&both, 1).unwrap_or_default()
            }
            6 if !known.is_empty() => known[random.usize(..known.len())].clone(),
            _ => {
                let gate = expression(random, arena, known, depth - 1);
                let factor = match random.u8(..3) {
                    0 => expression(random, arena, known, 0),
                    _ => Affine::constant(random.i64(-2..3)),
                };
                let k = random.i64(-3..4);
                let knots = [
                    vec![(k, 1)],
                    vec![(k - 1, -1), (k, 1)],
                    vec![(k - 1, 1), (k, -2), (k + 1, 1)],
                    vec![(k - 2, 3), (k, -2), (k + 1, 1)],
                ];
                arena.piece(&gate, &factor, &knots[random.usize(..4)]).unwrap()
            }
        };
        sum = sum.plus(&term, [1, 1, 1, -1, -1, 2, -3][random.usize(..7)]).unwrap();
    }
    arena.merge(sum).unwrap()
}

#[test]
fn lowered_expressions_compute_their_values_and_write_each_register_once() {
    let (mut compared, mut operations) = (0, 0);
    for seed in 0..1_500 {
        let random = &mut Rng::with_seed(seed);
        let mut plan = plan(seed);
        let mut affines: Vec<Affine> = Vec::new();
        for _ in 0..random.usize(1..5) {
            let depth = random.u32(..3);
            let affine = expression(random, &mut plan.arena, &affines, depth);
            if plan.arena.bounds(&affine).is_within(1 << 55) {
                affines.push(affine);
            }
        }
        let plan = &plan;
        let mut compiler = Compiler::new(plan);
        let mut machine = Machine::new(plan);
        for _ in 0..6 {
            let token = random.usize(1..TOKENS);
            machine.push(token);
            let t = machine.history.len() - 1;
            let class = plan.classes()[token];
            let known = Known { class, selected: None, age: None };
            let mut lowering = Lowering::new(&mut compiler, known, Needed::default());
            let mut registers = Vec::new();
            for affine in &affines {
                let rebuilt = lowering.special.affine(affine).unwrap();
                registers.push(lowering.affine(&rebuilt).unwrap());
            }
            let ops = lowering.finish(Some(())).unwrap();
            let mut written = Vec::new();
            for mut op in ops.clone() {
                op.registers(|role, reg| match role {
                    Role::Writes => written.push(*reg),
                    Role::Reads => assert!(*reg < FIRST || written.contains(reg), "{ops:?}"),
                });
            }
            let count = written.len();
            written.sort_unstable();
            written.dedup();
            assert_eq!(written.len(), count, "{ops:?}");
            operations += ops.len();
            machine.run(&ops, compiler.token_tables()).unwrap();
            let world = World::new(&plan.arena, &plan.features, &plan.items, &machine.history);
            for (affine, reg) in affines.iter().zip(registers) {
                let got = machine.registers[usize::from(reg)];
                let context = format!("seed {seed}: {affine:?} in {:?}: {ops:?}", machine.history);
                assert_eq!(i128::from(got), world.at(affine, t), "{context}");
                compared += 1;
            }
        }
    }
    assert!(
        compared > 5_000 && operations > compared,
        "{compared} values, {operations} operations"
    );
}

#[test]
fn neighbouring_tokens_are_read_by_one_operation() {
    let mut plan = plan(1);
    let mut sum = Affine::default();
    for (behind, feature, k) in
        [(0, NUMBER, 1), (1, NUMBER, 256), (1, FREE, 3), (2, NUMBER, 7), (4, ODD, 1)]
    {
        let place = Arena::position().plus(&Affine::constant(-behind), 1).unwrap();
        let feature = plan.arena.feature(place, FeatureId::from_u32(feature as u32));
        sum = sum.plus(&feature, k).unwrap();
    }
    let sum = sum.plus(&Affine::constant(40), 1).unwrap();
    let mut compiler = Compiler::new(&plan);
    // Of a class of several tokens nothing is constant.
    let known = Known { class: plan.classes()[2], selected: None, age: None };
    let mut lowering = Lowering::new(&mut compiler, known, Needed::default());
    let rebuilt = lowering.special.affine(&sum).unwrap();
    lowering.affine(&rebuilt).unwrap();
    let ops = lowering.finish(Some(())).unwrap();
    let reads: Vec<(u8, i16)> = ops
        .iter()
        .map(|op| match *op {
            Op::Read { count, offset, .. } => (count, offset),
            other => panic!("{other:?}"),
        })
        .collect();
    // The latest token is known by its class.
    assert_eq!(reads, [(2, -1), (1, -4)]);
}

#[test]
fn a_guard_that_fails_and_a_rest_break_the_run() {
    let mut plan = plan(0);
    let number = plan.arena.feature(Arena::position(), FeatureId::from_u32(NUMBER as u32));
    let great = Affine::default().plus(&Arena::position(), 1 << 39).unwrap();
    let product = plan.arena.piece(&Arena::position(), &great, &[(0, 1)]).unwrap();
    let guarded = plan.arena.guarded(product).unwrap();
    let half = Arena::position().plus(&number, 2).unwrap();
    let half = plan.arena.whole(&half, 1).unwrap();
    let mut compiler = Compiler::new(&plan);
    let mut machine = Machine::new(&plan);
    let mut runs = Vec::new();
    for t in 1..5 {
        machine.push(1);
        let known = Known { class: plan.classes()[1], selected: None, age: None };
        for affine in [&guarded, &half] {
            let mut lowering = Lowering::new(&mut compiler, known, Needed::default());
            let rebuilt = lowering.special.affine(affine).unwrap();
            lowering.affine(&rebuilt).unwrap();
            let ops = lowering.finish(Some(())).unwrap();
            runs.push((t, machine.run(&ops, compiler.token_tables()).is_some()));
        }
    }
    // t²·2^39 is beyond 2^40 from t = 2 on, and t/2 is whole for even t.
    assert_eq!(
        runs,
        [
            (1, true),
            (1, false),
            (2, false),
            (2, true),
            (3, false),
            (3, false),
            (4, false),
            (4, true)
        ]
    );
}
