//! Every fault of header, vocabulary and weights by its name, at its place; and what messages say.

use hardmax::model::{MatrixName, Model, ModelError, PartName, Token};

use crate::draft::{CLEARS, D, Draft, HEADER, Sample, TIES, V, sample, sample_with};

pub fn fault(bytes: Vec<u8>) -> ModelError {
    Model::from_bytes(bytes).expect_err("a faulty file")
}

/// The error matches the pattern, or is shown.
macro_rules! assert_fault {
    ($error:expr, $pattern:pat $(if $guard:expr)?) => {{
        let error = $error;
        assert!(matches!(error, $pattern $(if $guard)?), "{error:?}");
    }};
}

pub(crate) use assert_fault;

mod header {
    use super::*;

    #[test]
    fn is_cut() {
        assert_fault!(
            fault(sample().cut(23)),
            ModelError::Truncated { offset: 0, needed: 24, left: 23, .. }
        );
    }

    #[test]
    fn announces_more_than_there_is() {
        let file = sample();
        let length = file.weights_at as u64 + 8;
        assert_fault!(
            fault(file.cut(length as usize)),
            ModelError::TooShort { offset: 0, needed: 2916, length: l } if l == length
        );
    }

    #[test]
    fn needs_tokens() {
        for wrong in [0, -1, i32::MIN] {
            assert_fault!(
                fault(sample().with_int(0, wrong)),
                ModelError::VocabularySize { offset: 0, value } if value == i64::from(wrong)
            );
        }
    }

    #[test]
    fn needs_an_even_width_of_at_least_four() {
        for wrong in [0, 2, 3, 5, -6, i32::MAX] {
            assert_fault!(
                fault(sample().with_int(4, wrong)),
                ModelError::Width { offset: 4, value } if value == i64::from(wrong)
            );
        }
    }

    #[test]
    fn needs_no_negative_number_of_layers() {
        assert_fault!(fault(sample().with_int(8, -1)), ModelError::Layers { offset: 8, value: -1 });
    }

    #[test]
    fn needs_half_as_many_heads_as_slots() {
        for wrong in [0, 2, 4, 6, -3, i32::MAX] {
            assert_fault!(
                fault(sample().with_int(12, wrong)),
                ModelError::Heads { offset: 12, value, width: 6 } if value == i64::from(wrong)
            );
        }
    }

    #[test]
    fn needs_no_negative_number_of_units() {
        assert_fault!(
            fault(sample().with_int(16, -7)),
            ModelError::Units { offset: 16, value: -7 }
        );
    }

    #[test]
    fn has_no_units_where_it_has_no_layers() {
        assert_fault!(
            fault(sample().with_int(8, 0)),
            ModelError::UnitsWithoutLayers { offset: 16, value: 1 }
        );
    }

    #[test]
    fn stops_at_a_token() {
        for wrong in [3, -1, i32::MAX, i32::MIN] {
            assert_fault!(
                fault(sample().with_int(20, wrong)),
                ModelError::StopToken { offset: 20, value, last: 2 } if value == i64::from(wrong)
            );
        }
    }
}

mod vocabulary {
    use super::*;

    /// With all weights 0, so that a name which reaches into them is still UTF-8.
    fn sample_of_zeros() -> Sample {
        let mut file = sample();
        file.bytes[file.weights_at..file.parts_at[0]].fill(0);
        file
    }

    // "{" stands at 24..29, "i32.add" at 29..40, "halt" at 40..48.

    #[test]
    fn has_no_name_longer_than_the_rest_of_the_file() {
        let file = sample();
        let rest = (file.bytes.len() - 33) as u64;
        for wrong in [rest as i32 + 1, -1] {
            assert_fault!(
                fault(file.with_int(29, wrong)),
                ModelError::NameLength { offset: 29, token: Token(1), length, limit }
                    if length == u64::from(wrong as u32) && limit == rest
            );
        }
    }

