//! Verification by products says of models that nobody built what the reference says, whichever
//! products, however long blocks are and however many threads there are.

use std::convert::Infallible;

use hardmax::engine::verify::{End, Products, Settings, Verification, verify};
use hardmax::engine::{Attention, EngineError, Reference};
use hardmax::linalg::Kernel;
use hardmax::model::{HeadKind, LayerParts, Model, ModelParts, Shape, TieBreak, Token};

use crate::bundled_model::parts;
use crate::by_hand::{Hand, ONE, Row};
use crate::common::{POOLS, cases};
use crate::generator::{Random, random_model, random_prompt};

/// What the reference says of a history: the tokens after the prompt that it does not predict, and
/// where it cannot go on.
pub struct Expected {
    pub wrong: Vec<(u64, Token)>,
    pub fault: Option<(u64, EngineError)>,
}

pub fn by_reference(model: &Model, history: &[Token], prompt: usize, by: Attention) -> Expected {
    let mut reference = match Reference::new(model, by, Kernel::Portable) {
        Ok(reference) => reference,
        Err(error) => return Expected { wrong: Vec::new(), fault: Some((0, error)) },
    };
    let mut wrong = Vec::new();
    for (position, pair) in history.windows(2).enumerate() {
        if let Err(error) = reference.step(pair[0]) {
            return Expected { wrong, fault: Some((position as u64, error)) };
        }
        if position + 1 >= prompt {
            match reference.next_token() {
                Ok(token) if token == pair[1] => {}
                Ok(token) => wrong.push((position as u64 + 1, token)),
                // What it says of positions without a logit is its own affair.
                Err(_) => return Expected { wrong, fault: None },
            }
        }
    }
    Expected { wrong, fault: None }
}

/// Verifies a history in every way, and compares. Tells how many wrong tokens and faults there
/// were, and whether numbers had no bound.
pub fn check(model: &Model, history: &[Token], prompt: usize) -> (usize, usize, bool) {
    let (mut all_wrong, mut faults, mut great) = (0, 0, false);
    for attention in [Attention::Kinds, Attention::Hull] {
        let expected = by_reference(model, history, prompt, attention);
        all_wrong += expected.wrong.len();
        faults += usize::from(expected.fault.is_some());
        let mut first: Option<Verification> = None;
        for products in Products::ALL {
            for (block, pool) in [(1, 1), (7, 2), (64, 0), (512, 1)] {
                let settings =
                    Settings { attention, products, kernel: Kernel::Portable, block, spot: None };
                let tokens = history.iter().copied().map(Ok::<_, Infallible>);
                let found = verify(model, prompt as u64, tokens, settings, &POOLS[pool], |_| ());
                let found = match (found, &expected.fault) {
                    (Ok(found), _) => found,
                    (Err(error), Some((0, fault))) => {
                        assert_eq!(error.to_string(), fault.to_string(), "{settings:?}");
                        continue;
                    }
                    (Err(error), _) => panic!("{settings:?}: {error}"),
                };
                // Where numbers have no bound products say no more; the reference goes on.
                let mut wrong = expected.wrong.as_slice();
                match (&found.end, &expected.fault) {
                    (End::Broken { position, error: EngineError::GreatNumber { .. } }, fault) => {
                        assert!(fault.as_ref().is_none_or(|fault| fault.0 >= *position));
                        wrong = &wrong[..wrong.partition_point(|wrong| wrong.0 <= *position)];
                        great = true;
                    }
                    (End::Broken { position, error }, Some((at, fault))) => {
                        assert_eq!((position, error), (at, fault), "{settings:?}");
                    }
                    (End::Broken { error: EngineError::NoLogit { .. }, .. }, None) => continue,
                    (_, fault) => assert_eq!(*fault, None, "{settings:?}"),
                }
                let first_wrong = found.first.map(|first| (first.position, first.predicted));
                assert_eq!(first_wrong, wrong.first().copied(), "{settings:?}");
                assert_eq!(found.mismatches as usize, wrong.len(), "{settings:?}");
                // All that is told is the same in every way; memories, too, where none is broken off.
                let is_whole = !matches!(found.end, End::Broken { .. });
                let held = if is_whole { found.attention_bytes } else { 0 };
                let found = Verification { attention_bytes: held, ..found };
                let first = first.get_or_insert_with(|| found.clone());
                assert_eq!(*first, found, "{settings:?}");
            }
        }
    }
    (all_wrong, faults, great)
}

