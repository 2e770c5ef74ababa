//! Code for what is known of a step against code that knows nothing, against the reference, and
//! against the definition of what a history leaves behind.

use fastrand::Rng;

use super::*;
use crate::engine::{Attention, Reference};
use crate::linalg::Kernel;
use crate::model::{HeadKind, Model, TieBreak, Token};
use crate::plan::code::compiler::Compiler;
use crate::plan::code::deferred::{Deferred, split};
use crate::plan::code::interpret::Machine;
use crate::plan::code::op::{Op, POSITION, PREDICTION};
use crate::plan::expression::evaluate::World;
use crate::plan::fuse::draft::{
    Draft, FREE, HeadDraft, NUMBER, ODD, ONE, RECENCY, Row, SQUARE, TIME,
};

const TOKENS: usize = 7;

const NUMBER_SQUARED: usize = FREE;
const MEAN: usize = FREE + 1;
/// What the latch reads, and where.
const LATCHED: usize = FREE + 2;
const LATCH: usize = FREE + 3;
/// What stands at the selected place.
const THERE: usize = FREE + 4;
const ODD_THERE: usize = FREE + 5;
const FOUND_KEY: usize = FREE + 6;
const FOUND: usize = FREE + 7;
const NEAR_SUM: usize = FREE + 8;
const BIASED: usize = FREE + 9;
const SUM: usize = FREE + 10;
const UNITS: [usize; 3] = [FREE + 11, FREE + 12, FREE + 13];
const COLUMN: usize = FREE + 14;
/// Set by what stands at the selected place.
const LATE_LATCH: usize = FREE + 15;
const LATE_UNIT: usize = FREE + 16;
const WIDTH: usize = 24;

const ROUNDING: f64 = 1.5 * (1u64 << 52) as f64;

fn head<'a>(kind: HeadKind, x: Row<'a>, key: [Row<'a>; 2], value: [Row<'a>; 2]) -> HeadDraft<'a> {
    let latest = kind == HeadKind::Keyed;
    let tie = if latest { TieBreak::Latest } else { TieBreak::Average };
    HeadDraft { kind, tie, query: [x, &[(ONE, 1.0)]], key, value }
}

