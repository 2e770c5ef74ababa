//! The machine in other styles with one weight changed: its plan is refused, breaks, or predicts what the
//! reference predicts, along the traces of programs with a token astray. What is inexact in such a model is
//! so in ways that no builder meant.
//!
//! `PROPTEST_CASES` says how many are tried, and `HARDMAX_FIRST_SEED` is the first seed.

use hardmax::engine::Attention;
use hardmax::machine::Op;
use hardmax::model::{Model, ModelParts, Token};
use hardmax::plan::Plan;
use hardmax::weights::Style;

use crate::common::{cases, setting};
use crate::generator::Random;
use crate::styles::{known, parts};
use crate::verdict::{Verdict, behind};

/// All weights, matrix by matrix.
fn matrices(parts: &mut ModelParts) -> Vec<&mut Vec<f64>> {
    let layers = parts.layers.iter_mut().flat_map(|layer| {
        [
            &mut layer.attention_in,
            &mut layer.attention_out,
            &mut layer.feed_forward_in,
            &mut layer.feed_forward_out,
        ]
    });
    layers.chain([&mut parts.head]).collect()
}

/// Another weight in place of this one.
fn changed(random: &mut Random, weight: f64) -> f64 {
    let bit = |bit: u64| f64::from_bits(weight.to_bits() ^ 1 << bit);
    match random.below(8) {
        _ if weight == 0.0 => [1.0, -1.0, 0.5, 3.0][random.below(4) as usize],
        0 => -weight,
        1 | 2 => bit(52 + random.below(5)),
        3 => bit(52 + random.below(11)),
        4 | 5 => bit(48 + random.below(4)),
        6 => weight + 1.0,
        _ => bit(random.below(48)),
    }
}

#[test]
fn mutants_of_other_styles_give_the_tokens_of_their_reference() {
    let first = setting("HARDMAX_FIRST_SEED", 1);
    let count = u64::from(cases(150).max(60));
    let (mut plans, mut agree, mut broken, mut predictions) = (0, 0, 0, 0);
    for seed in first..first + count {
        let random = &mut Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let ops = if seed % 4 == 0 { Op::ALL } else { Op::plain() };
        let mut parts = parts(&Style::random(1 + random.below(1_000)), ops);
        let mut matrices = matrices(&mut parts);
        // Few of all matrices are large: the output head's is.
        let of_matrix = random.below(matrices.len() as u64) as usize;
        let matrix = &mut *matrices[of_matrix];
        let used: Vec<usize> = (0..matrix.len()).filter(|&at| matrix[at] != 0.0).collect();
        let at = match used.len() as u64 {
            used_count if used_count > 0 && random.below(8) > 0 => {
                used[random.below(used_count) as usize]
            }
            _ => random.below(matrix.len() as u64) as usize,
        };
        let before = matrix[at];
        matrix[at] = changed(random, before);
        let mutant = format!("seed {seed}: matrix {of_matrix}, {at}: {before} to {}", matrix[at]);
        let Ok(model) = Model::new(parts) else { continue };
        let plan = Plan::new(&model, Plan::likely_bos(&model));
        plans += usize::from(plan.is_ok());
        for (prompt, mut trace) in known(&model) {
            trace.truncate(prompt + 250);
            let astray = prompt + random.below(200) as usize;
            if let Some(token) = trace.get_mut(astray) {
                *token = Token(random.below(model.shape().vocabulary as u64) as u32);
            }
            let attention = [Attention::Kinds, Attention::Hull][random.below(2) as usize];
            match behind(&model, &plan, (&trace, prompt.min(20)), attention) {
                Verdict::Agrees { predictions: count } => {
                    agree += 1;
                    predictions += count;
                }
                Verdict::Broken { at } => {
                    broken += 1;
                    predictions += at;
                }
                Verdict::Refused | Verdict::Unanswered { .. } => {}
                differs => panic!("{mutant}: {differs:?} by {attention:?}"),
            }
        }
    }
    println!(
        "{count} mutants, {plans} plans: {agree} agree, {broken} break; {predictions} predictions"
    );
    assert!(plans > count as usize / 4 && predictions > 100 * plans, "{plans}, {predictions}");
}
