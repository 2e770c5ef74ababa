//! Groups against the definition: the greatest logit in exact arithmetic, the lowest id on a tie.

use std::cmp::Reverse;

use fastrand::Rng;

use cranelift_entity::EntityRef;

use super::*;
use crate::engine::{Attention, Reference};
use crate::linalg::Kernel;
use crate::model::Token;
use crate::plan::expression::evaluate::World;
use crate::plan::fuse::draft::{Draft, FREE, NUMBER, ODD, ONE, RECENCY, TIME, zero};
use crate::plan::fuse::fuse;
use crate::plan::ids::SlotId;
use crate::plan::output_head::line_group::{one_group, twins};

/// The winner as a step finds it: the best of all groups' winners, in wrapping arithmetic.
fn winner(lines: &[LineGroup], planes: &[PlaneGroup], x: &[i64]) -> usize {
    let base = |terms: &[(usize, i64)]| {
        terms.iter().fold(0i64, |sum, &(at, k)| sum.wrapping_add(x[at].wrapping_mul(k)))
    };
    let of_line = lines.iter().map(|group| {
        let along = group.along.map_or(0, |along| x[along]);
        let line = group.winner(along);
        (base(&group.base).wrapping_add(line.at(along)), line.token)
    });
    let of_plane = planes.iter().map(|group| {
        let [along_x, along_y] = group.along.map(|along| x[along]);
        let point = group.winner(along_x, along_y);
        let base = base(&group.base).wrapping_add(group.height);
        (base.wrapping_add(point.at(along_x, along_y)), point.token)
    });
    let best = of_line.chain(of_plane).max_by_key(|&(logit, token)| (logit, Reverse(token)));
    best.unwrap().1 as usize
}

fn direct(rows: &Rows, x: &[i64]) -> usize {
    let logit = |(row, constant): &(Vec<i64>, i64)| {
        let terms = row.iter().zip(x).map(|(&k, &x)| i128::from(k) * i128::from(x));
        terms.sum::<i128>() + i128::from(*constant)
    };
    let ids = 0..rows.len();
    ids.max_by_key(|&id| (logit(&rows[id]), Reverse(id))).unwrap()
}

/// Random rows: along one line, along two, equal, alone, with weights small or near 2^60.
fn rows(random: &mut Rng, basis: usize) -> Vec<(Vec<i64>, i64)> {
    let great = [1i64 << 60, (1 << 60) - 1, -(1 << 60), (1 << 59) + 3, 1 << 40];
    let weight = |random: &mut Rng| match random.u8(..40) {
        0 => great[random.usize(..great.len())],
        1..5 => 0,
        _ => random.i64(-4..5),
    };
    let mut rows: Vec<(Vec<i64>, i64)> = Vec::new();
    let count = random.usize(1..14);
    if basis > 1 && random.bool() {
        let row: Vec<i64> = (0..basis).map(|_| weight(random)).collect();
        for _ in 0..count {
            let mut row = row.clone();
            (row[0], row[1]) = (random.i64(-9..10), random.i64(-9..10));
            rows.push((row, 7));
        }
    }
    while rows.len() < count {
        let mut row = match random.u8(..4) {
            0 => ((0..basis).map(|_| weight(random)).collect(), weight(random)),
            _ if rows.is_empty() => (vec![0; basis], 0),
            _ => rows[random.usize(..rows.len())].clone(),
        };
        for _ in 0..random.usize(..3) {
            row.0[random.usize(..basis)] = weight(random);
        }
        if random.bool() {
            row.1 = weight(random);
        }
        rows.push(row);
    }
    rows
}

