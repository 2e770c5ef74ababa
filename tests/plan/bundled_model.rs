//! The model of programs, as it is and with other head kinds.

use std::sync::LazyLock;

use hardmax::engine::EngineError;
use hardmax::machine::Symbol;
use hardmax::model::{Clears, HeadKind, LayerParts, Matrix, Model, ModelParts, Shape, Token};
use hardmax::oracle;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::common::programs::source;
use crate::common::{self, tokens};
use crate::generator::Random;
use crate::{by_plan, by_reference};

pub static MODEL: LazyLock<Model> = LazyLock::new(common::model);

/// Traces are compared up to here.
const LIMIT: u64 = 1_500;

#[test]
fn the_plan_needs_no_head_kinds_and_believes_none() {
    let mut runner = TestRunner::deterministic();
    let kinds: [&dyn Fn(HeadKind) -> HeadKind; 3] = [
        &|_| HeadKind::Lookup,
        &|kind| match kind {
            HeadKind::Keyed | HeadKind::Mean => HeadKind::Lookup,
            kind => kind,
        },
        // Lies: the plan proves what heads are.
        &|kind| if kind == HeadKind::Gather { HeadKind::Passthrough } else { HeadKind::Gather },
    ];
    for (round, kind) in kinds.into_iter().enumerate() {
        let mut stripped = parts(&MODEL);
        stripped.kinds = match round {
            0 => None,
            _ => stripped.kinds.map(|kinds| kinds.into_iter().map(kind).collect()),
        };
        let model = Model::new(stripped).unwrap();
        for _ in 0..20 {
            let program = source(false).new_tree(&mut runner).unwrap().current().program();
            let (expected, _) = oracle::trace(&program, LIMIT).unwrap();
            let (got, fallback) = by_plan(&model, &tokens(&program.prompt()), LIMIT);
            assert_eq!(fallback, None);
            assert_eq!(got.unwrap(), tokens(&expected));
        }
    }
}

#[test]
fn prompts_that_no_program_has_give_the_tokens_of_the_reference() {
    let mut random = Random(88172645463325252);
    let mut next = |below| random.below(below);
    let vocabulary = MODEL.shape().vocabulary as u64;
    let open = Symbol::Open.id();
    for _ in 0..60 {
        let mut prompt = vec![Token(if next(8) == 0 { next(vocabulary) as u32 } else { open })];
        for _ in 0..next(120) {
            let id = if next(3) == 0 { next(vocabulary) } else { next(256) };
            prompt.push(Token(id as u32));
        }
        let (got, fallback) = by_plan(&MODEL, &prompt, 60);
        let expected = by_reference(&MODEL, &prompt, 60);
        match (&got, &expected) {
            (Ok(got), Ok(expected)) => assert_eq!(got, expected, "{fallback:?} {prompt:?}"),
            // Beyond 2^26 the reference's hull must refuse where the plan goes on.
            (_, Err(EngineError::Inexact { .. })) => {}
            _ => panic!("{got:?} {expected:?} {fallback:?}"),
        }
    }
}

/// Everything in a model, to be changed and built anew.
pub fn parts(model: &Model) -> ModelParts {
    let shape = model.shape();
    let of = |matrix: Matrix<'_>| matrix.data.to_vec();
    ModelParts {
        shape,
        stop: model.stop(),
        vocabulary: model.vocabulary().iter().map(|(_, name)| name.to_owned()).collect(),
        embedding: of(model.embedding()),
        layers: model
            .layers()
            .map(|layer| LayerParts {
                attention_in: of(layer.attention_in),
                attention_out: of(layer.attention_out),
                feed_forward_in: of(layer.feed_forward_in),
                feed_forward_out: of(layer.feed_forward_out),
            })
            .collect(),
        head: of(model.head()),
        clears: Some(
            model
                .layers()
                .map(|layer| Clears {
                    after_attention: layer.cleared_after_attention.to_vec(),
                    after_feed_forward: layer.cleared_after_feed_forward.to_vec(),
                })
                .collect(),
        ),
        ties: Some(every_head(shape, |layer, head| model.tie(layer, head))),
        kinds: Some(every_head(shape, |layer, head| model.kind(layer, head))),
    }
}

fn every_head<T>(shape: Shape, of: impl Fn(usize, usize) -> T) -> Vec<T> {
    (0..shape.layers)
        .flat_map(|l| (0..shape.heads).map(move |h| (l, h)))
        .map(|(l, h)| of(l, h))
        .collect()
}
