use super::*;
use crate::machine::{HALT, Op, Symbol, graph};
use crate::model::Model;

fn build(seed: u64) -> (Style, Build) {
    let style = Style::random(seed);
    let graph = graph::machine_of(Op::plain(), style.locals);
    let build = build_in(&style, &graph, Symbol::names(Op::plain()), &HALT.to_string());
    (style, build)
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_others() {
    let bytes = |seed| Model::new(build(seed).1.parts).unwrap().to_bytes();
    assert_eq!(bytes(7), bytes(7));
    assert_ne!(bytes(7), bytes(8));
}

#[test]
fn heads_are_of_three_kinds_or_none_and_every_choice_is_made() {
    let (mut named, mut listed, mut kept, mut signs, mut negative) = (0, 0, 0, 0, 0);
    for seed in 0..40 {
        let (style, Build { parts, .. }) = build(seed);
        let others = [HeadKind::Lookup, HeadKind::Passthrough, HeadKind::Gather];
        assert!(parts.kinds.iter().flatten().all(|kind| others.contains(kind)), "{style:?}");
        named += usize::from(parts.kinds.is_some());
        listed += usize::from(parts.clears.is_some());
        kept += usize::from(style.dead == Dead::Kept);
        signs += usize::from(style.both_signs);
        negative += usize::from(style.negative_keys);
        assert_eq!(parts.vocabulary.len(), 821, "the tokens of 34 instructions");
    }
    let counts = [named, listed, kept, signs, negative];
    assert!(counts.iter().all(|&count| (3..38).contains(&count)), "{counts:?}");
}

/// No weight of any row is 1.5·2^52: nothing is rounded on purpose but quotients, of which a machine
/// without division has none.
#[test]
fn running_sums_are_not_rounded_on_purpose() {
    for seed in 0..10 {
        let (_, Build { parts, .. }) = build(seed);
        let mut weights = parts.layers.iter().flat_map(|layer| {
            [
                &layer.attention_in,
                &layer.attention_out,
                &layer.feed_forward_in,
                &layer.feed_forward_out,
            ]
            .into_iter()
            .flatten()
        });
        assert!(weights.all(|weight| weight.abs() != crate::graph::ROUNDING));
    }
}

/// What dead values leave in their slots is subtracted, and slots are used again.
#[test]
fn values_that_died_are_subtracted_where_a_style_says_so() {
    let (mut subtracted, mut narrower) = (0, 0);
    for seed in 0..40 {
        let style = Style { dead: Dead::Subtracted, ..Style::random(seed) };
        let machine = graph::machine_of(Op::plain(), style.locals);
        let graph = rewrite::rewritten(
            &machine,
            &(0..Symbol::with_program().len()).collect::<Vec<_>>(),
            &style,
        );
        let operations = operations::operations(&graph);
        let times = schedule::drawn(&operations, style.spare_layers, &mut Rng::with_seed(seed));
        let layout = slots::subtracted(&operations, layout::allocate(&operations, &times));
        subtracted += layout.half_layers.iter().map(|half| half.subtracted.len()).sum::<usize>();
        narrower += usize::from(layout.width() < slots::kept(&operations, &times).width());
        let most = layout.half_layers.iter().skip(1).step_by(2).zip(&layout.units_of);
        assert!(most.into_iter().all(|(half, own)| own + half.passed.len() <= layout.units));
    }
    assert!(subtracted > 100 && narrower == 40, "{subtracted} subtracted, {narrower} narrower");
}