#[test]
fn groups_give_the_greatest_logit_with_the_lowest_id() {
    let (mut compared, mut planes, mut great, mut ties) = (0, 0, 0, 0);
    for seed in 0..40_000 {
        let random = &mut Rng::with_seed(seed);
        let basis = random.usize(1..4);
        let rows = rows(random, basis);
        let nearness = Nearness { is_off: vec![false; rows.len()], same: |_, _| false };
        let Ok((line_groups, plane_groups)) = groups(&rows, basis, &nearness) else { continue };
        let tokens = |ids: &mut Vec<u32>| {
            ids.sort_unstable();
            ids.dedup();
        };
        let mut ids: Vec<u32> =
            line_groups.iter().flat_map(|g| &g.lines).map(|l| l.token).collect();
        tokens(&mut ids);
        planes += plane_groups.len();
        for _ in 0..6 {
            let most = [1, 2, 5, 60][random.usize(..4)];
            let x: Vec<i64> = (0..basis).map(|_| random.i64(-most..=most)).collect();
            let magnitude = |(row, constant): &(Vec<i64>, i64)| {
                let terms = row
                    .iter()
                    .zip(&x)
                    .map(|(k, x)| u128::from(k.unsigned_abs()) * u128::from(x.unsigned_abs()));
                terms.sum::<u128>() + u128::from(constant.unsigned_abs())
            };
            // What the check of every row assures.
            if rows.iter().any(|row| magnitude(row) > MAX_LOGIT) {
                continue;
            }
            compared += 1;
            great += u32::from(rows.iter().any(|row| magnitude(row) > 1 << 58));
            let best = direct(&rows, &x);
            let equal = |row: &(Vec<i64>, i64)| {
                direct(&[row.clone(), rows[best].clone()], &x) == 0
                    && direct(&[rows[best].clone(), row.clone()], &x) == 0
            };
            ties += u32::from(rows.iter().filter(|row| equal(row)).count() > 1);
            assert_eq!(winner(&line_groups, &plane_groups, &x), best, "{rows:?} at {x:?}");
        }
    }
    assert!(
        compared > 50_000 && planes > 1_000 && great > 1_000 && ties > 5_000,
        "{compared} compared, {planes} plane groups, {great} great, {ties} ties"
    );
}

#[test]
fn twins_differ_by_a_constant_everywhere() {
    let random = &mut Rng::with_seed(1);
    let mut found = 0;
    for _ in 0..5_000 {
        let count = random.usize(1..4);
        let rows: Vec<(Vec<i64>, i64)> =
            (0..count).map(|_| (vec![random.i64(-2..3)], random.i64(-3..4))).collect();
        let by = random.i64(-5..6);
        let mut other: Vec<(Vec<i64>, i64)> =
            rows.iter().map(|(row, height)| (row.clone(), height - by)).collect();
        if random.bool() {
            other[random.usize(..count)].1 += 1;
        }
        let ids: Vec<usize> = (0..count).collect();
        let [a, b] = [&rows, &other].map(|rows| one_group(rows, Some(0), &ids).unwrap());
        if let Some(by) = twins(&a, &b) {
            found += 1;
            for x in -9..10 {
                assert_eq!(a.winner(x).at(x) - b.winner(x).at(x), by, "{rows:?} {other:?} at {x}");
            }
        }
    }
    assert!((1_000..4_900).contains(&found), "{found}");
}

#[test]
fn winners_that_fill_too_long_a_table_are_refused() {
    let rows =
        |off: i64| -> Vec<(Vec<i64>, i64)> { vec![(vec![-1], 0), (vec![0], off), (vec![1], 0)] };
    assert!(one_group(&rows(1 << 19), Some(0), &[0, 1, 2]).is_none());
    let group = one_group(&rows((1 << 19) - 8), Some(0), &[0, 1, 2]).unwrap();
    for (x, token) in [(i64::MIN, 0), (-(1 << 19), 0), (0, 1), (1 << 19, 2), (i64::MAX, 2)] {
        assert_eq!(group.winner(x).token, token, "{x}");
    }
}

const TOKENS: usize = 6;

fn grouped(draft: &Draft) -> Result<(Fused, Output), Cause> {
    let model = draft.model();
    let mut fused = fuse(&model, &zero(&model), 1 << 26)?;
    let output = group(&model, &mut fused)?;
    Ok((fused, output))
}