/// A model with every kind of head and all that code is specialised by.
fn model(seed: u64) -> Model {
    let random = &mut Rng::with_seed(seed);
    let mut draft = Draft::new(TOKENS, WIDTH, 4, 10);
    // Keys from 1 on, or from 0.
    let number: Row<'_> =
        if seed.is_multiple_of(3) { &[(NUMBER, 1.0), (ONE, -1.0)] } else { &[(NUMBER, 1.0)] };
    draft.unit(0, 0, number, number);
    draft.fed(0, NUMBER_SQUARED, &[(0, 1.0)]);

    draft.head(1, 0, head(HeadKind::Mean, &[], [&[], &[(ONE, 1.0)]], [&[(ODD, 1.0)], &[]]));
    let height = [(RECENCY, 0.3), (ODD, -1e30)];
    let latch = [&[(NUMBER, 1.0)][..], &[(TIME, 1.0)]];
    draft.head(1, 1, head(HeadKind::Keyed, &[], [&[], &height], latch));
    let place = [(TIME, 1.0), (NUMBER, -1.0)];
    let tokens = [&[(NUMBER, 1.0)][..], &[(ODD, 1.0)]];
    let positions = [&[(TIME, 2.0)][..], &[(SQUARE, -1.0)]];
    draft.head(1, 2, head(HeadKind::Gather, &place, positions, tokens));
    let query = [(NUMBER, 1.0), (ONE, random.i64(-3..3) as f64)];
    let height = [(RECENCY, 0.3), (NUMBER_SQUARED, -1.0), (ODD, -1e30)];
    let height = if random.bool() { &height[..] } else { &height[..2] };
    let twice: Vec<(usize, f64)> = number.iter().map(|&(slot, k)| (slot, 2.0 * k)).collect();
    let values = [number, &[(ODD, 1.0)]];
    draft.head(1, 3, head(HeadKind::Keyed, &query, [&twice, height], values));
    for (at, slot) in
        [MEAN, 0, LATCHED, LATCH, THERE, ODD_THERE, FOUND_KEY, FOUND].into_iter().enumerate()
    {
        if slot != 0 {
            draft.attended(1, slot, &[(at, 1.0)]);
        }
    }
    draft.unit(1, 0, &[(TIME, 1.0)], &[(MEAN, 1.0)]);
    draft.fed(1, NEAR_SUM, &[(0, 1.0)]);
    // Tests of what stands at the selected place, and of the age.
    let (wanted, age) = (random.i64(0..6) as f64, random.i64(0..5) as f64);
    for (i, off) in [1.0, 0.0, -1.0].into_iter().enumerate() {
        let factor = [(ONE, random.i64(-3..4) as f64), (LATCHED, random.i64(-1..2) as f64)];
        let factor = if seed.is_multiple_of(2) { &factor[..] } else { &[(FOUND_KEY, 1.0)] };
        draft.unit(1, 1 + i, &[(THERE, 1.0), (ONE, off - wanted)], factor);
        let gate = [(TIME, 1.0), (LATCH, -1.0), (ONE, off - age)];
        draft.unit(1, 4 + i, &gate, &[(FOUND, 2.0), (ONE, 1.0)]);
    }
    draft.fed(1, UNITS[0], &[(1, 1.0), (2, -2.0), (3, 1.0)]);
    draft.fed(1, UNITS[1], &[(4, 1.0), (5, -2.0), (6, 1.0)]);

    let back = [(TIME, 1.0), (ODD, -2.0), (ONE, -1.0)];
    draft.head(
        2,
        0,
        head(HeadKind::Gather, &back, positions, [&[(FOUND_KEY, 1.0), (LATCH, 1.0)], &[]]),
    );
    draft.attended(2, COLUMN, &[(0, 1.0)]);
    let height = [(RECENCY, 0.3), (ODD_THERE, -1e30)];
    draft.head(2, 1, head(HeadKind::Keyed, &[], [&[], &height], [&[(TIME, 1.0)], &[]]));
    draft.attended(2, LATE_LATCH, &[(2, 1.0)]);
    draft.unit(2, 0, &[(ONE, 1.0)], &[(NEAR_SUM, 1.0), (ONE, ROUNDING)]);
    draft.fed(2, BIASED, &[(0, 1.0)]);
    draft.unit(2, 1, &[(FOUND_KEY, 1.0), (LATCHED, -1.0)], &[(ODD_THERE, 1.0), (ODD, 1.0)]);
    draft.fed(2, UNITS[2], &[(1, 1.0)]);
    draft.unit(3, 0, &[(ONE, 1.0)], &[(BIASED, 1.0), (ONE, -ROUNDING)]);
    draft.fed(3, SUM, &[(0, 1.0)]);
    let age = random.i64(0..3) as f64;
    for (i, off) in [1.0, 0.0, -1.0].into_iter().enumerate() {
        let gate = [(TIME, 1.0), (LATE_LATCH, -1.0), (ONE, off - age)];
        draft.unit(3, 1 + i, &gate, &[(NUMBER, 3.0)]);
    }
    draft.fed(3, LATE_UNIT, &[(1, 1.0), (2, -2.0), (3, 1.0)]);

    let read =
        [ONE, NUMBER, THERE, FOUND_KEY, FOUND, LATCHED, SUM, COLUMN, UNITS[0], UNITS[1], UNITS[2]];
    for token in 1..TOKENS {
        let mut row = Vec::new();
        for slot in read {
            if random.u8(..3) > 0 {
                row.push((slot, random.i64(-2..3) as f64));
            }
        }
        draft.logit(token, &row);
    }
    draft.model()
}

/// Histories in which few tokens, or all, come in any order.
fn histories(seed: u64) -> impl Iterator<Item = Vec<usize>> {
    let mut random = Rng::with_seed(seed);
    (0..6).map(move |_| {
        let pool = [2, 3, TOKENS - 1, TOKENS - 1][random.usize(..4)];
        let mut history: Vec<usize> = (0..24).map(|_| 1 + random.usize(..pool)).collect();
        if random.bool() {
            // A latch that is not set for long.
            history[8..20].fill(1);
        }
        history
    })
}

/// The age that code may know, and the class of the selected token.
fn known_of(plan: &Plan, machine: &Machine<'_>, class: u16) -> Known {
    let t = machine.history.len() - 1;
    let selected = machine.registers[usize::from(plan.selected())].clamp(0, t as i64);
    let class_there = plan.selected_classes()[machine.history[selected as usize]];
    let age = plan.aged().map(|latch| t as i64 - machine.registers[usize::from(latch)]);
    Known { class, selected: Some(class_there), age: age.map(|age| age as u16) }
}