fn history(model: &Model, random: &mut Random, length: usize) -> (Vec<Token>, usize) {
    let vocabulary = model.shape().vocabulary as u64;
    let mut history = random_prompt(random, vocabulary);
    let prompt = history.len();
    let mut reference = Reference::new(model, Attention::Hull, Kernel::Portable).unwrap();
    let mut taken = 0;
    while history.len() < length {
        let stepped = history[taken..].iter().try_for_each(|&token| reference.step(token));
        taken = history.len();
        let predicted = stepped.and_then(|()| reference.next_token());
        let any = Token(random.below(vocabulary) as u32);
        let is_wrong = random.below(20) == 0;
        let next = predicted.map_or(any, |token| if is_wrong { any } else { token });
        // The stop token ends a trace.
        history.push(if next == model.stop() { Token(0) } else { next });
    }
    (history, prompt)
}

/// The model with kinds for its heads: each one that is right along a history, if there is one
/// besides lookup, and now and then some that may not be.
fn with_kinds(model: &Model, history: &[Token], random: &mut Random) -> Model {
    const KINDS: [HeadKind; 5] = [
        HeadKind::Lookup,
        HeadKind::Passthrough,
        HeadKind::Gather,
        HeadKind::Keyed,
        HeadKind::Mean,
    ];
    let shape = model.shape();
    let mut parts = parts(model);
    let mut kinds = vec![HeadKind::Lookup; shape.layers * shape.heads];
    let with = |parts: &mut ModelParts, kinds: &[HeadKind]| {
        parts.kinds = Some(kinds.to_vec());
        Model::new(parts.clone()).unwrap()
    };
    for at in 0..kinds.len() {
        let is_right = |kind: &HeadKind| {
            let mut kinds = vec![HeadKind::Lookup; kinds.len()];
            kinds[at] = *kind;
            let model = with(&mut parts, &kinds);
            let found = by_reference(&model, history, history.len(), Attention::Kinds);
            found.fault.is_none()
        };
        let right: Vec<HeadKind> = KINDS[1..].iter().copied().filter(is_right).collect();
        if !right.is_empty() {
            kinds[at] = *random.choose(&right);
        }
    }
    for _ in 0..[0, 0, 1, 4][random.below(4) as usize] {
        let at = random.below(kinds.len() as u64) as usize;
        kinds[at] = *random.choose(&KINDS);
    }
    with(&mut parts, &kinds)
}

#[test]
fn random_models_are_verified_as_the_reference_runs_them() {
    let (mut wrong, mut faults, mut great, mut shared) = (0, 0, 0, [0; 5]);
    for seed in 1..=u64::from(cases(120)) {
        let model = random_model(seed * 0x9e37_79b9);
        let random = &mut Random(!seed | 1);
        let (history, prompt) = history(&model, random, 150);
        let model = with_kinds(&model, &history, random);
        for head in 0..model.shape().layers * model.shape().heads {
            let (layer, head) = (head / model.shape().heads, head % model.shape().heads);
            if !model.layer(layer).is_dead_head(head) {
                shared[model.kind(layer, head) as usize] += 1;
            }
        }
        let found = check(&model, &history, prompt);
        (wrong, faults) = (wrong + found.0, faults + found.1);
        great += usize::from(found.2);
    }
    println!(
        "{wrong} wrong tokens, {faults} faults, {great} without bounds, {shared:?} heads by kind"
    );
    assert!(shared.iter().all(|&heads| heads > 10));
}