fn refusal(draft: &Draft) -> (Place, Rule) {
    let cause = grouped(draft).err().expect("refused");
    (cause.place, cause.rule)
}

#[test]
fn whole_heads_predict_what_the_reference_does_and_refuse_what_may_round() {
    let (mut compared, mut refused) = (0, 0);
    for seed in 0..600 {
        let random = &mut Rng::with_seed(seed);
        let mut draft = Draft::new(TOKENS, 10, 0, 0);
        for token in 1..TOKENS {
            draft.embed(token, &[(FREE, random.i64(-5..6) as f64), (FREE + 1, 3.0)]);
        }
        let scale = [1.0, 0.5, 2f64.powi(-20), 2f64.powi(26), 2f64.powi(49), 2f64.powi(51)];
        let scale = scale[random.usize(..6)];
        for token in 0..TOKENS {
            let slots = [ONE, NUMBER, ODD, FREE, FREE + 1];
            let mut row = Vec::new();
            for slot in slots {
                if random.bool() {
                    row.push((slot, random.i64(-3..4) as f64 * scale));
                }
            }
            if random.u8(..3) == 0 {
                row.push((TIME, 1.0));
            }
            draft.logit(token, &row);
        }
        let model = draft.model();
        let (fused, output) = match grouped(&draft) {
            Ok(grouped) => grouped,
            Err(cause) => {
                assert_eq!(cause.rule, Rule::LogitRange, "seed {seed}: {cause}");
                refused += 1;
                continue;
            }
        };
        assert!(output.guards.is_empty());
        let mut reference = Reference::new(&model, Attention::Brute, Kernel::preferred()).unwrap();
        let mut history = vec![0];
        reference.step(Token(0)).unwrap();
        for t in 1..8 {
            let token = random.usize(1..TOKENS);
            history.push(token);
            reference.step(Token(token as u32)).unwrap();
            let world = World::new(&fused.analysis.arena, &fused.features, &fused.items, &history);
            let x: Vec<i64> = output.basis.iter().map(|it| world.at(it, t) as i64).collect();
            let next = winner(&output.line_groups, &output.plane_groups, &x);
            assert_eq!(next as u32, reference.next_token().unwrap().0, "seed {seed} {history:?}");
            compared += 1;
        }
    }
    assert!(compared > 1_000 && refused > 50, "{compared} compared, {refused} refused");
}

#[test]
fn logits_that_could_round_in_some_order_are_refused() {
    // NUMBER is 5 at most.
    let most = 2f64.powi(50);
    let mut draft = Draft::new(TOKENS, 8, 0, 0);
    draft.logit(3, &[(NUMBER, most), (ONE, 3.0 * most)]);
    assert!(grouped(&draft).is_ok(), "2^53 exactly");
    draft.logit(3, &[(ODD, 1.0)]);
    assert_eq!(refusal(&draft), (Place::Logit { token: 3 }, Rule::LogitRange));
    // What cancels in the end may round before.
    draft.logit(3, &[(NUMBER, most), (ONE, -4.0 * most), (ODD, 0.0)]);
    assert_eq!(refusal(&draft), (Place::Logit { token: 3 }, Rule::LogitRange));
    // A fraction makes steps finer.
    draft.logit(3, &[(NUMBER, 0.5), (ONE, 3.0 * most)]);
    assert!(grouped(&draft).is_ok());
    draft.logit(3, &[(NUMBER, 0.5), (ONE, 4.0 * most)]);
    assert_eq!(refusal(&draft), (Place::Logit { token: 3 }, Rule::LogitRange));
}