    #[test]
    fn leaves_room_for_the_weights() {
        let file = sample_of_zeros();
        let bytes = file.with_int(40, 100);
        assert_fault!(
            fault(bytes[..file.parts_at[0]].to_vec()),
            ModelError::Truncated { offset: 144, needed: 2880, left: 2784, .. }
        );
    }

    #[test]
    fn ends_before_a_name_has_its_length() {
        let file = sample_of_zeros();
        let rest = (file.bytes.len() - 33) as i32;
        assert_fault!(
            fault(file.with_int(29, rest)),
            ModelError::Truncated { offset, needed: 4, left: 0, .. } if offset == file.bytes.len()
        );
    }

    #[test]
    fn is_utf8() {
        let mut bytes = sample().bytes;
        bytes[33 + 4] = 0xff;
        assert_fault!(
            fault(bytes),
            ModelError::NameNotUtf8 { offset: 37, token: Token(1), value: 0xff }
        );
    }

    #[test]
    fn has_every_name_once() {
        let bytes = sample_with(["a", "bcd", "a"], [true; 3]).bytes;
        let ModelError::DuplicateName { offset, name, first, second } = fault(bytes) else {
            panic!("another error");
        };
        assert_eq!((offset, name.as_str()), (24 + 5 + 7, "a"));
        assert_eq!((first, second), (Token(0), Token(2)));
    }
}

mod weights {
    use super::*;

    #[test]
    fn are_finite() {
        // The last element of each matrix, by its number among the weights.
        let layer = 4 * D * D + 3 * D;
        let at = [
            (0, MatrixName::Embedding, (0, 0)),
            (V * D - 1, MatrixName::Embedding, (2, 5)),
            (V * D, MatrixName::AttentionIn(0), (0, 0)),
            (V * D + 3 * D * D, MatrixName::AttentionOut(0), (0, 0)),
            (V * D + layer - 6, MatrixName::FeedForwardOut(0), (0, 0)),
            (V * D + layer - 7, MatrixName::FeedForwardIn(0), (1, 5)),
            (V * D + layer, MatrixName::AttentionIn(1), (0, 0)),
            (V * D + 2 * layer - 1, MatrixName::FeedForwardOut(1), (5, 0)),
            (2 * V * D + 2 * layer - 1, MatrixName::Head, (2, 5)),
        ];
        for (index, name, place) in at {
            for wrong in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let mut file = sample();
                let start = file.weights_at + 8 * index;
                file.bytes[start..start + 8].copy_from_slice(&wrong.to_le_bytes());
                assert_fault!(
                    fault(file.bytes),
                    ModelError::NonFiniteWeight { offset, matrix, row, col, value }
                        if offset == start
                            && matrix == name
                            && (row, col) == place
                            && value.to_bits() == wrong.to_bits()
                );
            }
        }
    }

    #[test]
    fn are_all_finite_however_many_are_not() {
        for count in 1..9 {
            let mut file = sample();
            let first = file.weights_at + 8 * (V * D);
            let wrong = [f64::NAN, f64::INFINITY].map(f64::to_le_bytes).concat();
            for (at, byte) in wrong.iter().cycle().take(8 * count).enumerate() {
                file.bytes[first + at] = *byte;
            }
            assert_fault!(
                fault(file.bytes),
                ModelError::NonFiniteWeight { offset, matrix: MatrixName::AttentionIn(0), .. }
                    if offset == first
            );
        }
    }

    #[test]
    fn of_any_finite_size_are_fine() {
        for fine in [f64::MAX, f64::MIN, 5e-324, -0.0] {
            let mut file = sample();
            let start = file.weights_at;
            file.bytes[start..start + 8].copy_from_slice(&fine.to_le_bytes());
            let model = Model::from_bytes(file.bytes).unwrap();
            assert_eq!(model.embedding().data[0].to_bits(), fine.to_bits());
        }
    }
}