/// By hulls the reference asks every head, whether it has an effect or not.
#[test]
fn a_head_without_effect_may_refuse_a_key_of_a_hull() {
    let mut hand = Hand::new(4, 1);
    hand.features(4, &[0.0, 1e9, 1.0]).head([0, 0], Row::Key, 0, &[(4, 2.0)]);
    let model = hand.kind([0, 0], HeadKind::Keyed).model();
    let history = [0, 2, 1, 1].map(Token);
    for (attention, faults) in [(Attention::Hull, 1), (Attention::Brute, 1), (Attention::Kinds, 0)]
    {
        let expected = by_reference(&model, &history, 1, attention);
        assert_eq!(usize::from(expected.fault.is_some()), faults);
        let end = expected.fault.map(|(position, error)| End::Broken { position, error });
        for products in Products::ALL {
            let settings =
                Settings { attention, products, kernel: Kernel::Portable, block: 64, spot: None };
            let tokens = history.iter().copied().map(Ok::<_, Infallible>);
            let found = verify(&model, 1, tokens, settings, &POOLS[1], |_| ()).unwrap();
            assert_eq!(found.end, end.clone().unwrap_or(End::Open), "{settings:?}");
        }
    }
}

/// A head at fault before a token that cannot be read is what is told, however blocks are cut.
#[test]
fn a_fault_before_an_unreadable_token_is_told() {
    let mut hand = Hand::new(4, 1);
    hand.copies([0, 0], (ONE, 1.0), 6).head([0, 0], Row::Key, 0, &[(4, -1e6)]);
    let model = hand.kind([0, 0], HeadKind::Passthrough).feature(1, 4, 1.0).model();
    for (fault, block) in [(3, 1), (3, 4), (3, 64), (19, 1), (19, 8), (19, 64), (25, 4), (25, 64)] {
        for pool in POOLS.iter() {
            let token = |at: usize| match at {
                20 => Err("unreadable"),
                at => Ok(Token(if at == fault { 1 } else { 2 })),
            };
            let (attention, kernel) = (Attention::Kinds, Kernel::Portable);
            let settings =
                Settings { attention, products: Products::Sparse, kernel, block, spot: None };
            match verify(&model, 1, (0..30).map(token), settings, pool, |_| ()) {
                // No token follows the 20th: nothing is computed of it.
                Err(error) => assert!(fault >= 19 && error.to_string() == "unreadable"),
                Ok(found) => {
                    let End::Broken { position, .. } = found.end else { panic!("{found:?}") };
                    assert!(fault == 3 && position == 3);
                }
            }
        }
    }
}

/// Tables by token are no multiple of the model's file.
#[test]
fn many_layers_of_many_tokens_take_little_memory() {
    let shape = Shape { vocabulary: 65_536, width: 4, layers: 60, heads: 2, units: 0 };
    let layer = |layer: usize| {
        let mut attention_in = vec![0.0; 3 * 4 * 4];
        for head in 0..2 {
            // Query (t, 1) and key (2t, -t²), with the constant in slot 3.
            let rows = [(0, 0, 1.0), (1, 3, 1.0), (4, 0, 2.0), (5, 2, -1.0)];
            for (row, slot, weight) in rows {
                attention_in[(row + 2 * head) * 4 + slot] = weight;
            }
            for row in 0..2 {
                let number = (4 * layer + 2 * head + row + 1) as f64;
                attention_in[(8 + 2 * head + row) * 4 + 3] = number;
            }
        }
        // Read by a slot that no value reads.
        let attention_out = (0..16).map(|at| if at < 4 { 1e-9 } else { 0.0 }).collect();
        LayerParts { attention_in, attention_out, ..LayerParts::default() }
    };
    let model = Model::new(ModelParts {
        shape,
        stop: Token(0),
        vocabulary: (0..65_536).map(|token| format!("t{token}")).collect(),
        embedding: (0..65_536).flat_map(|_| [0.0, 0.0, 0.0, 1.0]).collect(),
        layers: (0..60).map(layer).collect(),
        head: vec![0.0; 65_536 * 4],
        clears: None,
        ties: Some(vec![TieBreak::Latest; 120]),
        kinds: Some(vec![HeadKind::Gather; 120]),
    })
    .unwrap();
    let tokens = [1, 65_535, 2, 3].map(|token| Ok::<_, Infallible>(Token(token))).into_iter();
    let (attention, kernel) = (Attention::Kinds, Kernel::Portable);
    let settings =
        Settings { attention, products: Products::Sparse, kernel, block: 64, spot: None };
    let found = verify(&model, 4, tokens, settings, &POOLS[0], |_| ()).unwrap();
    assert!(found.attention_bytes < 40 << 20, "{found:?}");
}