#[test]
fn heads_that_read_what_is_not_exact_or_have_other_weights_are_refused() {
    let mut draft = Draft::new(TOKENS, 8, 0, 0);
    draft.logit(1, &[(RECENCY, 1.0)]);
    assert_eq!(
        refusal(&draft),
        (Place::OutputSlot { slot: SlotId::new(RECENCY) }, Rule::ExactLogit)
    );
    let mut draft = Draft::new(TOKENS, 8, 0, 0);
    draft.logit(2, &[(NUMBER, 0.1)]);
    assert_eq!(refusal(&draft).1, Rule::DyadicWeight);
    let mut draft = Draft::new(TOKENS, 8, 0, 0);
    draft.logit(2, &[(NUMBER, 2f64.powi(-41))]);
    assert_eq!(refusal(&draft).1, Rule::DyadicWeight);
    let mut draft = Draft::new(TOKENS, 8, 0, 0);
    draft.embed(1, &[(FREE, 0.5)]);
    draft.logit(2, &[(FREE, 1.0)]);
    assert_eq!(
        refusal(&draft),
        (Place::Embedding { slot: SlotId::new(FREE) }, Rule::WholeFeatures)
    );
}

#[test]
fn fractions_are_guarded_to_be_whole_only_where_their_grid_is_too_fine() {
    let halved = |weight: f64| {
        let mut draft = Draft::new(TOKENS, 8, 1, 1);
        draft.unit(0, 0, &[(ONE, 1.0)], &[(NUMBER, 0.5)]);
        draft.fed(0, FREE, &[(0, 1.0)]);
        draft.logit(1, &[(FREE, weight)]);
        draft
    };
    let (_, output) = grouped(&halved(1.0)).unwrap();
    assert!(output.guards_of_predictions.is_empty());
    // 5/2 at most: 5 steps of a half, or 2 of 1.
    let (fused, output) = grouped(&halved(2f64.powi(51))).unwrap();
    assert_eq!(output.guards_of_predictions.len(), 1);
    let Fused { analysis, .. } = fused;
    assert_eq!(output.guards_of_predictions[0].terms.len(), 1);
    let atom = analysis.arena.atom(output.guards_of_predictions[0].terms[0].0);
    assert!(matches!(atom, crate::plan::expression::atom::Atom::Whole { shift: 1, .. }));
    assert_eq!(refusal(&halved(2f64.powi(53))).1, Rule::LogitRange);
}

#[test]
fn logits_of_fractions_are_those_of_the_reference() {
    // Half the number, a quarter of it, and 1, in weights that are no fractions and some that are.
    let mut draft = Draft::new(TOKENS, 8, 1, 2);
    draft.unit(0, 0, &[(ONE, 1.0)], &[(NUMBER, 0.5)]);
    draft.unit(0, 1, &[(ONE, 1.0)], &[(NUMBER, 0.25)]);
    draft.fed(0, FREE, &[(0, 1.0)]);
    draft.fed(0, FREE + 1, &[(1, 1.0)]);
    for (token, row) in [
        (1, &[(FREE, 1.0)][..]),
        (2, &[(ONE, 1.0)]),
        (3, &[(FREE + 1, 3.0), (ONE, -0.5)]),
        (4, &[(FREE, 4.0), (FREE + 1, -6.0), (ONE, 0.25)]),
        (5, &[(NUMBER, 2.0), (ONE, -7.75)]),
    ] {
        draft.logit(token, row);
    }
    let model = draft.model();
    let (fused, output) = grouped(&draft).unwrap();
    let mut reference = Reference::new(&model, Attention::Brute, Kernel::preferred()).unwrap();
    reference.step(Token(0)).unwrap();
    let mut history = vec![0];
    let mut winners = Vec::new();
    for t in 1..TOKENS {
        history.push(t);
        reference.step(Token(t as u32)).unwrap();
        let world = World::new(&fused.analysis.arena, &fused.features, &fused.items, &history);
        let x: Vec<i64> = output.basis.iter().map(|it| world.at(it, t) as i64).collect();
        let next = winner(&output.line_groups, &output.plane_groups, &x);
        assert_eq!(next as u32, reference.next_token().unwrap().0, "{history:?}");
        winners.push(next);
    }
    winners.dedup();
    assert!(winners.len() > 2, "{winners:?}");
}
