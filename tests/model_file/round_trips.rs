//! What is written is read again, whole and in its place.

use hardmax::model::{
    Clears, HeadKind, LayerParts, MatrixName, Model, ModelParts, Shape, TieBreak, Token,
};
use proptest::prelude::*;

use crate::draft::{CLEARS, D, Draft, F, H, KINDS, L, NAMES, TIES, V, sample, sample_with, weight};
use crate::parts::parts_of;

#[test]
fn a_file_with_all_parts_is_read_in_full() {
    let model = Model::from_bytes(sample().bytes).unwrap();
    assert_eq!(model.shape(), Shape { vocabulary: V, width: D, layers: L, heads: H, units: F });
    assert_eq!(model.stop(), Token(2));
    let names: Vec<_> = model.vocabulary().iter().map(|(_, name)| name).collect();
    assert_eq!(names, NAMES);
    assert!(model.has_clears() && model.has_ties() && model.has_kinds());

    assert_eq!(model.layer(0).cleared_after_attention, [3]);
    assert_eq!(model.layer(0).cleared_after_feed_forward, [0; 0]);
    assert_eq!(model.layer(1).cleared_after_attention, [0; 0]);
    assert_eq!(model.layer(1).cleared_after_feed_forward, [5, 0]);
    use {HeadKind::*, TieBreak::*};
    let ties = (0..L * H).map(|i| model.tie(i / H, i % H));
    assert!(ties.eq([Average, Latest, Latest, Average, Average, Latest]));
    let kinds = (0..L * H).map(|i| model.kind(i / H, i % H));
    assert!(kinds.eq([Lookup, Passthrough, Gather, Keyed, Mean, Lookup]));
}

#[test]
fn weights_stand_in_the_order_of_the_file() {
    let model = Model::from_bytes(sample().bytes).unwrap();
    let mut next = 0;
    let mut expect = |matrix: hardmax::model::Matrix, rows, cols| {
        assert_eq!((matrix.rows, matrix.cols), (rows, cols));
        for row in 0..rows {
            for &element in matrix.row(row) {
                assert_eq!(element, weight(next));
                next += 1;
            }
        }
    };
    expect(model.embedding(), V, D);
    for layer in model.layers() {
        expect(layer.attention_in, 3 * D, D);
        expect(layer.attention_out, D, D);
        expect(layer.feed_forward_in, 2 * F, D);
        expect(layer.feed_forward_out, D, F);
    }
    expect(model.head(), V, D);
    assert_eq!(model.matrix(MatrixName::FeedForwardOut(1)), model.layer(1).feed_forward_out);
}

#[test]
fn a_file_may_end_before_each_optional_part() {
    let sample = sample();
    for (i, end) in sample.parts_at.into_iter().enumerate() {
        let bytes = sample.cut(end);
        let model = Model::from_bytes(bytes.clone()).unwrap();
        let present = [model.has_clears(), model.has_ties(), model.has_kinds()];
        assert_eq!(present, [i > 0, i > 1, i > 2]);
        assert_eq!(model.to_bytes(), bytes);
    }
}

#[test]
fn a_flag_of_zero_leaves_out_its_part_alone() {
    for bits in 0..8 {
        let present = [bits & 1 != 0, bits & 2 != 0, bits & 4 != 0];
        let file = sample_with(NAMES, present);
        for end in [file.parts_at[1], file.parts_at[2], file.bytes.len()] {
            let bytes = file.cut(end);
            let model = Model::from_bytes(bytes.clone()).unwrap();
            assert_eq!(model.has_clears(), present[0]);
            assert_eq!(model.has_ties(), present[1] && end > file.parts_at[1]);
            assert_eq!(model.has_kinds(), present[2] && end > file.parts_at[2]);
            assert_eq!(model.to_bytes(), bytes);
        }
    }
}

#[test]
fn absent_parts_mean_nothing_cleared_all_average_all_lookup() {
    let model = Model::from_bytes(sample_with(NAMES, [false; 3]).bytes).unwrap();
    for (l, layer) in model.layers().enumerate() {
        assert!(layer.cleared_after_attention.is_empty());
        assert!(layer.cleared_after_feed_forward.is_empty());
        for h in 0..H {
            assert_eq!(model.tie(l, h), TieBreak::Average);
            assert_eq!(model.kind(l, h), HeadKind::Lookup);
        }
    }
}

#[test]
fn names_of_any_length_may_stand_before_the_weights() {
    for length in 0..=16 {
        let name = "é".repeat(length / 2) + &"x".repeat(length % 2);
        let bytes = sample_with([&name, "a", "b"], [true; 3]).bytes;
        let model = Model::from_bytes(bytes.clone()).unwrap();
        assert_eq!(model.vocabulary().name(Token(0)), name);
        assert_eq!(model.embedding().row(0)[1], weight(1));
        assert_eq!(model.head().row(V - 1)[D - 1], weight(crate::draft::WEIGHTS - 1));
        assert_eq!(model.to_bytes(), bytes);
    }
}

#[test]
fn a_model_rebuilt_from_its_accessors_is_the_same_file() {
    for present in [[true; 3], [true, false, true], [false; 3]] {
        let bytes = sample_with(NAMES, present).bytes;
        let model = Model::from_bytes(bytes.clone()).unwrap();
        let rebuilt = Model::new(parts_of(&model)).unwrap();
        assert_eq!(rebuilt.to_bytes(), bytes);
    }
}