#[test]
fn code_for_what_is_known_computes_what_general_code_does() {
    let (mut steps, mut shorter, mut aged) = (0, 0, 0);
    for seed in 0..60 {
        let model = model(seed);
        let plan = Plan::new(&model, Token(0)).unwrap();
        assert!(plan.live.selector.is_some() && plan.single_bos() == Some(Token(0)));
        let mut compiler = Compiler::new(&plan);
        for history in histories(seed) {
            let mut machine = Machine::new(&plan);
            let mut reference =
                Reference::new(&model, Attention::Kinds, Kernel::preferred()).unwrap();
            reference.step(Token(0)).unwrap();
            for token in history {
                machine.push(token);
                reference.step(Token(token as u32)).unwrap();
                let class = plan.classes()[token];
                let first = compiler.first(class).unwrap();
                machine.run(&first, compiler.token_tables()).unwrap();
                let known = known_of(&plan, &machine, class);
                let mut general = machine.clone();
                let code =
                    compiler.second(Known { selected: None, age: None, ..known }, true).unwrap();
                general.run(&code, compiler.token_tables()).unwrap();
                let predicted = general.registers[usize::from(PREDICTION)];
                let context = format!("model {seed}, {:?}", machine.history);
                let next = i64::from(reference.next_token().unwrap().0);
                assert_eq!(predicted, next, "{context}");
                for variant in
                    [known, Known { age: None, ..known }, Known { selected: None, ..known }]
                {
                    let mut special = machine.clone();
                    let ops = compiler.second(variant, true).unwrap();
                    special.run(&ops, compiler.token_tables()).unwrap();
                    let got = special.registers[usize::from(PREDICTION)];
                    assert_eq!(got, predicted, "{context} as {variant:?}");
                    assert_eq!(special.state(), general.state(), "{context} as {variant:?}");
                    shorter += u32::from(ops.len() < code.len());
                    aged += u32::from(variant.age.is_some());
                    // Without a prediction it leaves the same behind.
                    let mut silent = machine.clone();
                    let ops = compiler.second(variant, false).unwrap();
                    silent.run(&ops, compiler.token_tables()).unwrap();
                    assert_eq!(silent.state(), general.state(), "{context} as {variant:?}");
                }
                machine = general;
                steps += 1;
            }
        }
    }
    assert!(steps > 1_000 && shorter > 1_000 && aged > 500, "{steps} {shorter} {aged}");
}

#[test]
fn what_code_leaves_behind_is_what_items_are_defined_as() {
    for seed in 0..8 {
        let model = model(seed);
        let plan = Plan::new(&model, Token(0)).unwrap();
        let mut compiler = Compiler::new(&plan);
        let history = histories(seed).next().unwrap();
        let mut machine = Machine::new(&plan);
        for token in history {
            machine.push(token);
            let class = plan.classes()[token];
            let first = compiler.first(class).unwrap();
            machine.run(&first, compiler.token_tables()).unwrap();
            let known = known_of(&plan, &machine, class);
            let ops = compiler.second(known, false).unwrap();
            machine.run(&ops, compiler.token_tables()).unwrap();
        }
        let t = machine.history.len() - 1;
        let world = World::new(&plan.arena, &plan.features, &plan.items, &machine.history);
        let needed = &plan.live.needed;
        for (sum, summand) in plan.items.sums.iter().filter(|it| needed.sums.contains(it.0)) {
            let total: i128 = (1..=t).map(|u| world.at(summand, u)).sum();
            assert_eq!(i128::from(machine.registers[usize::from(plan.sum(sum))]), total);
        }
        for (latch, dead) in plan.items.latches.iter().filter(|it| needed.latches.contains(it.0)) {
            let set = (1..=t).rev().find(|&u| world.at(dead, u) == 0).unwrap_or(0);
            assert_eq!(machine.registers[usize::from(plan.latch(latch))], set as i64);
        }
        for (id, table) in plan.items.tables.iter().filter(|it| needed.tables.contains(it.0)) {
            let live = (1..=t).filter(|&u| world.at(&table.dead, u) == 0);
            let mut all: Vec<(i64, usize)> =
                live.map(|u| (world.at(&table.number, u) as i64, u)).collect();
            all.insert(0, (0, 0));
            assert_eq!(machine.tables[id.as_u32() as usize], all);
        }
        for (id, column) in plan.items.columns.iter().filter(|it| needed.columns.contains(it.0)) {
            let mut all: Vec<i64> = (1..=t).map(|u| world.at(&column.value, u) as i64).collect();
            all.insert(0, column.at_zero);
            assert_eq!(machine.columns[id.as_u32() as usize], all);
        }
        assert!(!needed.columns.is_empty() && !needed.tables.is_empty());
    }
}