#[test]
fn messages_say_what_where_and_what_to_do() {
    let file = sample();
    let ties = file.parts_at[1];
    let messages = [
        fault(file.with_int(12, 4)),
        fault(file.with_int(4, 2)),
        fault(file.with_int(20, 9)),
        fault(file.with_int(ties, 7)),
        fault(file.with_int(ties + 8, 7)),
        fault(file.cut(100)),
    ]
    .map(|error| error.to_string());
    assert_eq!(
        messages,
        [
            "byte 12: 4 heads, but a width of 6 slots makes 3: heads are two-dimensional",
            "byte 4: a width of 2 slots: it must be even (two slots a head) \
             and at least 4 (slots 0 to 2 hold the position)",
            "byte 20: the stop token is 9, but tokens are 0 to 2",
            "byte 2960: the flag of part 5 (tie-breaks) is 7: write 0 for absent, 1 for present",
            "byte 2968: head 1 of layer 0 has tie-break 7: there are 0 (average) and 1 (latest)",
            "byte 0: the header announces at least 2916 bytes and there are 100: \
             the file is cut short, or no model",
        ]
    );
}

#[test]
fn messages_name_the_half_the_part_and_the_matrix() {
    let file = sample();
    // The slots of layer 0 after attention, and of layer 1 after the feed-forward.
    let [first, last] = [8, 24].map(|at| fault(file.with_int(file.parts_at[0] + at, 6)));
    assert!(
        first.to_string().ends_with("layer 0 clears slot 6 after attention, but slots are 0 to 5")
    );
    assert!(
        last.to_string()
            .ends_with("layer 1 clears slot 6 after the feed-forward, but slots are 0 to 5")
    );
    let flags = file.parts_at.map(|at| fault(file.with_int(at, 2)).to_string());
    let names = ["part 4 (cleared slots)", "part 5 (tie-breaks)", "part 6 (head kinds)"];
    for (flag, name) in flags.iter().zip(names) {
        assert!(flag.contains(&format!("the flag of {name} is 2")), "{flag}");
    }
    let parts = [
        (PartName::Vocabulary, "the vocabulary has 1"),
        (PartName::Layers, "the list of layers has 1"),
        (PartName::Matrix(MatrixName::FeedForwardOut(3)), "feed-forward-out of layer 3 has 1"),
        (PartName::Clears, "the list of cleared slots by layer has 1"),
        (PartName::Ties, "the list of tie-breaks has 1"),
        (PartName::Kinds, "the list of head kinds has 1"),
    ];
    for (what, begins) in parts {
        let message = ModelError::PartLength { what, expected: 2, found: 1 }.to_string();
        assert_eq!(message, format!("{begins} elements, and the shape asks for 2"));
    }
    let matrices = [
        (MatrixName::Embedding, "the embedding"),
        (MatrixName::AttentionIn(0), "attention-in of layer 0"),
        (MatrixName::AttentionOut(1), "attention-out of layer 1"),
        (MatrixName::FeedForwardIn(2), "feed-forward-in of layer 2"),
        (MatrixName::Head, "the output head"),
    ];
    for (matrix, name) in matrices {
        assert_eq!(matrix.to_string(), name);
    }
    let shape = Model::from_bytes(file.bytes).unwrap().shape();
    assert_eq!(shape.to_string(), "V=3 D=6 L=2 H=3 F=1");
}

#[test]
fn a_hand_made_file_is_the_sample() {
    // So that the offsets in this file can be checked by eye.
    let file = sample();
    let start = Draft::default().ints(&HEADER).name(b"{").name(b"i32.add").name(b"halt");
    assert_eq!(file.bytes[..48], start.0);
    assert_eq!(file.weights_at, 48);
    assert_eq!(file.parts_at[0], 48 + 8 * 360);
    assert_eq!(file.parts_at[1], file.parts_at[0] + 4 + 4 * CLEARS.len());
    assert_eq!(file.parts_at[2], file.parts_at[1] + 4 + 4 * TIES.len());
}