#[test]
fn the_bytes_of_the_smallest_model() {
    let model = Model::new(ModelParts {
        shape: Shape { vocabulary: 1, width: 4, layers: 0, heads: 2, units: 0 },
        stop: Token(0),
        vocabulary: vec!["halt".into()],
        embedding: vec![1., -2., 0., 0.5],
        layers: vec![],
        head: vec![0., 0., -0., 1e30],
        clears: Some(vec![]),
        ties: None,
        kinds: Some(vec![]),
    });
    #[rustfmt::skip]
    let expected = [
        1, 0, 0, 0,  4, 0, 0, 0,  0, 0, 0, 0,  2, 0, 0, 0,  0, 0, 0, 0,  0, 0, 0, 0,
        4, 0, 0, 0,  b'h', b'a', b'l', b't',
        0, 0, 0, 0, 0, 0, 0xf0, 0x3f,
        0, 0, 0, 0, 0, 0, 0x00, 0xc0,
        0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0xe0, 0x3f,
        0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0x80,
        0xea, 0x8c, 0xa0, 0x39, 0x59, 0x3e, 0x29, 0x46,
        1, 0, 0, 0,
        0, 0, 0, 0,
        1, 0, 0, 0,
    ];
    assert_eq!(model.unwrap().to_bytes(), expected);
}

/// Its only name is empty, and there are no optional parts: no model has fewer bytes.
#[test]
fn a_file_may_be_as_short_as_its_header_says() {
    let mut bytes: Vec<u8> =
        [1, 4, 0, 2, 0, 0, 0].iter().flat_map(|int: &i32| int.to_le_bytes()).collect();
    bytes.extend([0; 8 * 8]);
    let model = Model::from_bytes(bytes.clone()).unwrap();
    assert_eq!((model.vocabulary().name(Token(0)), model.head().data), ("", &[0.0; 4][..]));
    assert_eq!(model.to_bytes(), bytes);
    bytes.pop();
    assert!(Model::from_bytes(bytes).is_err());
}

#[test]
#[should_panic(expected = "there is no layer 2")]
fn there_is_no_matrix_of_a_layer_past_the_last() {
    Model::from_bytes(sample().bytes).unwrap().matrix(MatrixName::AttentionIn(2));
}

#[test]
fn the_optional_parts_are_written_as_the_format_says() {
    let file = sample();
    let model = Model::from_bytes(file.bytes.clone()).unwrap();
    let written = Model::new(parts_of(&model)).unwrap().to_bytes();
    let expected =
        Draft::default().ints(&[1]).ints(&CLEARS).ints(&[1]).ints(&TIES).ints(&[1]).ints(&KINDS);
    assert_eq!(written[file.parts_at[0]..], expected.0);
}

fn weights(count: usize) -> impl Strategy<Value = Vec<f64>> {
    let finite = prop_oneof![
        4 => -10.0..10.0f64,
        1 => prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO,
    ];
    prop::collection::vec(finite, count)
}

fn clears(width: usize) -> impl Strategy<Value = Clears> {
    let slots = move || prop::sample::subsequence((0..width as u32).collect::<Vec<_>>(), 0..=width);
    (slots().prop_shuffle(), slots().prop_shuffle())
        .prop_map(|(a, f)| Clears { after_attention: a, after_feed_forward: f })
}

prop_compose! {
    fn layer(d: usize, f: usize)(
        attention_in in weights(3 * d * d),
        attention_out in weights(d * d),
        feed_forward_in in weights(2 * f * d),
        feed_forward_out in weights(d * f),
    ) -> LayerParts {
        LayerParts { attention_in, attention_out, feed_forward_in, feed_forward_out }
    }
}

fn valid_parts() -> impl Strategy<Value = ModelParts> {
    let tie = prop_oneof![Just(TieBreak::Average), Just(TieBreak::Latest)];
    let kind = prop_oneof![
        Just(HeadKind::Lookup),
        Just(HeadKind::Passthrough),
        Just(HeadKind::Gather),
        Just(HeadKind::Keyed),
        Just(HeadKind::Mean),
    ];
    let vocabulary = prop::collection::hash_set(".{0,6}", 1..5);
    (vocabulary, 2..4usize, 0..3usize, 0..3usize).prop_flat_map(move |(names, h, l, f)| {
        let (v, d, f) = (names.len(), 2 * h, if l == 0 { 0 } else { f });
        let shape = Shape { vocabulary: v, width: d, layers: l, heads: h, units: f };
        let names: Vec<String> = names.into_iter().collect();
        (
            (0..v as u32, weights(v * d), weights(v * d)),
            prop::collection::vec(layer(d, f), l),
            prop::option::of(prop::collection::vec(clears(d), l)),
            prop::option::of(prop::collection::vec(tie.clone(), l * h)),
            prop::option::of(prop::collection::vec(kind.clone(), l * h)),
        )
            .prop_map(move |((stop, embedding, head), layers, clears, ties, kinds)| {
                ModelParts {
                    shape,
                    stop: Token(stop),
                    vocabulary: names.clone(),
                    embedding,
                    layers,
                    head,
                    clears,
                    ties,
                    kinds,
                }
            })
    })
}

proptest! {
    #[test]
    fn any_valid_parts_become_a_model_that_says_the_same(parts in valid_parts()) {
        let model = Model::new(parts.clone()).unwrap();
        prop_assert_eq!(&parts_of(&model), &parts);
        let again = Model::from_bytes(model.to_bytes()).unwrap();
        prop_assert_eq!(&parts_of(&again), &parts);
        prop_assert_eq!(again.to_bytes(), model.to_bytes());
    }
}
