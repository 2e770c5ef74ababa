//! A head of random sparse weights in an otherwise good model: nothing can be proved of it. Where no logit
//! depends on it the plan leaves it out; where one does the model has no plan, the refusal names the head,
//! and the reference runs from the first token on and says so.

use hardmax::engine::{Attention, Decoder, Planned, Reason, Reference};
use hardmax::linalg::Kernel;
use hardmax::model::{HeadKind, Model, ModelParts, TieBreak};
use hardmax::plan::{Place, Plan, Refusal, Rule};
use hardmax::program::text;
use hardmax::tokenizer::Tokenizer;

use crate::bundled_model::parts;
use crate::generator::Random;

/// The bundled model with a stray head in place of one that does nothing, which is added to a slot.
fn with_stray_head(
    random: &mut Random,
    slot: impl Fn(&ModelParts) -> Option<usize>,
) -> (Model, usize) {
    let bundled = Model::from_bytes(&include_bytes!("../../models/wasm32.bin")[..]).unwrap();
    let mut parts = parts(&bundled);
    let (width, heads) = (parts.shape.width, parts.shape.heads);
    let slot = slot(&parts);
    // The last layer that has a head to spare.
    let is_dead = |parts: &ModelParts, layer: usize, head: usize| {
        let out = &parts.layers[layer].attention_out;
        (0..width).all(|slot| out[slot * width + 2 * head] == 0.0)
            && (0..width).all(|slot| out[slot * width + 2 * head + 1] == 0.0)
    };
    let places =
        (0..parts.layers.len()).flat_map(|layer| (0..heads).map(move |head| (layer, head)));
    let (layer, head) = places.rev().find(|&(l, h)| is_dead(&parts, l, h)).unwrap();
    for row in 0..6 {
        let row = (row / 2) * width + 2 * head + row % 2;
        for _ in 0..3 {
            let weight = random.below(2_000) as f64 / 300.0 - 3.0;
            let from = random.below(width as u64) as usize;
            parts.layers[layer].attention_in[row * width + from] = weight;
        }
    }
    if let Some(slot) = slot {
        parts.layers[layer].attention_out[slot * width + 2 * head] = 2f64.powi(-20);
    }
    let at = layer * heads + head;
    parts.kinds.as_mut().unwrap()[at] = HeadKind::Lookup;
    parts.ties.as_mut().unwrap()[at] = TieBreak::Latest;
    (Model::new(parts).unwrap(), head)
}

/// A slot that logits read, and that the last layer's feed-forward does not clear.
fn read_by_logits(parts: &ModelParts) -> Option<usize> {
    let width = parts.shape.width;
    let cleared = |slot: usize| {
        let clears = parts
            .clears
            .iter()
            .flatten()
            .flat_map(|clears| clears.after_attention.iter().chain(&clears.after_feed_forward));
        clears.into_iter().any(|&cleared| cleared as usize == slot)
    };
    let read = |slot: usize| parts.head.iter().skip(slot).step_by(width).any(|&w| w != 0.0);
    (0..width).find(|&slot| read(slot) && !cleared(slot))
}

#[test]
fn a_stray_head_that_no_logit_reads_is_left_out_and_one_that_a_logit_reads_is_named() {
    let (mut refused, mut differ) = (0, 0);
    for seed in 1..12 {
        let random = &mut Random(seed);
        let (unread, _) = with_stray_head(random, |_| None);
        let bos = Plan::likely_bos(&unread);
        assert!(Plan::new(&unread, bos).is_ok(), "seed {seed}");

        let (model, stray) = with_stray_head(random, read_by_logits);
        let plan = Plan::new(&model, bos);
        let Err(Refusal::Unproved(cause)) = plan else { panic!("seed {seed}: {plan:?}") };
        assert!(matches!(cause.place, Place::Head { head, .. } if head == stray), "{cause}");
        refused += usize::from(cause.rule == Rule::HeadForm);

        let program = text::parse_program(include_bytes!("../vectors/reverse.txt")).unwrap();
        let prompt = Tokenizer::new(model.vocabulary()).encode(&program.prompt()).unwrap();
        let kernel = Kernel::preferred();
        let mut engine = Planned::new(&model, &plan, Attention::Kinds, kernel);
        let mut reference = Reference::new(&model, Attention::Kinds, kernel).unwrap();
        let mut own = Reference::new(&unread, Attention::Kinds, kernel).unwrap();
        for &token in &prompt {
            engine.take(token, true).unwrap();
            reference.step(token).unwrap();
            own.step(token).unwrap();
            assert_eq!(engine.next_token(), reference.next_token(), "seed {seed}");
            differ += usize::from(reference.logits() != own.logits());
        }
        let fallback = engine.fallback().unwrap();
        assert_eq!(fallback.position, 0);
        assert_eq!(fallback.reason, Reason::Refused(Refusal::Unproved(cause)));
    }
    assert!(refused > 5 && differ > 500, "{refused} of no known form, {differ} other logits");
}