#[test]
fn late_answers_are_those_that_were_there_at_once() {
    let (mut late, mut moved) = (0, 0);
    for seed in 0..8 {
        let model = model(seed);
        let plan = Plan::new(&model, Token(0)).unwrap();
        let mut compiler = Compiler::new(&plan);
        for history in histories(seed + 100) {
            let mut machine = Machine::new(&plan);
            // Positions, inputs and code of answers, and what they are.
            let mut answers: Vec<(usize, Vec<i64>, Deferred, i64)> = Vec::new();
            for token in history {
                machine.push(token);
                let class = plan.classes()[token];
                let first = compiler.first(class).unwrap();
                machine.run(&first, compiler.token_tables()).unwrap();
                let known = known_of(&plan, &machine, class);
                let ops = compiler.second(known, true).unwrap();
                let mut whole = machine.clone();
                whole.run(&ops, compiler.token_tables()).unwrap();
                let (now, deferred) = split(ops.clone(), plan.first_free());
                assert_eq!(now.len() + deferred.ops.len(), ops.len());
                assert!(!deferred.ops.iter().any(Op::is_of_history));
                moved += deferred.ops.len();
                machine.run(&now, compiler.token_tables()).unwrap();
                assert_eq!(machine.state(), whole.state());
                let inputs = deferred.inputs.iter();
                let inputs = inputs.map(|&reg| machine.registers[usize::from(reg)]).collect();
                let answer = whole.registers[usize::from(PREDICTION)];
                answers.push((machine.history.len() - 1, inputs, deferred, answer));
            }
            for (t, inputs, deferred, answer) in answers {
                let mut after = Machine::new(&plan);
                after.history = machine.history[..=t].to_vec();
                after.registers[usize::from(POSITION)] = t as i64;
                for (at, input) in inputs.into_iter().enumerate() {
                    after.registers[usize::from(Deferred::INPUT) + at] = input;
                }
                after.run(&deferred.ops, compiler.token_tables()).unwrap();
                assert_eq!(after.registers[usize::from(PREDICTION)], answer, "model {seed} at {t}");
                late += 1;
            }
        }
    }
    assert!(late > 500 && moved > late, "{late} answers, {moved} operations");
}

#[test]
fn rebuilt_expressions_have_the_same_values() {
    for seed in 0..8 {
        let model = model(seed);
        let plan = Plan::new(&model, Token(0)).unwrap();
        for tokens in histories(seed + 200) {
            let mut history = vec![0];
            history.extend(tokens);
            for t in [1, 2, 7, 15, history.len() - 1] {
                let class = plan.classes()[history[t]];
                let known = Known { class, selected: None, age: None };
                let bounds = feature_bounds(&plan, class);
                let mut special = Specialiser::new(&plan, known, bounds, leaves_zero(&plan));
                for affine in plan.output.roots() {
                    let rebuilt = special.affine(affine).unwrap();
                    let bounds = special.arena.bounds(&rebuilt);
                    let world =
                        World::new(&plan.arena, &plan.features, &plan.items, &history[..=t]);
                    let value = world.at(affine, t);
                    assert!(bounds.low <= value && value <= bounds.high, "{history:?} at {t}");
                    // Items are those of the plan.
                    let here = world.over(&special.arena);
                    assert_eq!(here.at(&rebuilt, t), value, "{history:?} at {t}");
                }
            }
        }
    }
}

#[test]
fn only_tables_under_whose_key_0_nothing_is_written_leave_it_to_position_0() {
    // All tokens but the first have numbers from 1 on; token 2 may have another key.
    let with = |key_of_2: f64, dead: bool| {
        let mut draft = Draft::new(4, 14, 2, 2);
        let own = FREE;
        for token in 1..4 {
            draft.embed(token, &[(own, if token == 2 { key_of_2 } else { token as f64 })]);
            draft.embed(token, &[(FREE + 1, f64::from(u8::from(dead && token == 2)))]);
        }
        draft.unit(0, 0, &[(own, 1.0)], &[(own, 1.0)]);
        draft.fed(0, FREE + 2, &[(0, 1.0)]);
        let height = [(RECENCY, 0.3), (FREE + 2, -1.0), (FREE + 1, -1e30)];
        let query = [(NUMBER, 1.0), (ONE, -1.0)];
        let number = [(own, 2.0)];
        let table = head(HeadKind::Keyed, &query, [&number, &height], [&[(NUMBER, 1.0)], &[]]);
        draft.head(1, 0, table);
        draft.attended(1, FREE + 3, &[(0, 1.0)]);
        draft.logit(2, &[(FREE + 3, 1.0)]);
        let plan = Plan::new(&draft.model(), Token(0)).unwrap();
        plan.items.tables.keys().map(|table| leaves_zero(&plan).contains(table)).collect::<Vec<_>>()
    };
    assert_eq!(with(2.0, false), [true]);
    assert_eq!(with(0.0, false), [false]);
    assert_eq!(with(0.0, true), [true], "what is dead is not written");
}