/// A head of layer 1 fails in one block, a head of layer 0 in the next, which may be there first.
#[test]
fn of_faults_in_neighbouring_blocks_the_first_position_counts() {
    let mut hand = Hand::new(6, 2);
    for (layer, slot) in [(0, 4), (1, 5)] {
        hand.copies([layer, 0], (ONE, 1.0), 6)
            .head([layer, 0], Row::Key, 0, &[(slot, -1e6)])
            .kind([layer, 0], HeadKind::Passthrough);
    }
    let model = hand.feature(1, 4, 1.0).feature(2, 5, 1.0).model();
    for run in 0..400 {
        let mut history = vec![Token(3); 200];
        let first = 40 + run % 80;
        (history[first], history[first + 1 + run % 7]) = (Token(2), Token(1));
        let attention = Attention::Kinds;
        let expected = by_reference(&model, &history, history.len(), attention);
        for (block, pool) in [(4, 1), (4, 2), (1, 2)] {
            let (products, kernel) = (Products::ALL[run % 2], Kernel::Portable);
            let settings = Settings { attention, products, kernel, block, spot: None };
            let tokens = history.iter().copied().map(Ok::<_, Infallible>);
            let found = verify(&model, 1, tokens, settings, &POOLS[pool], |_| ()).unwrap();
            let End::Broken { position, error } = found.end else { panic!("{found:?}") };
            assert_eq!(Some((position, error)), expected.fault, "{settings:?}");
            assert_eq!(position, first as u64);
        }
    }
}

/// What a layer makes of great numbers may be infinite somewhere, and 0 times that is no number in
/// the reference, where products leave it out.
#[test]
fn where_numbers_have_no_bound_verification_ends() {
    let mut hand = Hand::new(6, 2);
    let model = hand.copies([0, 0], (4, 1e20), 6).feature(1, 4, 1e20).feature(2, 5, 1e28).model();
    for (token, layers, slot, number) in [(1, 1, 6, 1e40), (2, 0, 5, 1e28)] {
        for (at, products) in [3, 17, 90].into_iter().flat_map(|at| Products::ALL.map(|p| (at, p)))
        {
            let mut history = vec![Token(3); 100];
            history[at] = Token(token);
            for (block, pool) in [(1, 2), (7, 1), (64, 0), (512, 1)] {
                let (attention, kernel) = (Attention::Kinds, Kernel::Portable);
                let settings = Settings { attention, products, kernel, block, spot: None };
                let tokens = history.iter().copied().map(Ok::<_, Infallible>);
                let found = verify(&model, 1, tokens, settings, &POOLS[pool], |_| ()).unwrap();
                let position = at as u64;
                let error = EngineError::GreatNumber { layers, slot, position, number };
                assert_eq!(found.end, End::Broken { position, error }, "{settings:?}");
                assert_eq!(found.positions, position);
            }
        }
    }
    // A clear of any size has a bound; a square of it has none.
    let verified = |model: &Model, products| {
        let (attention, kernel) = (Attention::Hull, Kernel::Portable);
        let settings = Settings { attention, products, kernel, block: 64, spot: None };
        let tokens = [3, 3].map(|token| Ok::<_, Infallible>(Token(token))).into_iter();
        verify(model, 1, tokens, settings, &POOLS[0], |_| ()).map(|found| found.end)
    };
    let bounded = hand.head([1, 1], Row::Key, 0, &[(4, -1e120)]).model();
    let unbounded = hand.unit([1, 0], &[(4, 1e160)], &[(4, 1e160)], (7, 1.0)).model();
    for products in Products::ALL {
        assert_eq!(verified(&bounded, products).unwrap(), End::Open);
        let refused = verified(&unbounded, products).unwrap_err().to_string();
        assert!(refused.starts_with("behind 1 layers weights are so great"), "{refused}");
    }
}
